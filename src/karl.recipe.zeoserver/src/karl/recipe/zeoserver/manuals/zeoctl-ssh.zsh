#compdef zeoctl-ssh
# Completion of zeoctl-ssh in zsh: put the folder of this file into fpath.

_zeoctl_ssh_values() {
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

_zeoctl_ssh() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '*:STORAGE:{_zeoctl_ssh_values "*/databases/"}'
}

_zeoctl_ssh "$@"
