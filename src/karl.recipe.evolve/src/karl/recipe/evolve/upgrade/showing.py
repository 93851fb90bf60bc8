"""What the commands print: a plan, a run, or a document, as text or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from karl.recipe.evolve.upgrade.history import Run
from karl.recipe.evolve.upgrade.model import NOTHING, Plan
from karl.recipe.release.base.command import print_json, print_text
from karl.recipe.release.base.errors import UnfinishedError


def plan(decided: Plan, options: argparse.Namespace, *, dry_run: bool) -> int:
    """Print what would be done, or that there was nothing to do; return 0."""
    found: dict[str, Any] = {
        "kind": decided.kind,
        "reason": decided.reason,
        "plan": [
            {
                "name": step.name,
                "phase": step.phase,
                "text": step.text,
                "seconds": step.seconds,
                "window": step.window,
            }
            for step in decided.steps
        ],
        "predicted_window": decided.window,
        "predicted_seconds": decided.seconds,
        "changed": False,
        "dry_run": dry_run,
        "text": _plan_text(decided),
    }
    document(options, found, found["text"])
    return 0


def _plan_text(decided: Plan) -> str:
    if decided.kind == NOTHING:
        return f"Nothing to do: {decided.reason}."
    lines = [f"Would make a run of the kind {decided.kind}: {decided.reason}."]
    for step in decided.steps:
        known = "" if step.seconds is None else f"  ({step.seconds:.1f} s last time)"
        mark = "*" if step.window else " "
        lines.append(f" {mark} {step.phase:<10} {step.text}{known}")
    if any(step.window for step in decided.steps):
        told = "not known yet: rehearse"
        if decided.window is not None:
            told = f"about {decided.window:.1f} s, as far as steps were timed before"
        lines.append(f"* Writes are refused meanwhile: {told}.")
    return "\n".join(lines)


def run(done: Run, options: argparse.Namespace) -> int:
    """Print what came of a run; return the exit code."""
    from karl.recipe.evolve.upgrade import report

    found = report.data(done)
    code = UnfinishedError.exit_code if done.warnings else 0
    text = f"{found['text']}\n{found['report']}"
    document(options, {**found, "exit": code}, text)
    return code


def document(options: argparse.Namespace, found: Mapping[str, Any], text: str) -> None:
    """Print one JSON object, or the text."""
    if options.json:
        print_json(found)
    else:
        print_text(text)
