"""The verbs of ``karl-index`` that change the pool, the indexes or the store."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from karl.recipe.release.base.console import Console, table
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import counted
from karl.recipe.release.building.publish import Expected, publish
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch, garbage
from karl.recipe.release.indexes.answers import (
    answer,
    index_named,
    software_of,
    summary_of,
)
from karl.recipe.release.indexes.derived import (
    materialise,
)
from karl.recipe.release.indexes.freeze import freeze
from karl.recipe.release.indexes.request import IndexRequest, read_requirements
from karl.recipe.release.indexes.sources import Backends

_MEGABYTE = 1 << 20


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
    result = {**summary_of(frozen.index), "changed": frozen.new}
    state = "is frozen" if frozen.new else "was frozen already; nothing changed"
    return answer(
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
    return answer(options, {"dry_run": True, "request": asked}, "\n".join(lines))


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
    backend = index_named(options, options.build_index)
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
    return answer(options, {"published": published}, "\n".join(published))


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
    console.say(f"In the pool {pool.directory}: {counted(len(added), 'files')}.")
    return answer(options, {"added": added}, "\n".join(added))


def fetch_indexes(options: argparse.Namespace, console: Console) -> int:
    """Fill the pool for indexes and complete them."""
    software = software_of(options)
    pool = Pool(software)
    result: dict[str, dict[str, Any]] = {}
    for name in options.index:
        index = index_named(options, name)
        wanted = fetch.needed_here(index.lock, all_targets=options.all_targets)
        source = fetch.source_of(index.lock, options.registry)
        came = fetch.fill(pool, wanted, source, console)
        written = materialise(software, index)
        result[name] = {"fetched": [file.name for file in came], "written": written}
    text = "\n".join(
        f"{name}: {counted(len(found['fetched']), 'files')} fetched, "
        f"{'pages written' if found['written'] else 'pages complete'}"
        for name, found in result.items()
    )
    return answer(options, {"indexes": result}, text)


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
    console.say(f"{counted(len(found), 'items')}, {size / _MEGABYTE:.1f} MiB: {verb}.")
    result = {
        "dry_run": not options.yes,
        "bytes": size,
        "items": [
            {"kind": item.kind, "path": str(item.path), "bytes": item.size}
            for item in found
        ],
    }
    return answer(
        options, result, table(("KIND", "SIZE", "PATH"), rows) if rows else ""
    )
