# Completion of karl-index in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
_karl_karl_index_values() {
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

_karl_karl_index() {
    local current=$2 previous=$3 verb= word options= words= files= found
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            freeze|publish|add|fetch|list|show|diff|verify|gc) verb=$word && break ;;
        esac
    done
    case $verb in
        freeze)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                -r|--requirements)
                    files=yes
                    ;;
                --require)
                    words=""
                    ;;
                -c|--constraints)
                    files=yes
                    ;;
                --extends)
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
                --override)
                    words=""
                    ;;
                --private)
                    words=""
                    ;;
                --target)
                    words=""
                    ;;
                --system-linked)
                    words=""
                    ;;
                --registry)
                    words=""
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose -r --requirements --require -c --constraints --extends --override --private --target --system-linked --registry --offline --dry-run"
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
            esac
            ;;
        publish)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                --build-index)
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
                --expect-version)
                    words="$(_karl_karl_index_values 'releases/*/release.json')"
                    ;;
                --expect-index)
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
                --registry)
                    words=""
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose --build-index --allow-uncommitted --expect-version --expect-index --registry"
                    files=yes
                    ;;
            esac
            ;;
        add)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose"
                    files=yes
                    ;;
            esac
            ;;
        fetch)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                --registry)
                    words=""
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose --all-targets --registry"
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
            esac
            ;;
        list)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose"
                    words=""
                    ;;
            esac
            ;;
        show)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose --requirements"
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
            esac
            ;;
        diff)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose"
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
            esac
            ;;
        verify)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose --all-targets"
                    words="$(_karl_karl_index_values 'indexes/*/*/pylock.toml')"
                    ;;
            esac
            ;;
        gc)
            case $previous in
                --base)
                    files=yes
                    ;;
                --pool)
                    files=yes
                    ;;
                --indexes)
                    files=yes
                    ;;
                --store)
                    files=yes
                    ;;
                *)
                    options="-h --help --base --pool --indexes --store --json -q --quiet -v --verbose --yes"
                    words=""
                    ;;
            esac
            ;;
        *)
            case $previous in
                *)
                    options="-h --help"
                    words="freeze publish add fetch list show diff verify gc"
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

complete -F _karl_karl_index karl-index
