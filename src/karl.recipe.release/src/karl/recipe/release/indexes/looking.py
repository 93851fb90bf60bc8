"""The verbs of ``karl-index`` that look at indexes and change nothing."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from karl.recipe.release.base.console import Console, table
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.reporter import counted
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.packages import Override, Package
from karl.recipe.release.indexes.answers import (
    answer,
    index_named,
    software_of,
    summary_of,
)
from karl.recipe.release.indexes.comparison import compare
from karl.recipe.release.indexes.derived import (
    Problem,
    all_indexes,
    requirements_txt,
    verify,
    verify_built,
)
from karl.recipe.release.indexes.request import chain

#: Problems that are printed for a person.
_MOST_LINES = 40


def list_indexes(options: argparse.Namespace, console: Console) -> int:
    """List the indexes."""
    indexes = [summary_of(index) for index in all_indexes(software_of(options))]
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
    return answer(options, {"indexes": indexes}, table(heads, rows) if rows else "")


def show_index(options: argparse.Namespace, _: Console) -> int:
    """Show one index."""
    index = index_named(options, options.index)
    if options.requirements:
        text = requirements_txt(index.lock)
        pins = {"index": str(index.lock.name), "requirements_txt": text}
        return answer(options, pins, text.rstrip())
    names = [str(one.lock.name) for one in chain(software_of(options), index)]
    result = {
        **summary_of(index),
        "chain": names,
        "requirements": list(index.lock.requirements),
        "constraints": list(index.lock.constraints),
        "private": list(index.lock.private),
        "system_linked": list(index.lock.system_linked),
        "overrides": [_override(override) for override in index.lock.overrides],
        "contents": [_package(package) for package in index.lock.packages],
    }
    return answer(options, result, _shown(index, names))


def _shown(index: Index, names: list[str]) -> str:
    """Return an index for a person.

    :param names: the index, and those that it extends.
    """
    lines = [
        f"index         {index.lock.name}",
        f"sha256        {index.digest}",
        f"chain         {' -> '.join(names)}",
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
    return "\n".join([*lines, "", table(heads, rows)])


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
    before = index_named(options, options.before)
    after = index_named(options, options.after)
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
    return answer(options, result, text)


def verify_indexes(options: argparse.Namespace, console: Console) -> int:
    """Verify indexes; damage is exit code 4."""
    software = software_of(options)
    indexes = [index_named(options, name) for name in options.index]
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
    answer(options, {"intact": not count, **result, "built": _told(built)}, text)
    if count and options.json:
        return DamagedError.exit_code
    if count:
        raise DamagedError(
            f"Not as the lock files say: {counted(count, 'files')}.",
            "karl-index fetch brings back what is missing, by hash; remove altered "
            "files from the pool first.  Extra files: find out who put them there.",
        )
    console.say(f"Intact: {', '.join(found)}.")
    return 0


def _told(problems: list[Problem]) -> list[dict[str, str]]:
    return [asdict(problem) for problem in problems]
