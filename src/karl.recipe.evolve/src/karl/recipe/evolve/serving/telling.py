"""What the command ``site`` found or did, for programs and for people."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.modes.state import NORMAL, Mode
from karl.recipe.evolve.serving.modefile import Inhibition
from karl.recipe.evolve.serving.operations import Started
from karl.recipe.evolve.serving.status import SiteStatus, WorkerStatus
from karl.recipe.release.base.console import table

Result = Mapping[str, Any]


def started(action: str, found: Sequence[Started]) -> Result:
    """Tell of processes that were started."""
    if not found:
        return {"action": action, "workers": [], "text": "The site did not run."}
    processes = "process" if len(found) == 1 else "processes"
    revisions = sorted({each.revision for each in found})
    serving = ", ".join(f"revision {number}" for number in revisions)
    return {
        "action": action,
        "workers": [asdict(each) for each in found],
        "text": f"{len(found)} {processes} of the site serve {serving}.",
    }


def status(site: SiteDeclaration, found: SiteStatus) -> Result:
    """Tell what a site is doing."""
    return {
        "site": site.name,
        "address": str(site.serving.address),
        "control": site.serving.control,
        "running": found.running,
        "current": found.current,
        "mode": mode_data(found.mode),
        "inhibited": _inhibited(found.inhibited),
        "workers": [asdict(each) for each in found.workers],
        "exit": 0 if found.serves else 1,
        "text": _status_text(site, found),
    }


def mode_data(found: Mode) -> Result:
    """Return what is known of a mode; ``since`` is null if nobody ever changed it."""
    return {**asdict(found), "since": found.since or None}


def _inhibited(found: Inhibition | None) -> Result | None:
    if found is None:
        return None
    return {**asdict(found), "since": found.since or None}


def mode(found: Mode) -> str:
    """Return a sentence on the mode."""
    if found.problem:
        return f"The site is {found.mode}, because of its mode file: {found.problem}."
    since = f" since {_when(found.since)}, by {found.by}" if found.since else ""
    return f"The site's mode is {found.mode}{since}."


def inhibition(found: Inhibition | None, *, changed: bool) -> Result:
    """Tell whether cron jobs begin."""
    text = "Cron jobs begin." if found is None else "No cron job begins."
    return {
        "inhibited": _inhibited(found),
        "changed": changed,
        "text": text,
    }


def _status_text(site: SiteDeclaration, found: SiteStatus) -> str:
    serving = "runs" if found.running else "does not run"
    lines = [f"{site.name} {serving} at {site.serving.address}. {mode(found.mode)}"]
    if found.inhibited:
        why = f" ({found.inhibited.why})" if found.inhibited.why else ""
        since = found.inhibited.since
        when = f" since {_when(since)}" if since else ""
        lines.append(f"No cron job begins{when}{why}.")
    elif found.mode.mode != NORMAL:
        lines.append("No cron job begins in this mode.")
    rows = [_row(each, found.current) for each in found.workers]
    heads = ("process", "state", "pid", "revision", "release", "since", "health")
    return "\n".join([*lines, "", table(heads, rows)])


def _row(found: WorkerStatus, current: int | None) -> tuple[str, ...]:
    revision = "" if found.revision is None else str(found.revision)
    if found.outdated:
        revision += f" (current: {current})"
    return (
        str(found.number),
        found.state,
        str(found.pid or ""),
        revision,
        found.release or "",
        _when(found.since) if found.since else "",
        "well" if found.healthy else found.problem,
    )


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
