"""Steps that the site's processes, mode and revisions take."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from karl.recipe.evolve.upgrade import health
from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base.errors import KarlError, RefusedError

_MESSAGE = "We are upgrading. You can read everything; changes are possible again soon."

#: Seconds between two looks at the file that postpones the cut-over.
_PATIENCE = 1.0


def check_release(work: Work) -> Facts:
    """Check that the new release is sealed and imports."""
    work.programs.switch("--prepare", work.facts["version"], "--dry-run")
    return {}


def refuse_writes(work: Work) -> Facts:
    """Answer unsafe requests with a friendly refusal."""
    work.programs.site("mode", "read-only", "--message", _MESSAGE)
    return {}


def accept_writes(work: Work) -> Facts:
    """Answer all requests again."""
    work.programs.site("mode", work.facts["mode_from"])
    return {}


def restore_mode(work: Work) -> str:
    """Have the site in the mode that it was in."""
    mode = work.facts["mode_from"]
    changed = work.programs.site("mode", mode)["changed"]
    return f"put the site into mode {mode}" if changed else ""


def refuse_writes_again(work: Work) -> str:
    """Answer unsafe requests with a refusal again."""
    refuse_writes(work)
    return "put the site into mode read-only"


def inhibit_jobs(work: Work) -> Facts:
    """Keep cron jobs from beginning, and wait for those that run."""
    seconds = f"{work.declared.timeouts.jobs:g}"
    work.programs.site("inhibit", "--why", "an upgrade", "--wait", seconds)
    return {}


def allow_jobs(work: Work) -> Facts:
    """Let cron jobs begin again, unless somebody else inhibited them."""
    if not work.facts["inhibited_from"]:
        work.programs.site("allow")
    return {}


def allow_jobs_again(work: Work) -> str:
    """Undo that jobs are inhibited."""
    if work.facts["inhibited_from"]:
        return ""
    changed = work.programs.site("allow")["changed"]
    return "let cron jobs begin again" if changed else ""


def write_revision(work: Work) -> Facts:
    """Write the revision: the new release with the new copy."""
    found = work.programs.switch(
        "--prepare", work.facts["version"], *_untested(work, "check-release"),
        "--database", work.facts["database"],
        "--zodb-conf", str(work.places.zodb_conf),
        "--note", _note(work),
    )  # fmt: skip
    return {"revision": found["revision"]}


def write_same_revision(work: Work) -> Facts:
    """Write the revision: the new release with the database that is bound now."""
    found = work.programs.switch(
        "--prepare", work.facts["version"], *_untested(work, "check-release"),
        "--note", _note(work),
    )  # fmt: skip
    return {"revision": found["revision"]}


def discard_revision(work: Work) -> str:
    """Remove the revision, unless it was live: then it is part of the history."""
    done = []
    for row in _revisions(work):
        ours = row.get("note") == _note(work)
        if ours and not row["was_live"] and not row["current"]:
            work.programs.switch("--discard", str(row["number"]))
            done.append(f"discarded revision {row['number']}")
    return ", ".join(done)


def discard_tried(work: Work) -> Facts:
    """Remove the revision that was written to be tried only."""
    discard_revision(work)
    return {}


def try_revision(work: Work) -> Facts:
    """Start a private process of the revision, and ask it whether it is well."""
    number = work.number("revision")
    for path in work.declared.serving.health_paths:
        work.programs.site("try", number, "--path", path)
    return {}


def wait_for_file(work: Work) -> Facts:
    """Wait while the file that postpones the cut-over is there."""
    path = Path(work.facts["postpone"])
    if path.exists():
        work.reporter.say(f"The cut-over waits until {path} is removed.")
    while path.exists():
        time.sleep(_PATIENCE)
        check_window(work)
    return {}


def is_not_postponed(work: Work) -> str:
    """Tell that no file postpones the cut-over."""
    return "" if work.facts.get("postpone") else "no file postpones it"


def check_window(work: Work) -> None:
    """Refuse to go on when the window has lasted too long.

    :raises RefusedError: it has.
    """
    if work.limit is not None and time.time() > work.limit:
        raise RefusedError(
            "The read-only window has lasted longer than the "
            f"{work.declared.timeouts.window:g} s that it may.",
            "Rehearse, and see what takes so long; or allow more: the timeout window.",
        )


def left(work: Work) -> float | None:
    """Return how many seconds are left of the window; None: there is no limit."""
    return None if work.limit is None else max(1.0, work.limit - time.time())


def activate(work: Work) -> Facts:
    """Make the revision the live one."""
    _go_to(work, work.facts["revision"])
    return {}


def is_current(work: Work) -> str:
    """Tell whether the revision is live already."""
    number = work.facts["revision"]
    current = next((row for row in _revisions(work) if row["current"]), None)
    if current is None or current["number"] != number:
        return ""
    return f"revision {number} is live already"


def deactivate(work: Work) -> str:
    """Make the revision that was live before the live one again."""
    before = work.facts["revision_from"]
    done = []
    if _go_to(work, before):
        done.append(f"made revision {before} the live one again")
    if _outdated(work, before):
        work.programs.site("restart")
        done.append("restarted the processes")
    return ", ".join(done)


def restart(work: Work) -> Facts:
    """Restart one process after the other."""
    return {"workers": len(work.programs.site("restart")["workers"])}


def is_running(work: Work) -> str:
    """Tell whether all processes are of the live revision already."""
    if _outdated(work, work.facts["revision"]):
        return ""
    return "all processes run it already"


def check_health(work: Work) -> Facts:
    """Ask the processes, and the address that visitors use.

    :raises UnreachableError: one does not answer as it should.
    """
    number = work.facts["revision"]
    if found := _outdated(work, number):
        raise KarlError(
            f"The site is not well on revision {number}: {found}.",
            "See bin/site status, and the logs of its processes.",
        )
    serving = work.declared.serving
    for path in serving.health_paths:
        health.check(serving.address, path, work.declared.timeouts.health)
    return {}


def _go_to(work: Work, number: int) -> bool:
    """Make a revision the live one; tell whether it was not."""
    rows = {row["number"]: row for row in _revisions(work)}
    if rows.get(number, {}).get("current"):
        return False
    if rows.get(number, {}).get("was_live"):
        work.programs.switch("--rollback", "--to", str(number))
    else:
        work.programs.switch("--activate", str(number), *_untested(work, "try"))
    return True


def _untested(work: Work, step: str) -> tuple[str, ...]:
    """Say that a release need not be imported again, if this command has just done so.

    :param step: which has.
    """
    return ("--no-smoke-test",) if step in work.done_now else ()


def _outdated(work: Work, number: int) -> str:
    """Tell what is wrong with the processes; empty: all are well, of a revision."""
    found: Any = work.programs.site_status()
    workers = found["workers"]
    if not workers:
        return "no process runs"
    for each in workers:
        name = f"process {each['number']}"
        if each["pid"] is None or each["revision"] is None:
            return f"{name} does not run"
        if int(each["revision"]) != number:
            return f"{name} is of revision {each['revision']}"
        if not each["healthy"]:
            return f"{name}: {each['problem'] or 'it is not healthy'}"
    return ""


def _note(work: Work) -> str:
    return f"upgrade {work.places.number}"


def _revisions(work: Work) -> list[Any]:
    return list(work.programs.switch("--list")["revisions"])
