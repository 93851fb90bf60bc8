#compdef evolve
# Completion of evolve in zsh: put the folder of this file into fpath.

_evolve_values() {
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

_evolve() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--rehearse)--rehearse[evolve a copy and remove it; production stays writable]' \
        '(--postpone-cut-over)--postpone-cut-over[when all is ready, wait while this file is there]:FILE:_files' \
        '(--leave-deferred)--leave-deferred[leave for later what steps do in the background, after the cut-over]' \
        '(--resume)--resume[go on with a run that was interrupted]' \
        '(--abort)--abort[undo a run that was interrupted]' \
        '(--rollback)--rollback[go back to the release and the data that were live before]' \
        '(--discard-writes)--discard-writes[with --rollback\: also if something was written since; it is kept]' \
        '(--dry-run)--dry-run[only tell what would be done]' \
        '(--output)--output[with report\: where the page is written (default\: var/report.html, and with --json nowhere)]:FILE:_files' \
        '(--json)--json[print one JSON object for programs]' \
        '(-q --quiet)-q[no progress]' \
        '(-q --quiet)--quiet[no progress]' \
        '(-v --verbose)-v[log every program that is run]' \
        '(-v --verbose)--verbose[log every program that is run]' \
        '1::VERSION:{compadd report status; _evolve_values "releases/*/release.json"}'
}

_evolve "$@"
