# Completion of zeoctl in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
_karl_zeoctl_values() {
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

_karl_zeoctl() {
    local current=$2 previous=$3 verb= word options= words= files= found
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            status|report|start|stop|restart|logs|read-only|writable|backup|backups|verify-backup|restore|stage|catch-up|serve|unserve|adopt|retire|prune|pack|init|import|client-conf|certificate) verb=$word && break ;;
        esac
    done
    case $verb in
        status)
            case $previous in
                *)
                    options="-h --help --copies --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        report)
            case $previous in
                --output)
                    files=yes
                    ;;
                --refresh)
                    words=""
                    ;;
                *)
                    options="-h --help --output --refresh --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        start)
            case $previous in
                --timeout)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --timeout --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        stop)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --supervisor --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        restart)
            case $previous in
                --timeout)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --supervisor --timeout --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        logs)
            case $previous in
                -n|--lines)
                    words=""
                    ;;
                *)
                    options="-h --help -n --lines -f --follow --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        read-only)
            case $previous in
                --copy)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                --bound)
                    words=""
                    ;;
                *)
                    options="-h --help --all --copy --dry-run --wait --bound --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        writable)
            case $previous in
                --copy)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --copy --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        backup)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --full --incremental --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        backups)
            case $previous in
                *)
                    options="-h --help --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        verify-backup)
            case $previous in
                --backup)
                    words=""
                    ;;
                *)
                    options="-h --help --all --backup --all-chains --drill --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        restore)
            case $previous in
                --at)
                    words=""
                    ;;
                --backup)
                    words=""
                    ;;
                --from)
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --to-new-copy --at --backup --from --again --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        stage)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --again --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        catch-up)
            case $previous in
                --tid)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --tid --final --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        serve)
            case $previous in
                --side)
                    words="a b"
                    ;;
                --timeout)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --read-only --side --scrubbed --timeout --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        unserve)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --live --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        adopt)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --discard-writes --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        retire)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        prune)
            case $previous in
                --keep)
                    words=""
                    ;;
                --copy)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --keep --copy --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        pack)
            case $previous in
                --days)
                    words=""
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --days --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        init)
            case $previous in
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --all --new-copy --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        import)
            case $previous in
                --data)
                    files=yes
                    ;;
                --blobs)
                    files=yes
                    ;;
                --wait)
                    words=""
                    ;;
                *)
                    options="-h --help --data --blobs --link-blobs --allow-missing-blobs --cut-torn-end --new-copy --dry-run --wait --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        client-conf)
            case $previous in
                --copy)
                    words=""
                    ;;
                *)
                    options="-h --help --copy --json -q --quiet -v --verbose"
                    words="$(_karl_zeoctl_values '*/databases/')"
                    ;;
            esac
            ;;
        certificate)
            case $previous in
                --authority)
                    words=""
                    ;;
                --days)
                    words=""
                    ;;
                *)
                    options="-h --help --authority --days --dry-run --json -q --quiet -v --verbose"
                    words="authority server client list"
                    ;;
            esac
            ;;
        *)
            case $previous in
                *)
                    options="-h --help"
                    words="status report start stop restart logs read-only writable backup backups verify-backup restore stage catch-up serve unserve adopt retire prune pack init import client-conf certificate"
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

complete -F _karl_zeoctl zeoctl
