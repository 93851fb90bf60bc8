# Completion of zeoctl-ssh in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
_karl_zeoctl_ssh_values() {
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

_karl_zeoctl_ssh() {
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
                *)
                    options="-h --help"
                    words="$(_karl_zeoctl_ssh_values '*/databases/')"
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

complete -F _karl_zeoctl_ssh zeoctl-ssh
