#compdef refresh-staging
# Completion of refresh-staging in zsh: put the folder of this file into fpath.

_refresh_staging_values() {
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

_refresh_staging() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--at)--at[the data as of this local time, such as 2026-11-23T09\:30, or of this transaction (default\: the newest backup)]:TIME: ' \
        '(--resume)--resume[go on with a run that was interrupted]' \
        '(--abort)--abort[undo a run that was interrupted]' \
        '(--dry-run)--dry-run[only tell what would be done]' \
        '(--json)--json[print one JSON object for programs]' \
        '(-q --quiet)-q[no progress]' \
        '(-q --quiet)--quiet[no progress]' \
        '(-v --verbose)-v[log every program that is run]' \
        '(-v --verbose)--verbose[log every program that is run]'
}

_refresh_staging "$@"
