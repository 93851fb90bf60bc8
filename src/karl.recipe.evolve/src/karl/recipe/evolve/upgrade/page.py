"""What there is to see of a run: as blocks, and as a page that can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from karl.recipe.release.base import blocks, pages
from karl.recipe.release.base.blocks import Block, moment, span

#: How a run ended, in words, and whether that is well.
OUTCOMES = {
    "done": ("good", "done"),
    "undone": ("bad", "undone: everything is as it was before"),
    "unfinished": ("bad", "not finished"),
}

_REFUSED = ("Writes", "refused")
_READING = "Reading went on all the time."


def page(data: Mapping[str, Any]) -> str:
    """Return the page for what :func:`report.data` tells."""
    name, (kind, outcome) = title(data), OUTCOMES[data["outcome"]]
    return pages.document(
        name,
        [
            pages.heading(1, name),
            pages.paragraph(outcome.capitalize() + ".", kind),
            pages.blocks(of_run(data), 2),
        ],
    )


def title(data: Mapping[str, Any]) -> str:
    """Return what a run is called."""
    kind = str(data["kind"]).replace("-", " ").capitalize()
    return f"{kind} {data['number']}: {way(data)}"


def way(data: Mapping[str, Any]) -> str:
    """Return from which release to which a run goes."""
    before, after = data["from"]["release"], data["to"]["release"]
    if data.get("source"):
        return f"the data of {data['source']}, release {after}"
    return f"release {after}" if before is None else f"release {before} to {after}"


def of_run(data: Mapping[str, Any]) -> list[Block]:
    """Return what there is to see of a run."""
    found = [
        _facts(data),
        *_failure(data["failure"]),
        blocks.timeline("Timeline", _steps(data["steps"]), _REFUSED),
        *([blocks.note(_READING)] if data["steps"] else []),
        _prediction(data.get("prediction", [])),
        blocks.listing("Scrubbed", data.get("scrubbed", [])),
        _evolved(data["evolved"]),
        _deferred(data.get("deferred", [])),
        _counts(data["counts"]),
        _reindexed(data["reindexed"]),
        blocks.listing("Warnings", data["warnings"]),
        blocks.listing("Undone", data["undone"]),
    ]
    return [block for block in found if block.get("rows", True)]


def _facts(data: Mapping[str, Any]) -> Block:
    window, label = data["window"], "Writes were refused for"
    if window is None and data["predicted_window"] is not None:
        window, label = data["predicted_window"], "Writes would be refused for"
    return blocks.facts(
        [
            ("Began", moment(data["began"])),
            ("Took", span(data["seconds"])),
            (label, "no time" if window is None else span(window)),
            ("Database copy before", _cell(data["from"]["copy"])),
            ("Database copy after", _cell(data["to"]["copy"])),
        ]
    )


def _prediction(parts: Sequence[Mapping[str, Any]]) -> Block:
    rows = [
        (_cell(part["step"]), span(part["seconds"]), _cell(part["known"]))
        for part in parts
    ]
    heads = ("Step", "Time", "How it is known")
    return blocks.table("The read-only window to come", heads, rows, numbers=(1,))


def _failure(failure: Mapping[str, Any] | None) -> list[Block]:
    if failure is None:
        return []
    text = f"The step {failure['step']} failed: {failure['message']} {failure['next']}"
    return [blocks.note(text)]


def _steps(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": step["name"],
            "text": step["text"],
            "at": step["at"],
            "seconds": step["seconds"],
            "marked": step["window"],
        }
        for step in steps
        if step["seconds"] is not None
    ]


def _evolved(steps: Sequence[Mapping[str, Any]]) -> Block:
    heads = ("Package", "Version", "What", "Objects", "Changed", "Time")
    rows = [
        (
            _cell(step["package"]), _cell(step["version"]), _cell(step["title"]),
            _cell(step["seen"]), _cell(step["changed"]), span(step["seconds"]),
        )
        for step in steps
    ]  # fmt: skip
    return blocks.table("Evolve steps", heads, rows, numbers=(1, 3, 4, 5))


def _deferred(steps: Sequence[Mapping[str, Any]]) -> Block:
    heads = ("Package", "Version", "What", "State", "Objects", "Changed", "Time")
    rows = [
        (
            _cell(step["package"]), _cell(step["version"]), _cell(step["title"]),
            "done" if step["done"] else "left", _cell(step["seen"]),
            _cell(step["changed"]), span(step["seconds"]),
        )
        for step in steps
    ]  # fmt: skip
    return blocks.table("In the background", heads, rows, numbers=(1, 4, 5, 6))


def _counts(counts: Sequence[Mapping[str, Any]]) -> Block:
    rows = []
    for each in counts:
        before, after = each["before"] or {}, each["after"] or {}
        where = f"{_cell(each['package'])} {_cell(each['version'])}"
        pairs = [("documents", before.get("documents"), after.get("documents"))]
        old, new = before.get("indexes") or {}, after.get("indexes") or {}
        pairs += [
            (f"index {name}", old.get(name), new.get(name))
            for name in sorted({*old, *new})
        ]
        rows += [(where, what, _cell(a), _cell(b)) for what, a, b in pairs]
    heads = ("Step", "What", "Before", "After")
    return blocks.table("Counts", heads, rows, numbers=(2, 3))


def _reindexed(indexes: Mapping[str, int]) -> Block:
    rows = [(name, _cell(count)) for name, count in sorted(indexes.items())]
    return blocks.table("Reindexed", ("Index", "Documents"), rows, numbers=(1,))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
