#compdef switch-version
# Completion of switch-version in zsh: put the folder of this file into fpath.

_switch_version_values() {
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

_switch_version() {
    local program=${words[1]} state line
    local -a verbs
    _arguments \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '(--database)--database[label of the database copy to bind]:LABEL: ' \
        '(--zodb-conf)--zodb-conf[the zodb.conf to bind it with; - for stdin]:FILE:_files' \
        '(--configured)--configured[bind the database that the buildout names]' \
        '(--note)--note[what to record about it]:TEXT: ' \
        '(--prepare)--prepare[write and check the revision, but do not make it live]' \
        '(--rollback)--rollback[make the revision before live again]' \
        '(--to)--to[with --rollback\: that revision]:N: ' \
        '(--activate)--activate[make a prepared revision live]:N: ' \
        '(--discard)--discard[remove a prepared revision]:N: ' \
        '(--list)--list[show revisions and releases]' \
        '(--verify)--verify[hash every file of VERSION (default\: of the live release)]' \
        '(--all)--all[with --verify\: all releases and revisions]' \
        '(--prune)--prune[tell which old revisions and releases could go; with --yes remove them]' \
        '(--keep)--keep[with --prune\: revisions to keep]:N: ' \
        '(--unused)--unused[with --prune\: also releases that were never live]' \
        '(--yes)--yes[with --prune\: do it]' \
        '(--pin)--pin[never prune that revision]:N: ' \
        '(--unpin)--unpin[allow to prune it again]:N: ' \
        '(--dry-run)--dry-run[check and tell, change nothing]' \
        '(--full)--full[hash every file of the release first]' \
        '(--accept-damaged)--accept-damaged[go on although this release, named again, is damaged]:VERSION:{_switch_version_values "releases/*/release.json"}' \
        '(--no-hooks)--no-hooks[do not run the site'"'"'s commands]' \
        '(--smoke-timeout)--smoke-timeout[how long importing the release may take]:SECONDS: ' \
        '(--no-smoke-test)--no-smoke-test[with --prepare and --activate\: do not import the release once more]' \
        '(--wait)--wait[how long to wait for another command (default\: not at all)]:SECONDS: ' \
        '(--json)--json[one JSON object on standard output]' \
        '(-q --quiet)-q[tell only results and warnings]' \
        '(-q --quiet)--quiet[tell only results and warnings]' \
        '(--site)--site[the site'"'"'s folder]:DIRECTORY:_files' \
        '1::VERSION:{_switch_version_values "releases/*/release.json"}'
}

_switch_version "$@"
