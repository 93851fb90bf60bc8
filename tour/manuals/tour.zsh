#compdef tour
# Completion of tour in zsh: put the folder of this file into fpath.

_tour_values() {
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

_tour() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--documents)--documents[how many documents the site gets (default\: 3000)]:N: ' \
        '(--work)--work[a new folder to work in (default\: a temporary one); its path must be short, at most 40 characters]:DIR:_files' \
        '(--pool)--pool[the pool to use, and to add files to (default\: that of the checkout)]:DIR:_files' \
        '(--keep)--keep[leave the site running, tell its address, and remove nothing]' \
        '(--json)--json[print the table as JSON, for programs]' \
        '(-q --quiet)-q[only the table]' \
        '(-q --quiet)--quiet[only the table]'
}

_tour "$@"
