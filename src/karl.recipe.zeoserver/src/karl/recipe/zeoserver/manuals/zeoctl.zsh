#compdef zeoctl
# Completion of zeoctl in zsh: put the folder of this file into fpath.

_zeoctl_values() {
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

_zeoctl() {
    local program=${words[1]} state line
    local -a verbs
    verbs=(
        'status:Tell what is served, and what needs attention.'
        'report:Write a page of all storages and sites: what is live, and what needs attention.'
        'start:Start the servers of what is served, and wait until they serve.'
        'stop:Stop the servers; clients wait until they are started again.'
        'restart:Restart the servers, one after the other, and wait until each serves.'
        'logs:Show the last lines of the servers'"'"' logs.'
        'read-only:Refuse commits at once; reading goes on, and nobody is disconnected.'
        'writable:Accept commits again.'
        'backup:Back up the live database: what was committed since the last backup, or all.'
        'backups:List the backups that there are.'
        'verify-backup:Read backups back, byte by byte, and record what was found.'
        'restore:Make a new database copy from a backup.'
        'stage:Back up the live database and make a copy of it to be evolved.'
        'catch-up:Add to a staged copy what was committed since.'
        'serve:Serve a database copy on the free address.'
        'unserve:Stop serving a database copy.'
        'adopt:Make a served copy the live one, or go back to a former one.'
        'retire:Stop serving a database copy for good; its files stay.'
        'prune:Remove retired database copies for good.'
        'pack:Remove old revisions and garbage from the live database.'
        'init:Make a new, empty database.'
        'import:Take in the database of a site that is moved here.'
        'client-conf:Print the zodb.conf with which a site uses a database copy.'
        'certificate:Make a private certificate authority, and certificates for TLS.'
    )
    _arguments -C '(-h --help)-h[show this help message and exit]' '(-h --help)--help[show this help message and exit]' '1:verb:->verb' '*::argument:->rest' && return
    case $state in
        (verb) _describe verb verbs ;;
        (rest)
            case $line[1] in
                (status)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--copies)--copies[list all database copies too]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (report)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--output)--output[where the page is written (default\: var/report.html; nowhere with --json, or if storages are named)]:FILE:_files' \
                        '(--refresh)--refresh[have browsers load the page again, as on a wall (default\: never)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (start)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--timeout)--timeout[how long each server has until it serves; one whose index was lost reads its database first (default\: 60)]:SECONDS: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (stop)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--supervisor)--supervisor[supervisord too; only with --all, and where systemd does not run it]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (restart)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--supervisor)--supervisor[supervisord too; only with --all, and where systemd does not run it]' \
                        '(--timeout)--timeout[how long each server has until it serves; one whose index was lost reads its database first (default\: 60)]:SECONDS: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (logs)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(-n --lines)-n[how many lines of each log (default\: 20)]:N: ' \
                        '(-n --lines)--lines[how many lines of each log (default\: 20)]:N: ' \
                        '(-f --follow)-f[of one storage\: go on showing what is added, until interrupted]' \
                        '(-f --follow)--follow[of one storage\: go on showing what is added, until interrupted]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (read-only)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--copy)--copy[which database copy (default\: the live one)]:N: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--bound)--bound[how long commits in flight may take before they are aborted (default\: the storage'"'"'s drain-timeout)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (writable)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--copy)--copy[which database copy (default\: the live one)]:N: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (backup)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--full)--full[begin a new chain of backups]' \
                        '(--incremental)--incremental[add to the newest chain, or refuse]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (backups)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (verify-backup)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--backup)--backup[this backup and those it builds on (default\: the newest chain)]:CHAIN/STAMP: ' \
                        '(--all-chains)--all-chains[every backup]' \
                        '(--drill)--drill[also restore to a scratch copy, load every object and open every blob]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (restore)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--to-new-copy)--to-new-copy[must be said\: no copy that is there is ever written over]' \
                        '(--at)--at[as of this local time, such as 2026-11-23T09\:30, or of this transaction (default\: the newest backup)]:TIME: ' \
                        '(--backup)--backup[this backup; zeoctl backups lists them]:CHAIN/STAMP: ' \
                        '(--from)--from[a backup of this other storage; the copy is not served until it is said to be scrubbed]:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '(--again)--again[retire and remove copies that were not said to be scrubbed, first]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (stage)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--again)--again[retire and remove a copy that is staged already, first]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (catch-up)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--tid)--tid[the transaction that the copy must end with, 16 hexadecimal digits]:TID: ' \
                        '(--final)--final[the live copy must be read-only, and both must end alike]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '2:N: '
                    ;;
                (serve)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--read-only)--read-only[refuse commits to it]' \
                        '(--side)--side[on this address (default\: the free one)]:SIDE:(a b)' \
                        '(--scrubbed)--scrubbed[also if it is from another storage'"'"'s backup\: what must not be seen here is gone from it]' \
                        '(--timeout)--timeout[how long to wait until its server answers; longer where a large database has lost its index (default\: 30)]:SECONDS: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '2:N: '
                    ;;
                (unserve)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--live)--live[also if the site uses this copy]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '2:N: '
                    ;;
                (adopt)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--discard-writes)--discard-writes[also if the live copy has transactions that this one has not; the live copy is kept]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '2:N: '
                    ;;
                (retire)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}' \
                        '2:N: '
                    ;;
                (prune)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--keep)--keep[how many of the newest retired copies stay (default\: 1)]:K: ' \
                        '(--copy)--copy[only this retired copy]:N: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (pack)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--days)--days[how much of its history stays (default\: as declared)]:D: ' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (init)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--all)--all[every storage, each after the other]' \
                        '(--new-copy)--new-copy[also if the storage has a live database, which stays so]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (import)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--data)--data[the Data.fs; its server must be stopped; it is only read]:FILE:_files' \
                        '(--blobs)--blobs[the blob directory that belongs to it]:DIR:_files' \
                        '(--link-blobs)--link-blobs[make hard links to the blob files instead of copies, where that can be]' \
                        '(--allow-missing-blobs)--allow-missing-blobs[import it even though files of blobs are missing]' \
                        '(--cut-torn-end)--cut-torn-end[leave out what is no whole transaction at the end of the file, as a killed server leaves it]' \
                        '(--new-copy)--new-copy[also if the storage has a live database, which stays so]' \
                        '(--dry-run)--dry-run[only tell what would be done]' \
                        '(--wait)--wait[how long to wait for another command that changes the storage (default\: not at all)]:SECONDS: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (client-conf)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--copy)--copy[which database copy (default\: the live one); it must be served]:N: ' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:STORAGE:{_zeoctl_values "*/databases/"}'
                    ;;
                (certificate)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--authority)--authority[which authority; sites that must not reach each other'"'"'s databases need one each (default\: authority)]:NAME: ' \
                        '(--days)--days[how long it is valid (default\: 3650 for an authority, 825 else)]:N: ' \
                        '(--dry-run)--dry-run[only tell what would be made]' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:ACTION:(authority server client list)' \
                        '*:NAME: '
                    ;;
            esac
            ;;
    esac
}

_zeoctl "$@"
