#compdef evolve-run
# Completion of evolve-run in zsh: put the folder of this file into fpath.

_evolve_run_values() {
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

_evolve_run() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--zodb-conf)--zodb-conf[configuration of the database]:ZODB-CONF:_files' \
        '(--data)--data[the database'"'"'s Data.fs]:DATA:_files' \
        '(--blobs)--blobs[folder of its blobs (with --data)]:BLOBS:_files' \
        '(--status)--status[tell the versions of software and database (the default)]' \
        '(--check)--check[count what declared steps would change; only reads]' \
        '(--dry-run)--dry-run[run everything, and throw it away; the database is only read]' \
        '(--evolve)--evolve[run the pending steps, or go on with them]' \
        '(--verify)--verify[check the invariants of the steps that were run; only reads]' \
        '(--deferred)--deferred[do what was left for the background, on the live database]' \
        '(--pack)--pack[keep nothing but what is current (with --data)]' \
        '(--call)--call[call a function with the root of the database, and commit]:MODULE\:FUNCTION: ' \
        '*--package[a package that evolves and has no entry point in the group karl.evolve]:MODULE: ' \
        '(--context)--context[call plain functions with this object of the root, not with the root]:KEY: ' \
        '(--pause)--pause[rest between two batches of --deferred]:SECONDS: ' \
        '(--when-told)--when-told[load the software, and begin when a line comes on standard input]' \
        '(--json)--json[tell it in lines of JSON]'
}

_evolve_run "$@"
