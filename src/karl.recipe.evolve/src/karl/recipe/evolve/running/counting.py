"""Counts of documents before and after, of a catalog and of its indexes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from karl.recipe.evolve.running.record import Run
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.steps import Step
from karl.recipe.evolve.steps.catalogs import counts
from karl.recipe.evolve.steps.step import identity
from karl.recipe.evolve.steps.walking import walk


def count(session: Session, step: Step) -> dict[str, Any]:
    """Return the documents that there are, and those that each index has seen."""
    documents = step.documents(session.root)
    return {
        "documents": None if documents is None else walk(documents).total(),
        "indexes": counts(step.catalog(session.root)),
    }


def remember_counts(session: Session, step: Step) -> None:
    """Store the counts of the step's catalog, the first time that it is met."""
    if not step.indexes:
        return
    try:
        catalog = step.catalog(session.root)
        oid = identity(catalog, session.connection)
        found = count(session, step)
    except Exception:  # noqa: BLE001 - it may be the step itself that creates it
        return
    run = Run(session.root)
    before = run.get("before", {})
    if oid not in before:
        run.set(before={**before, oid: found})


def losses(
    step: Step, before: dict[str, Any] | None, after: dict[str, Any]
) -> Iterator[str]:
    """Yield a sentence for each index of the step that lacks more than before."""
    if after["documents"] is None:
        return
    for name in step.indexes:
        missing = _missing(after, name)
        had = None if before is None else _missing(before, name)
        if missing is not None and missing != (had or 0):
            yield (
                f"The index {name} has seen {after['indexes'][name]:,} documents,"
                f" and there are {after['documents']:,}."
            )


def _missing(counted: dict[str, Any], name: str) -> int | None:
    """Return how many documents an index has not seen; None: it cannot be told."""
    seen = counted["indexes"].get(name)
    if seen is None or counted["documents"] is None:
        return None
    return int(counted["documents"] - seen)
