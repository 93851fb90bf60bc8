"""How far the last run came, in plain words."""

from __future__ import annotations

import fcntl
import time
from typing import Any

from karl.recipe.evolve.upgrade import history, model, report
from karl.recipe.evolve.upgrade.history import Run
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.places import Places


def status(places: Places) -> dict[str, Any]:
    """Return what is known of the last run.  Takes no lock that anybody waits for.

    :raises DamagedError: its journal cannot be understood.
    """
    run, running = history.newest(places), is_running(places)
    if run is None:
        text = "No upgrade was made yet."
        return {"running": running, "run": None, "unfinished": False, "text": text}
    with history.understood(run.places):
        return {
            "running": running,
            "run": report.data(run),
            "unfinished": not run.outcome and not running,
            "text": _text(run, running=running),
        }


def is_running(places: Places) -> bool:
    """Tell whether a command holds the lock now."""
    try:
        with places.lock.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _text(run: Run, *, running: bool) -> str:
    if run.outcome:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.ended))
        lines = [f"Last, until {when}:", report.text(run)]
        if not all(each["done"] for each in report.deferred(run)):
            lines.append(
                "  That is being done now; the site works all the time."
                if running
                else "  The site works all the same. Go on: evolve --resume."
            )
        return "\n".join(lines)
    head = f"{run.kind.capitalize()} {run.number}, {report.way(run)}"
    lines = [f"{head}, {'is under way' if running else 'was interrupted'}."]
    lines += [
        f"  {'done' if attempt.seconds is not None else 'begun'}: "
        f"{run.texts.get(step.name, step.name)}"
        for step in STEPS[run.kind]
        if (attempt := run.attempts.get(step.name)) is not None and not attempt.skipped
    ]
    if run.undoing:
        lines.append(f"  It is being undone: {run.undoing}")
    meaning = _of_refresh if run.kind == model.REFRESH else _meaning
    lines.append(f"  {meaning(run)}")
    if not running:
        lines.append("  Go on: evolve --resume. Make it undone: evolve --abort.")
    return "\n".join(lines)


def _meaning(run: Run) -> str:
    """Return what the state of a run means for those who use the site."""
    if run.kind == model.FIRST:
        live = run.is_done("activate")
        return "The release is live." if live else "The site has no live revision yet."
    if run.is_done("normal"):
        return "The new release is live with its data; writes are accepted."
    if run.is_done("adopt"):
        return "The new release is live with its data; writes are refused still."
    if run.is_begun("activate") and not run.is_done("adopt"):
        return "It was about to go live; writes are refused."
    if run.is_begun("mode"):
        return "The old release and its data are live; writes are refused."
    return "The old release and its data are live; writes are accepted."


def _of_refresh(run: Run) -> str:
    """Return the same of a run that brings another site's data."""
    if run.is_done("adopt"):
        done = run.is_done("normal")
        return f"The new data are live; writes are {'accepted' if done else 'refused'}."
    if run.is_begun("activate"):
        return "They were about to go live; writes are refused."
    refused = "refused" if run.is_begun("mode") else "accepted"
    return f"The site has the data that it had; writes are {refused}."
