# Completion of switch-version in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
_karl_switch_version_values() {
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

_karl_switch_version() {
    local current=$2 previous=$3 verb= word options= words= files= found
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            '') verb=$word && break ;;
        esac
    done
    case $verb in
        *)
            case $previous in
                --database)
                    words=""
                    ;;
                --zodb-conf)
                    files=yes
                    ;;
                --note)
                    words=""
                    ;;
                --to)
                    words=""
                    ;;
                --activate)
                    words=""
                    ;;
                --discard)
                    words=""
                    ;;
                --keep)
                    words=""
                    ;;
                --pin)
                    words=""
                    ;;
                --unpin)
                    words=""
                    ;;
                --accept-damaged)
                    words="$(_karl_switch_version_values 'releases/*/release.json')"
                    ;;
                --smoke-timeout)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                --site)
                    files=yes
                    ;;
                *)
                    options="-h --help --database --zodb-conf --configured --note --prepare --rollback --to --activate --discard --list --verify --all --prune --keep --unused --yes --pin --unpin --dry-run --full --accept-damaged --no-hooks --smoke-timeout --no-smoke-test --wait --json -q --quiet --site"
                    words="$(_karl_switch_version_values 'releases/*/release.json')"
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

complete -F _karl_switch_version switch-version
