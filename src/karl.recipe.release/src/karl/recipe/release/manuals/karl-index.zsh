#compdef karl-index
# Completion of karl-index in zsh: put the folder of this file into fpath.

_karl_index_values() {
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

_karl_index() {
    local program=${words[1]} state line
    local -a verbs
    verbs=(
        'freeze:Resolve requirements and freeze them as a new index version.'
        'publish:Build sdist and wheel of source trees, reproducibly, into the pool.'
        'add:Put distribution files, or all of a folder'"'"'s, into the pool.'
        'fetch:Fill the pool, by hash, with what indexes name, and write their pages.'
        'list:List the indexes there are.'
        'show:Show an index: its packages, and the chain of indexes that it extends.'
        'diff:Show which projects one index adds, removes or changes against another.'
        'verify:Compare indexes and their pooled files, byte for byte, with the lock files.'
        'gc:List what pool and store hold that no index names; remove it with --yes.'
    )
    _arguments -C '(-h --help)-h[show this help message and exit]' '(-h --help)--help[show this help message and exit]' '1:verb:->verb' '*::argument:->rest' && return
    case $state in
        (verb) _describe verb verbs ;;
        (rest)
            case $line[1] in
                (freeze)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*-r[file of requirements, a line each; may be repeated]:FILE:_files' \
                        '*--requirements[file of requirements, a line each; may be repeated]:FILE:_files' \
                        '*--require[one requirement]:REQUIREMENT: ' \
                        '*-c[file of bounds on projects that may or may not be needed]:FILE:_files' \
                        '*--constraints[file of bounds on projects that may or may not be needed]:FILE:_files' \
                        '(--extends)--extends[index whose pins are inherited]:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}' \
                        '*--override[let this inherited pin change; the change is recorded]:REQUIREMENT: ' \
                        '*--private[names that come from the pool alone, such as '"'"'acme.*'"'"']:PATTERN: ' \
                        '*--target[hold wheels for this, such as cp311-manylinux_2_31_x86_64 (default\: as the extended index, or this machine)]:TARGET: ' \
                        '*--system-linked[hold the sdist of this project, to link it to the system'"'"'s libraries]:PROJECT: ' \
                        '(--registry)--registry[simple index of the public registry (default\: pip'"'"'s index-url)]:URL: ' \
                        '(--offline)--offline[freeze from the pool alone]' \
                        '(--dry-run)--dry-run[say what would be asked, do nothing]' \
                        '1:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}'
                    ;;
                (publish)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--build-index)--build-index[frozen index that the build backend comes from]:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}' \
                        '(--allow-uncommitted)--allow-uncommitted[build the working tree although it differs from the last commit]' \
                        '(--expect-version)--expect-version[refuse a tree of another version]:VERSION:{_karl_index_values "releases/*/release.json"}' \
                        '(--expect-index)--expect-index[refuse other bytes than this index names, if it is frozen]:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}' \
                        '(--registry)--registry[simple index of the public registry (default\: pip'"'"'s index-url)]:URL: ' \
                        '*:TREE:_files'
                    ;;
                (add)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '*:FILE:_files'
                    ;;
                (fetch)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--all-targets)--all-targets[also the files of Pythons and platforms other than this one]' \
                        '(--registry)--registry[simple index of the public registry (default\: pip'"'"'s index-url)]:URL: ' \
                        '*:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}'
                    ;;
                (list)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]'
                    ;;
                (show)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--requirements)--requirements[print it as requirements with hashes, for pip --require-hashes]' \
                        '1:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}'
                    ;;
                (diff)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '1:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}' \
                        '2:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}'
                    ;;
                (verify)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--all-targets)--all-targets[files for other Pythons and platforms must be in the pool too]' \
                        '*:NAME/VERSION:{_karl_index_values "indexes/*/*/pylock.toml"}'
                    ;;
                (gc)
                    _arguments \
                        '(-h --help)-h[show this help message and exit]' \
                        '(-h --help)--help[show this help message and exit]' \
                        '(--base)--base[folder of pool, indexes and store (default\: the checkout of this command, else the working directory)]:DIR:_files' \
                        '(--pool)--pool[default\: BASE/pool]:DIR:_files' \
                        '(--indexes)--indexes[default\: BASE/indexes]:DIR:_files' \
                        '(--store)--store[default\: BASE/store]:DIR:_files' \
                        '(--json)--json[print one JSON document for programs]' \
                        '(-q --quiet)-q[no progress]' \
                        '(-q --quiet)--quiet[no progress]' \
                        '(-v --verbose)-v[log every program that is run]' \
                        '(-v --verbose)--verbose[log every program that is run]' \
                        '(--yes)--yes[remove it]'
                    ;;
            esac
            ;;
    esac
}

_karl_index "$@"
