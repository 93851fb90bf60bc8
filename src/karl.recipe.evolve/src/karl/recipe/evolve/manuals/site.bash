# Completion of site in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
_karl_site_values() {
    local root place
    root=$(type -P -- "${COMP_WORDS[0]}") || return
    root=$(dirname -- "$(dirname -- "$(readlink -f -- "$root")")")
    for place in "$root"/$1; do
        [ -e "$place" ] || continue
        place=${place#"$root"/}
        case $1 in
            \*/*) place=${place%%/*} ;;
            *) place=${place#*/} place=${place%/*} ;;
        esac
        printf '%s\n' "$place"
    done
}

_karl_site() {
    local current=$2 previous=$3 verb= word options= words= files= found
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            start|stop|status|restart|mode|try|inhibit|allow|run-if-normal) verb=$word && break ;;
        esac
    done
    case $verb in
        start)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose"
                    words=""
                    ;;
            esac
            ;;
        stop)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose"
                    words=""
                    ;;
            esac
            ;;
        status)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose"
                    words=""
                    ;;
            esac
            ;;
        restart)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose --if-running"
                    words=""
                    ;;
            esac
            ;;
        mode)
            case $previous in
                --message)
                    words=""
                    ;;
                --retry-after)
                    words=""
                    ;;
                *)
                    options="-h --help --json -q --quiet -v --verbose --message --retry-after"
                    words="normal read-only maintenance"
                    ;;
            esac
            ;;
        try)
            case $previous in
                --path)
                    words=""
                    ;;
                *)
                    options="-h --help --json -q --quiet -v --verbose --path"
                    words="$(_karl_site_values 'revisions/*/revision.json')"
                    ;;
            esac
            ;;
        inhibit)
            case $previous in
                --why)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --json -q --quiet -v --verbose --why --wait"
                    words=""
                    ;;
            esac
            ;;
        allow)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose"
                    words=""
                    ;;
            esac
            ;;
        run-if-normal)
            case $previous in
                *)
                    options="-h --help"
                    words=""
                    ;;
            esac
            ;;
        *)
            case $previous in
                *)
                    options="-h --help"
                    words="start stop status restart mode try inhibit allow run-if-normal"
                    ;;
            esac
            ;;
    esac
    if [[ $current == -* ]]; then
        words=$options files=
    fi
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
    fi
    # Not by compgen -W, which would run what a name has the form of.
    IFS=$' \n' read -rd '' -a found <<< "$words"
    for word in "${found[@]}"; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
    done
}

complete -F _karl_site site
