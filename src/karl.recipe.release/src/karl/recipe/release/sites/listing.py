"""What ``switch-version --list`` and ``--verify`` tell of a site."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from karl.recipe.release.base.console import table
from karl.recipe.release.base.errors import DamagedError, KarlError, RefusedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.names import checked_label
from karl.recipe.release.base.reporter import Reporter, SilentReporter, counted
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.releasecheck import differences_of, find_release
from karl.recipe.release.sites.revisionlog import Run
from karl.recipe.release.sites.sitestate import SiteState, observe, sealed_releases
from karl.recipe.release.trees.verification import summary

#: How many paths of a damaged release a list tells.
_FEW = 3

_HEADS = (
    "revision", "release", "database", "when", "by", "current", "intact", "pinned",
)  # fmt: skip


def list_site(site: SiteLayout) -> dict[str, Any]:
    """Return every revision and release of a site, and what state they are in.

    Takes no lock; looks at sizes and modes, not at every byte.
    """
    state = observe(site)
    problems: dict[str, str] = {}
    rows = [_revision_row(site, state, number, problems) for number in state.numbers]
    named = {row["release"] for row in rows}
    target = state.rollback_target
    return {
        "site": str(site.root),
        "current": state.current,
        "rollback_to": target,
        "pins_problem": "" if state.pins_error is None else str(state.pins_error),
        "unfinished": [_run_row(run) for run in state.history.unfinished],
        "revisions": rows,
        "releases": [
            {
                "release": version,
                "problem": release_problem(site, version, "", problems),
                "named": version in named,
            }
            for version in sealed_releases(site)
        ],
    }


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "action": run.action,
        "revision": run.revision,
        "previous": run.previous,
        "release": run.release or None,
    }


def _revision_row(
    site: SiteLayout, state: SiteState, number: int, problems: dict[str, str]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": number,
        "current": number == state.current,
        "pinned": number in state.pins,
        "was_live": state.is_live_or_was(number),
    }
    revision = state.revisions.get(number)
    if revision is None:
        reason = state.damaged[number].message
        return {**row, "release": None, "intact": False, "problem": reason}
    problem = release_problem(site, revision.release, revision.release_sha256, problems)
    written = asdict(revision)
    written["made"] = _moment(written.pop("when"))
    return {**written, **row, "intact": not problem, "problem": problem}


def _moment(text: str) -> float | None:
    """Return what ISO 8601 says in seconds since the epoch; None: it is none."""
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def release_problem(
    site: SiteLayout, version: str, sha256: str, known: dict[str, str]
) -> str:
    """Return what is wrong with a release by a quick look, or "".

    :param sha256: what its manifest must hash to, or "" if any.
    :param known: what was found out before; added to.
    """
    try:
        found = find_release(site, version)
        if version not in known:
            differences = differences_of(
                site.release(version), SilentReporter(), full=False
            )
            known[version] = summary(differences, _FEW) if differences else ""
    except (KarlError, OSError) as error:
        return str(error)
    if sha256 and found != sha256:
        return f"release {version} is not the one that was switched to"
    return known[version]


def render_list(found: dict[str, Any]) -> str:
    """Return the list as a table, with what else is worth a line below it."""
    rows = [
        (
            str(row["number"]),
            row["release"] or "?",
            row.get("database") or "-",
            _when(row.get("made")),
            row.get("by", "?"),
            "current" if row["current"] else "" if row["was_live"] else "prepared",
            "yes" if row["intact"] else "NO",
            "pinned" if row["pinned"] else "",
        )
        for row in found["revisions"]
    ]
    lines = [table(_HEADS, rows) if rows else "No revision yet."]
    lines += _problems(found)
    if found["current"] is not None and not any(
        row["current"] for row in found["revisions"]
    ):
        lines.append(
            f"current leads to revision {found['current']}, which does not exist: "
            "make another live with switch-version --rollback --to N."
        )
    waiting = [row["release"] for row in found["releases"] if not row["named"]]
    if waiting:
        lines.append(f"Releases that no revision names: {', '.join(waiting)}")
    if found["rollback_to"] is not None:
        lines.append(f"A rollback goes to revision {found['rollback_to']}.")
    if found["pins_problem"]:
        lines.append(found["pins_problem"])
    if found["unfinished"]:
        lines.append("A run was interrupted; the next one settles it.")
    return "\n".join(lines)


def _problems(found: dict[str, Any]) -> list[str]:
    """Return what is wrong with revisions and releases, each once."""
    whose: dict[str, list[str]] = {}
    for row in found["revisions"]:
        if not row["intact"]:
            whose.setdefault(row["problem"], []).append(f"revision {row['number']}")
    damaged = [row for row in found["releases"] if row["problem"]]
    for row in damaged:
        whose.setdefault(row["problem"], []).append(f"release {row['release']}")
    lines = [f"{', '.join(names)}: {problem}" for problem, names in whose.items()]
    if damaged:
        lines.append("switch-version --verify VERSION tells all that differs.")
    return lines


def _when(moment: float | None) -> str:
    if moment is None:
        return "?"
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(moment))


def verify_releases(
    site: SiteLayout, versions: Sequence[str], reporter: Reporter
) -> dict[str, Any]:
    """Hash every file of releases, and tell every difference.

    :param versions: which; none: that of the live revision.
    """
    chosen = list(versions) or [_live_release(site)]
    found: list[dict[str, Any]] = []
    for version in chosen:
        find_release(site, version)
        layout = site.release(checked_label(version))
        try:
            differences = [
                {"path": one.path, "kind": one.kind, "detail": one.detail}
                for one in differences_of(layout, reporter, full=True)
            ]
        except DamagedError as error:
            differences = [
                {
                    "path": layout.manifest.name,
                    "kind": "changed",
                    "detail": error.message,
                }
            ]
        found.append(
            {
                "release": version,
                "intact": not differences,
                "differences": differences,
            }
        )
    return {"intact": all(row["intact"] for row in found), "releases": found}


def verify_everything(site: SiteLayout, reporter: Reporter) -> dict[str, Any]:
    """Verify every release and every revision of a site."""
    state = observe(site)
    found: dict[str, Any] = {"intact": True, "releases": []}
    if versions := sealed_releases(site):
        found = verify_releases(site, versions, reporter)
    there = {row["release"] for row in found["releases"]}
    broken = {number: error.message for number, error in state.damaged.items()}
    for number, revision in state.revisions.items():
        if revision.release not in there:
            broken[number] = f"Its release {revision.release} is missing."
        elif revision.release_sha256 != find_release(site, revision.release):
            broken[number] = f"Its release {revision.release} was replaced."
    if state.current is not None and state.current not in state.numbers:
        broken[state.current] = "It is live, and missing."
    rows = [{"number": number, "problem": broken[number]} for number in sorted(broken)]
    return {**found, "intact": found["intact"] and not rows, "revisions": rows}


def render_verify(found: dict[str, Any]) -> str:
    """Return what was found out, a line for each difference."""
    lines = []
    for row in found["releases"]:
        count = counted(len(row["differences"]), "differences")
        lines.append(
            f"release {row['release']}: "
            + ("intact" if row["intact"] else f"DAMAGED, {count}")
        )
        lines += [
            f"  {one['kind']:8} {one['path']}  {one['detail']}".rstrip()
            for one in row["differences"]
        ]
    lines += [
        f"revision {row['number']}: DAMAGED: {row['problem']}"
        for row in found.get("revisions", ())
    ]
    return "\n".join(lines)


def _live_release(site: SiteLayout) -> str:
    number = revisions.current_number(site)
    if number is None:
        raise RefusedError(
            "No release is live yet.", "Name one: switch-version --verify VERSION."
        )
    return revisions.load(site, number).release
