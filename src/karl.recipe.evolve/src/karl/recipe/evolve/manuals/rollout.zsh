#compdef rollout
# Completion of rollout in zsh: put the folder of this file into fpath.

_rollout_values() {
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

_rollout() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--until)--until[the last step to do\: check, publish, freeze, ship, build, rehearse, evolve, confirm]:STEP:(check publish freeze ship build rehearse evolve confirm)' \
        '(--no-rehearsal)--no-rehearsal[do not rehearse the upgrade before it is made]' \
        '(--dry-run)--dry-run[only check, and tell what would be done]' \
        '(--json)--json[print one JSON object for programs]' \
        '(-q --quiet)-q[no progress]' \
        '(-q --quiet)--quiet[no progress]' \
        '(-v --verbose)-v[log every program that is run]' \
        '(-v --verbose)--verbose[log every program that is run]' \
        '1:VERSION:{_rollout_values "releases/*/release.json"}'
}

_rollout "$@"
