"""What there is to see of a site, and its page."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from karl.recipe.evolve.upgrade import model, page
from karl.recipe.release.base import blocks, pages
from karl.recipe.release.base.blocks import Block, moment, span

_REVISION_HEADS = (
    "Revision", "Release", "Database", "Made", "By", "State", "Intact",
)  # fmt: skip
_RUN_HEADS = ("Run", "What", "Began", "Took", "Writes refused", "Outcome")
_PROCESS_HEADS = ("Process", "Revision", "Since", "Health")

#: How many revisions are shown.
_MOST = 20


def of_site(found: Mapping[str, Any]) -> list[Block]:
    """Return what there is to see of a site, but for its database."""
    short, runs = glance(found), found["runs"]
    shown = [
        blocks.facts(
            [
                ("Release", short["release"]),
                ("Revision", short["revision"]),
                ("Database", short["database"]),
                ("Mode", short["mode"]),
                ("Processes", short["processes"]),
                ("Address", found["address"]),
                ("Last run", short["upgrade"]),
            ]
        )
    ]
    for what, run in _told_in_full(runs).items():
        shown.append(blocks.note(f"The last {what} was {page.title(run)}."))
        shown += page.of_run(run)
    shown.append(blocks.table("Runs", _RUN_HEADS, map(_run_row, runs), numbers=(3, 4)))
    if found["revisions"] is not None:
        rows = [_revision_row(row) for row in found["revisions"]["revisions"][:_MOST]]
        shown.append(blocks.table("Revisions", _REVISION_HEADS, rows))
    if found["processes"] is not None:
        rows = [_process_row(each) for each in found["processes"]["workers"]]
        shown.append(blocks.table("Processes", _PROCESS_HEADS, rows))
    return shown


def glance(found: Mapping[str, Any]) -> dict[str, str]:
    """Return what is to be seen of a site in a line."""
    revisions, processes, runs = found["revisions"], found["processes"], found["runs"]
    rows = revisions["revisions"] if revisions else []
    current: Mapping[str, Any] = next((row for row in rows if row["current"]), {})
    workers = processes["workers"] if processes else []
    well = sum(worker["healthy"] for worker in workers)
    return {
        "release": str(current.get("release") or "-"),
        "revision": str(current.get("number") or "-"),
        "database": str(current.get("database") or "-"),
        "mode": processes["mode"]["mode"] if processes else "-",
        "processes": f"{well} of {len(workers)}" if processes else "-",
        "upgrade": f"{moment(runs[0]['began'])}, {runs[0]['outcome']}" if runs else "-",
    }


def of_everything(found: Mapping[str, Any]) -> str:
    """Return the page of a site with its database."""
    made = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(found["made"]))
    name, storage = found["site"], found["storage"]
    told = [("", item) for item in found["attention"]]
    database = []
    if storage is not None:
        told += [(f"Database {storage['name']}", item) for item in storage["attention"]]
        database = [
            pages.heading(2, f"Database {storage['name']}"),
            pages.blocks(storage["page"], 3),
        ]
    return pages.document(
        f"{name}: status",
        [
            pages.heading(1, f"{name} on {found['host']}"),
            pages.paragraph(
                f"As it was at {made}. All times are of that zone.", "quiet"
            ),
            pages.heading(2, "What needs attention"),
            pages.attention(told),
            pages.heading(2, "The site"),
            pages.blocks(found["page"], 3),
            *database,
        ],
    )


def _told_in_full(runs: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the last run, and the last upgrade if that is another one."""
    upgrade = next((run for run in runs if run["kind"] == model.UPGRADE), None)
    found = {"run": runs[0]} if runs else {}
    if upgrade is not None and upgrade is not runs[0]:
        found["upgrade"] = upgrade
    return found


def _run_row(run: Mapping[str, Any]) -> tuple[str, ...]:
    window = run["window"]
    return (
        str(run["number"]),
        f"{run['kind']}, {page.way(run)}",
        moment(run["began"]),
        span(run["seconds"]),
        "-" if window is None else span(window),
        str(run["outcome"]),
    )


def _revision_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    state = "was live" if row["was_live"] else "prepared"
    return (
        str(row["number"]),
        str(row["release"] or "?"),
        str(row.get("database") or "-"),
        moment(row["made"]) if row.get("made") else "?",
        str(row.get("by") or "?"),
        ("live" if row["current"] else state) + (", pinned" if row["pinned"] else ""),
        "yes" if row["intact"] else f"NO: {row['problem']}",
    )


def _process_row(worker: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(worker["number"]),
        str(worker["revision"] or "-"),
        moment(worker["since"]),
        "well" if worker["healthy"] else worker["problem"],
    )
