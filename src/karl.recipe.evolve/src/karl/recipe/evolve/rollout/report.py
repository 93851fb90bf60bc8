"""What came of a rollout: for programs, and for a terminal."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.orchestrator import Outcome
from karl.recipe.evolve.rollout.step import Work
from karl.recipe.release.base.errors import UnfinishedError


def data(outcome: Outcome) -> dict[str, Any]:
    """Return all that is worth knowing, as JSON values."""
    work = outcome.work
    declared, facts = work.declared, work.facts
    return {
        "version": work.version,
        "site": declared.site,
        "host": declared.host or None,
        "tag": work.tag,
        "commit": facts.get("commit"),
        "index": str(work.index),
        "sha256": facts.get("sha256"),
        "extends": facts.get("extends") or None,
        "previous": facts.get("previous") or None,
        "changes": facts.get("changes", []),
        "published": facts.get("published", {}),
        "shipped": facts.get("shipped", []),
        "predicted_window": facts.get("predicted_window"),
        "window": facts.get("window"),
        "run": facts.get("run"),
        "revision": facts.get("revision"),
        "complete": outcome.complete,
        "dry_run": outcome.dry_run,
        "plan" if outcome.dry_run else "steps": outcome.steps,
        "seconds": round(outcome.seconds, 3),
        "buildout": {"file": declared.buildout, "says": said_version(work.declared)},
        "warnings": work.warnings,
        "journal": str(work.places.journal),
        "exit": UnfinishedError.exit_code if work.warnings else 0,
        "text": plan(outcome) if outcome.dry_run else text(outcome),
    }


def said_version(declared: Rollouts) -> str | None:
    """Return the version that the buildout file here says; None: it says none."""
    section, _, option = declared.version_option.partition(":")
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        path = Path(declared.here.configuration(declared.buildout))
        parser.read_string(path.read_text(encoding="utf-8"))
        found = parser.get(section, option)
    except (OSError, ValueError, configparser.Error):
        return None
    return None if found is None else found.strip()


def text(outcome: Outcome) -> str:
    """Return what came of it, in a few lines."""
    work, last = outcome.work, outcome.steps[-1]["name"]
    what = f"Release {work.version} of {work.declared.site}"
    head = (
        f"{what} is rolled out, in {outcome.seconds:.1f} s."
        if outcome.complete
        else f"{what} is rolled out as far as {last}, in {outcome.seconds:.1f} s."
    )
    lines = [head, *_software(work), *_data(work.facts)]
    lines += [f"  warning: {each}" for each in work.warnings]
    return "\n".join([*lines, *_next(outcome)])


def plan(outcome: Outcome) -> str:
    """Return what would be done, in a few lines."""
    work, facts = outcome.work, outcome.work.facts
    lines = [f"Would roll out {work.version} of {work.declared.site}:"]
    for step in outcome.steps:
        name = step["name"]
        known = name in work.done and name not in {"check", "confirm"}
        lines.append(f"  {name:<9} {step['text']}{' (done before)' if known else ''}")
    lines.append(f"  tag {work.tag} is commit {facts['commit']}")
    if facts["was_frozen"]:
        lines.append(f"  index {work.index} is frozen already")
    elif facts["extends"]:
        lines.append(f"  index {work.index} would extend {facts['extends']}")
    return "\n".join(lines)


def _software(work: Work) -> list[str]:
    facts, lines = work.facts, [f"  tag {work.tag} is commit {work.facts['commit']}"]
    if facts.get("sha256"):
        lines.append(f"  index {work.index} has sha256 {facts['sha256'][:16]}")
    for change in facts.get("changes", []):
        versions = " -> ".join(filter(None, (change["old"], change["new"])))
        lines.append(f"    {change['name']} {versions} ({change['kind']})")
    return lines


def _data(facts: Mapping[str, Any]) -> list[str]:
    lines = []
    if facts.get("predicted_window") is not None:
        seconds = facts["predicted_window"]
        lines.append(f"  a rehearsal predicted {seconds:.1f} s without writes")
    if facts.get("window") is not None:
        lines.append(f"  writes were refused for {facts['window']:.1f} s")
    if facts.get("revision") is not None:
        lines.append(f"  revision {facts['revision']} is live")
    return lines


def _next(outcome: Outcome) -> list[str]:
    work = outcome.work
    if not outcome.complete:
        return [f"next: go on with rollout {work.version}."]
    declared, said = work.declared, said_version(work.declared)
    section, _, option = declared.version_option.partition(":")
    wanted = f"{option} = {work.version}"
    kept = f"Commit {declared.here.index(work.index)} if it is new"
    if said == work.version:
        return [f"next: {kept}. {declared.buildout} says {wanted} already."]
    where = f"[{section}] of {declared.buildout}"
    before = f" instead of {said}" if said else ""
    return [f"next: {kept}; write {wanted} into {where}{before}, and commit that."]
