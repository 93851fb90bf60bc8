"""What each verb of ``karl-index`` does and says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from karl.recipe.release.base.command import print_json, print_text
from karl.recipe.release.base.console import Console, table
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.building.publish import Expected, publish
from karl.recipe.release.distributions.lockfile import Index, Override, Package
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch, garbage
from karl.recipe.release.indexes.comparison import compare
from karl.recipe.release.indexes.derived import (
    Problem,
    all_indexes,
    materialise,
    requirements_txt,
    verify,
    verify_built,
)
from karl.recipe.release.indexes.freeze import freeze
from karl.recipe.release.indexes.request import IndexRequest, chain, read_requirements
from karl.recipe.release.indexes.sources import Backends

Verb = Callable[[argparse.Namespace, Console], int]

_MEGABYTE = 1 << 20

#: Problems that are printed for a person.
_MOST_LINES = 40


def software_of(options: argparse.Namespace) -> SoftwareLayout:
    """Return the places that the command line names."""
    base = SoftwareLayout.below(options.base)
    return SoftwareLayout(
        (options.pool or base.pool).absolute(),
        (options.indexes or base.indexes).absolute(),
        (options.store or base.store).absolute(),
    )


def _index(options: argparse.Namespace, name: str) -> Index:
    return Index.load(software_of(options), IndexName.parse(name))


def freeze_index(options: argparse.Namespace, console: Console) -> int:
    """Freeze an index."""
    request = IndexRequest(
        name=IndexName.parse(options.index),
        requirements=(*_read(options.requirements), *options.require),
        constraints=_read(options.constraints),
        extends=IndexName.parse(options.extends) if options.extends else None,
        overrides=tuple(options.override),
        private=tuple(options.private),
        targets=tuple(options.target),
        system_linked=tuple(options.system_linked),
    ).checked()
    if options.dry_run:
        return _say_request(options, request)
    upstream = "" if options.offline else options.registry or None
    frozen = freeze(software_of(options), request, upstream=upstream, reporter=console)
    result = {**_summary(frozen.index), "changed": frozen.new}
    state = "is frozen" if frozen.new else "was frozen already; nothing changed"
    return _answer(
        options,
        result,
        f"Index {frozen.index.lock.name} {state}: {result['packages']} packages, "
        f"sha256 {frozen.index.digest}.",
    )


def _say_request(options: argparse.Namespace, request: IndexRequest) -> int:
    asked = asdict(request)
    del asked["name"]
    asked = {
        "index": str(request.name),
        **asked,
        "extends": str(request.extends) if request.extends else None,
    }
    lines = [f"{key}: {_flat(value)}" for key, value in asked.items() if value]
    return _answer(options, {"dry_run": True, "request": asked}, "\n".join(lines))


def _flat(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _read(paths: list[Path]) -> tuple[str, ...]:
    found: list[str] = []
    for path in paths:
        try:
            found += read_requirements(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path} cannot be read: {error}.", "Correct the name of the file."
            ) from error
    return tuple(found)


def publish_trees(options: argparse.Namespace, console: Console) -> int:
    """Publish source trees."""
    software = software_of(options)
    backend = _index(options, options.build_index)
    url = Backends(backend, options.registry).url(software, console)
    expected = Expected(options.expect_version, _named(options))
    published = [
        str(path)
        for tree in options.tree
        for path in publish(
            tree,
            software,
            build_index_url=url,
            reporter=console,
            allow_uncommitted=options.allow_uncommitted,
            expected=expected,
        )
    ]
    return _answer(options, {"published": published}, "\n".join(published))


def _named(options: argparse.Namespace) -> dict[str, str]:
    """Return the sha256 of each file of the index that is expected, if there is one."""
    if not options.expect_index:
        return {}
    name = IndexName.parse(options.expect_index)
    software = software_of(options)
    if not software.index(name).lock_file.exists():
        return {}
    lock = Index.load(software, name).lock
    return {
        file.name: file.sha256 for package in lock.packages for file in package.files
    }


def add_files(options: argparse.Namespace, console: Console) -> int:
    """Put files into the pool; a folder's files are linked back (as compoze does)."""
    pool = Pool(software_of(options))
    added: list[str] = []
    for path in options.file:
        if path.is_dir():
            added += pool.take_folder(path)[1]
        elif path.is_file():
            added.append(pool.add(path).name)
        else:
            raise UsageError(f"{path} does not exist.", "Correct the name of the file.")
    console.say(f"{len(added)} files are in the pool {pool.directory}.")
    return _answer(options, {"added": added}, "\n".join(added))


def fetch_indexes(options: argparse.Namespace, console: Console) -> int:
    """Fill the pool for indexes and complete them."""
    software = software_of(options)
    pool = Pool(software)
    result: dict[str, dict[str, Any]] = {}
    for name in options.index:
        index = _index(options, name)
        wanted = fetch.needed_here(index.lock, all_targets=options.all_targets)
        source = fetch.source_of(index.lock, options.registry)
        came = fetch.fill(pool, wanted, source, console)
        written = materialise(software, index)
        result[name] = {"fetched": [file.name for file in came], "written": written}
    text = "\n".join(
        f"{name}: {len(found['fetched'])} files fetched, "
        f"{'pages written' if found['written'] else 'pages complete'}"
        for name, found in result.items()
    )
    return _answer(options, {"indexes": result}, text)


def list_indexes(options: argparse.Namespace, console: Console) -> int:
    """List the indexes."""
    indexes = [_summary(index) for index in all_indexes(software_of(options))]
    if not indexes:
        console.say("There are no indexes here yet: karl-index freeze makes one.")
    heads = ("INDEX", "PACKAGES", "EXTENDS", "TARGETS", "SHA256")
    rows = [
        (
            found["index"],
            str(found["packages"]),
            found["extends"] or "-",
            str(len(found["targets"])),
            found["sha256"][:16],
        )
        for found in indexes
    ]
    return _answer(options, {"indexes": indexes}, table(heads, rows) if rows else "")


def _summary(index: Index) -> dict[str, Any]:
    lock = index.lock
    return {
        "index": str(lock.name),
        "sha256": index.digest,
        "packages": len(lock.packages),
        "extends": lock.extends[0] if lock.extends else None,
        "targets": list(lock.targets),
    }


def show_index(options: argparse.Namespace, _: Console) -> int:
    """Show one index."""
    index = _index(options, options.index)
    if options.requirements:
        text = requirements_txt(index.lock)
        result = {"index": str(index.lock.name), "requirements_txt": text}
        return _answer(options, result, text.rstrip())
    links = chain(software_of(options), index)
    result = {
        **_summary(index),
        "chain": [str(link.lock.name) for link in links],
        "requirements": list(index.lock.requirements),
        "constraints": list(index.lock.constraints),
        "private": list(index.lock.private),
        "system_linked": list(index.lock.system_linked),
        "overrides": [_override(override) for override in index.lock.overrides],
        "contents": [_package(package) for package in index.lock.packages],
    }
    lines = [
        f"index         {index.lock.name}",
        f"sha256        {index.digest}",
        f"chain         {' -> '.join(result['chain'])}",
        f"requirements  {', '.join(index.lock.requirements) or '-'}",
        f"private       {', '.join(index.lock.private) or '-'}",
        f"system-linked {', '.join(index.lock.system_linked) or '-'}",
        f"targets       {', '.join(index.lock.targets)}",
    ]
    lines += [
        f"override      {found.requirement}: {found.inherited} -> {found.version}"
        for found in index.lock.overrides
    ]
    rows = [
        (package.name, package.version, package.inherited or "-", _remark(package))
        for package in index.lock.packages
    ]
    heads = ("PROJECT", "VERSION", "INHERITED", "REMARK")
    return _answer(options, result, "\n".join([*lines, "", table(heads, rows)]))


def _override(override: Override) -> dict[str, Any]:
    return {
        "requirement": override.requirement,
        "name": override.name,
        "old": override.inherited,
        "new": override.version,
    }


def _remark(package: Package) -> str:
    remarks = {
        "private": package.private,
        "build only": package.build_only,
        "sdist": package.sdist is not None,
        package.marker: bool(package.marker),
    }
    return ", ".join(text for text, true in remarks.items() if true)


def _package(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "marker": package.marker,
        "inherited": package.inherited or None,
        "private": package.private,
        "build_only": package.build_only,
        "files": {file.name: file.sha256 for file in package.files},
    }


def diff_indexes(options: argparse.Namespace, console: Console) -> int:
    """Compare two indexes."""
    before, after = _index(options, options.before), _index(options, options.after)
    changes = compare(before.lock, after.lock)
    if not changes:
        console.say(f"{options.before} and {options.after} hold the same files.")
    signs = {"added": "+", "removed": "-"}
    text = "\n".join(
        f"{signs.get(change.kind, '~')} {change.name} "
        f"{' -> '.join(v for v in (change.old, change.new) if v)} ({change.kind})"
        for change in changes
    )
    result = {
        "before": options.before,
        "after": options.after,
        "changes": [change.as_dict() for change in changes],
    }
    return _answer(options, result, text)


def verify_indexes(options: argparse.Namespace, console: Console) -> int:
    """Verify indexes; damage is exit code 4."""
    software = software_of(options)
    indexes = [_index(options, name) for name in options.index]
    found = {}
    indexes = indexes or all_indexes(software)
    if not indexes:
        raise RefusedError(
            f"There is no index in {software.indexes} to verify.",
            "Name the folder of the indexes with --base or --indexes.",
        )
    for index in indexes:
        chain(software, index)
        found[str(index.lock.name)] = verify(
            software, index, console, all_targets=options.all_targets
        )
    result = {"indexes": {name: _told(problems) for name, problems in found.items()}}
    if built := verify_built(software):
        found["pool"] = built
    count = sum(len(problems) for problems in found.values())
    lines = [
        f"{name}: {problem.kind} {problem.path} {problem.detail}".rstrip()
        for name, problems in found.items()
        for problem in problems
    ]
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines[_MOST_LINES:] = [f"... and {more} more; --json tells them all"]
    text = "\n".join(lines)
    _answer(options, {"intact": not count, **result, "built": _told(built)}, text)
    if count and options.json:
        return DamagedError.exit_code
    if count:
        raise DamagedError(
            f"{count} files of {len(found)} indexes are not as the lock files say.",
            "karl-index fetch brings back what is missing, by hash; remove altered "
            "files from the pool first.  Extra files: find out who put them there.",
        )
    console.say(f"Intact: {', '.join(found)}.")
    return 0


def _told(problems: list[Problem]) -> list[dict[str, str]]:
    return [asdict(problem) for problem in problems]


def collect_garbage(options: argparse.Namespace, console: Console) -> int:
    """List or remove what no index names."""
    software = software_of(options)
    found = garbage.find(software)
    size = sum(item.size for item in found)
    if options.yes:
        garbage.remove(software, found)
    rows = [
        (item.kind, f"{item.size / _MEGABYTE:.1f} MiB", str(item.path))
        for item in found
    ]
    verb = "removed" if options.yes else "would be removed; --yes does it"
    console.say(f"{len(found)} items, {size / _MEGABYTE:.1f} MiB: {verb}.")
    result = {
        "dry_run": not options.yes,
        "bytes": size,
        "items": [
            {"kind": item.kind, "path": str(item.path), "bytes": item.size}
            for item in found
        ],
    }
    return _answer(
        options, result, table(("KIND", "SIZE", "PATH"), rows) if rows else ""
    )


def _answer(options: argparse.Namespace, result: dict[str, Any], text: str) -> int:
    """Print the result for a program or for a person, on standard output."""
    if options.json:
        print_json(result)
    elif text:
        print_text(text)
    return 0
