"""The report of a run: for programs, for a terminal, and as a page to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from karl.recipe.evolve.upgrade import model, prediction
from karl.recipe.evolve.upgrade.history import DONE, Run
from karl.recipe.evolve.upgrade.page import page as _page
from karl.recipe.evolve.upgrade.phases import STEPS

_NAMES = {
    model.UPGRADE: "upgrade",
    model.REHEARSAL: "rehearsal",
    model.SWITCH: "switch",
    model.FIRST: "first release",
    model.REFRESH: "refresh",
    model.BACKGROUND: "work in the background",
    model.ROLLBACK: "rollback",
    model.SWITCH_BACK: "switch back",
}


def data(run: Run) -> dict[str, Any]:
    """Return all that is worth knowing of a run, as JSON values.

    Times are seconds since the epoch; ``at`` is seconds since the run began.
    """
    facts = run.facts
    return {
        "number": run.number,
        "kind": run.kind,
        "reason": run.reason,
        "outcome": run.outcome or "unfinished",
        "began": run.begun,
        "ended": run.ended or None,
        "seconds": round(run.ended - run.begun, 3) if run.ended else None,
        "window": window(run),
        "predicted_window": predicted(run),
        "prediction": _prediction(run),
        "from": _side(facts, "release_from", "revision_from", "copy_from"),
        "to": _side(facts, "version", "revision", "copy"),
        "steps": _steps(run),
        "evolved": facts.get("evolved", []),
        "deferred": deferred(run),
        "counts": facts.get("counts", []),
        "reindexed": facts.get("reindexed", {}),
        "source": facts.get("source"),
        "scrubbed": facts.get("scrubbed", []),
        "failure": _failure(run),
        "warnings": run.warnings,
        "undone": run.undone,
        "report": str(run.places.report_html),
        "text": text(run),
    }


def window(run: Run) -> float | None:
    """Return for how many seconds writes were refused; None: they were not."""
    first, last = run.attempts.get("mode"), run.attempts.get("normal")
    if first is None or first.skipped:
        return None
    if last is not None and last.seconds is not None and run.outcome == DONE:
        return round(last.begun + last.seconds - first.begun, 3)
    return round(run.ended - first.begun, 3) if run.ended else None


def predicted(run: Run) -> float | None:
    """Return how long the read-only window would be, as a rehearsal has found."""
    parts = _prediction(run)
    return prediction.seconds(parts) if parts else None


def _prediction(run: Run) -> list[dict[str, Any]]:
    """Return what a rehearsal that was done predicts: a part for each step."""
    return run.facts.get("prediction", []) if run.outcome == DONE else []


def text(run: Run) -> str:
    """Return what came of a run, in a few lines."""
    facts, head = run.facts, f"{_NAMES[run.kind].capitalize()} {run.number}: {way(run)}"
    if run.outcome != DONE:
        whose = "the site" if run.kind == model.REFRESH else "production"
        state = f"undone: {whose} is as before" if run.outcome else "unfinished"
        lines = [f"{head}: {state}."]
        lines += [f"  failed: {run.failure['message']}"] if run.failure else []
        return "\n".join(lines + [f"  undone: {each}" for each in run.undone])
    lines = [f"{head}: done in {run.ended - run.begun:.1f} s."]
    if run.kind == model.FIRST:
        lines.append("  the site is started with: bin/site start")
    if run.kind == model.REFRESH:
        scrubbed = ", ".join(facts["scrubbed"]) or "nothing had to be"
        lines.append(f"  from {facts['source']}, backup {facts['backup']}")
        lines.append(f"  scrubbed: {scrubbed}")
    found, coming = window(run), predicted(run)
    if found is not None:
        lines.append(f"  writes were refused for {found:.1f} s")
    if coming is not None:
        lines.append(f"  writes would be refused for about {coming:.1f} s")
        lines += [f"    {line}" for line in prediction.text(_prediction(run))]
    for each in facts.get("evolved", []):
        changed = "" if each["changed"] is None else f": {each['changed']} changed"
        lines.append(f"  {each['package']} {each['version']} {each['title']}{changed}")
    for index, count in sorted(facts.get("reindexed", {}).items()):
        lines.append(f"  index {index}: {count} documents")
    lines += map(_left, deferred(run))
    if facts.get("discarded") != 0 and facts.get("discard_writes"):
        lines.append(f"  given up: {lost(facts)}; copy {facts['copy_from']} has that")
    return "\n".join(lines + [f"  warning: {each}" for each in run.warnings])


def deferred(run: Run) -> list[dict[str, Any]]:
    """Return what steps left for the background, and what came of it."""
    if run.outcome != DONE:
        return []
    attempt = run.attempts.get("deferred")
    done = attempt is not None and attempt.seconds is not None
    found = {
        (each["package"], each["version"]): each
        for each in run.facts.get("background", [])
    }
    return [
        {
            "package": each["package"],
            "version": each["version"],
            "title": each["title"] or own.get("title", ""),
            "seconds": own.get("seconds"),
            "seen": own.get("seen"),
            "changed": own.get("changed"),
            "done": done,
        }
        for each in run.facts.get("deferred", [])
        for own in [found.get((each["package"], each["version"]), {})]
    ]


def _left(each: Mapping[str, Any]) -> str:
    """Return what is to be told of something that was left."""
    what = f"{each['package']} {each['version']} {each['title']}".rstrip()
    if each["done"]:
        return f"  in the background: {what}: {each['changed'] or 0} changed"
    return f"  left for the background: {what}"


def way(run: Run) -> str:
    """Return from where to where a run goes."""
    if run.kind == model.REFRESH:
        return f"the data of {run.facts['source']}, release {run.facts['version']}"
    before = run.facts["release_from"]
    start = "" if before is None else f"{before} to "
    return f"release {start}{run.facts['version']}"


def lost(facts: Mapping[str, Any]) -> str:
    """Return what a rollback has given up, or would."""
    count = facts.get("discarded")
    if count is None:
        return "transactions that cannot be counted"
    return f"{count} transaction" + ("" if count == 1 else "s")


def page(run: Run) -> str:
    """Return the report as one HTML page that needs nothing else."""
    return _page(data(run))


def _side(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    keys = ("release", "revision", "copy")
    return {key: facts.get(name) for key, name in zip(keys, names, strict=True)}


def _steps(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "name": step.name,
            "phase": step.phase,
            "text": run.texts.get(step.name, step.name),
            "at": round(attempt.begun - run.begun, 3),
            "seconds": attempt.seconds,
            "skipped": attempt.skipped,
            "window": step.window,
        }
        for step in STEPS[run.kind]
        if (attempt := run.attempts.get(step.name)) is not None
    ]


def _failure(run: Run) -> dict[str, Any] | None:
    if run.failure is None:
        return None
    told = {name: run.failure[name] for name in ("step", "message", "exit")}
    return {**told, "next": run.failure["tip"]}
