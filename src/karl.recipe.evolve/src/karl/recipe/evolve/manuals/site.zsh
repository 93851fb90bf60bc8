#compdef site
# Completion of site in zsh: put the folder of this file into fpath.

_site_values() {
    local root place
    local -a found
    root=$(whence -p -- ${(Q)program}) || return
    root=${root:A:h:h}
    for place in $root/${~1}(N); do
        place=${place#$root/}
        case $1 in
            (\**) found+=(${place%%/*}) ;;
            (*) place=${place#*/} && found+=(${place%/*}) ;;
        esac
    done
    compadd -a found
}

_site() {
    local program=${words[1]} state line
    local -a verbs
    verbs=(
        'start:start the site, and wait until every process answers'
        'stop:stop the site, when the requests in flight are answered'
        'status:tell which processes run, and the mode'
        'restart:restart one process after the other, so that no request fails'
        'mode:tell the mode, or change it in all processes at once'
        'try:start a private process of a revision, and ask it'
        'inhibit:keep cron jobs from beginning'
        'allow:let cron jobs begin again'
        'run-if-normal:run a cron job, unless jobs are inhibited'
    )
    _arguments -C '(-h --help)-h[show this help message and exit]' '(-h --help)--help[show this help message and exit]' '1:verb:->verb' '*::argument:->rest' && return
    case $state in
        (verb) _describe verb verbs ;;
        (rest)
            case $line[1] in
                (start)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]'
                    ;;
                (stop)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]'
                    ;;
                (status)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]'
                    ;;
                (restart)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--if-running)--if-running[do not start a site that is stopped]'
                    ;;
                (mode)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--message)--message[shown to visitors]:TEXT: ' \
                        '(--retry-after)--retry-after[when visitors should try again (default\: the option retry-after)]:SECONDS: ' \
                        '1::mode:(normal read-only maintenance)'
                    ;;
                (try)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--path)--path[what to ask for (default\: the health path)]:PATH: ' \
                        '1:REVISION:{_site_values "revisions/*/revision.json"}'
                    ;;
                (inhibit)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--why)--why[shown by status]:TEXT: ' \
                        '(--wait)--wait[how long to wait for jobs that run (default\: not at all)]:SECONDS: '
                    ;;
                (allow)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]'
                    ;;
                (run-if-normal)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '*:COMMAND: '
                    ;;
            esac
            ;;
    esac
}

_site "$@"
