"""A run's report as one HTML page: no script, and nothing that is fetched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid #dde3ea; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.facts { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
.facts div { background: #f3f6f9; border-radius: 6px; padding: .6rem 1rem; }
.facts b { display: block; font-size: 1.25rem; }
.bad { color: #a1260d; } .good { color: #1d6b36; }
svg text { font: 12px system-ui, sans-serif; fill: #1c2733; }
"""

_OUTCOMES = {
    "done": ("good", "done"),
    "undone": ("bad", "undone: everything is as it was before"),
    "unfinished": ("bad", "not finished"),
}

#: Sizes of the timeline, in pixels.
_ROW, _LEFT, _WIDTH = 22, 170, 860


def page(data: Mapping[str, Any]) -> str:
    """Return the page for what :func:`report.data` tells."""
    kind, outcome = str(data["kind"]), _OUTCOMES[data["outcome"]]
    title = f"{kind.capitalize()} {data['number']}"
    before, after = data["from"], data["to"]
    start = "" if before["release"] is None else f"{_cell(before['release'])} to "
    releases = f"release {start}{_cell(after['release'])}"
    parts = [
        f"<h1>{escape(title)}: {releases}</h1>",
        f'<p class="{outcome[0]}">{outcome[1]}</p>',
        _facts(data),
        _failure(data),
        "<h2>Timeline</h2>",
        timeline(data["steps"]),
        _evolved(data["evolved"]),
        _counts(data["counts"]),
        _reindexed(data["reindexed"]),
        _list("Warnings", data["warnings"]),
        _list("Undone", data["undone"]),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def timeline(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return a picture of the steps: a bar each, dark while writes were refused."""
    shown = [step for step in steps if step["seconds"] is not None]
    if not shown:
        return "<p>No step was done.</p>"
    whole = max(0.001, *(step["at"] + step["seconds"] for step in shown))
    scale = (_WIDTH - _LEFT - 70) / whole
    rows = []
    for row, step in enumerate(shown):
        top, left = row * _ROW + 4, _LEFT + step["at"] * scale
        width = max(step["seconds"] * scale, 2)
        colour = "#c4582c" if step["window"] else "#4a7fb5"
        rows.append(
            f'<text x="0" y="{top + 12}">{escape(step["name"])}</text>'
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="14" rx="2" '
            f'fill="{colour}"><title>{escape(step["text"])}</title></rect>'
            f'<text x="{left + width + 5:.1f}" y="{top + 12}">'
            f"{step['seconds']:.1f} s</text>"
        )
    height = len(shown) * _ROW + 8
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" role="img" '
        'aria-label="The steps and how long each took">'
        + "".join(rows)
        + "</svg>\n<p>Orange: writes were refused. Reading went on all the time.</p>"
    )


def _facts(data: Mapping[str, Any]) -> str:
    window = data["window"]
    label = "read-only window"
    if window is None and data["predicted_window"] is not None:
        window, label = data["predicted_window"], "predicted read-only window"
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(data["began"]))
    found = [
        (began, "began"),
        (_seconds(data["seconds"]), "in all"),
        ("none" if window is None else _seconds(window), label),
        (_cell(data["from"]["copy"]), "database copy before"),
        (_cell(data["to"]["copy"]), "database copy after"),
    ]
    cells = "".join(f"<div><b>{value}</b>{label}</div>" for value, label in found)
    return f'<div class="facts">{cells}</div>'


def _failure(data: Mapping[str, Any]) -> str:
    failure = data["failure"]
    if failure is None:
        return ""
    text = f"The step {failure['step']} failed: {failure['message']} {failure['tip']}"
    return f'<p class="bad">{escape(text)}</p>'


def _evolved(steps: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            _cell(step["package"]), _cell(step["version"]), _cell(step["title"]),
            _cell(step["seen"]), _cell(step["changed"]), _seconds(step["seconds"]),
        )
        for step in steps
    ]  # fmt: skip
    heads = ("Package", "Version", "What", "Objects", "Changed", "Time")
    return _table("Evolve steps", heads, rows)


def _counts(counts: Sequence[Mapping[str, Any]]) -> str:
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
        rows += [(where, escape(what), _cell(a), _cell(b)) for what, a, b in pairs]
    return _table("Counts", ("Step", "What", "Before", "After"), rows)


def _reindexed(indexes: Mapping[str, int]) -> str:
    rows = [(escape(name), _cell(count)) for name, count in sorted(indexes.items())]
    return _table("Reindexed", ("Index", "Documents"), rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<h2>{escape(title)}</h2>\n<table><tr>{head}</tr>\n{body}</table>"


def _list(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<h2>{escape(title)}</h2>\n<ul>{lines}</ul>"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
