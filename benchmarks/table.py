"""The report as Markdown, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.findings import COUNT, PERCENT, SECONDS, Finding, Report, Result, Target

#: Values below are written with more digits.
_FEW = 10


def render(report: Report) -> str:
    """Return the whole report: the machine, then each case with its tables."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    machine = ", ".join(f"{key}: {value}" for key, value in report.machine.items())
    yield f"Machine: {machine}."
    for result in report.results:
        yield ""
        yield from _result(result)
    yield ""
    missed = report.missed
    promised = sum(f.target is not None for r in report.results for f in r.findings)
    yield f"Targets: {promised - len(missed)} of {promised} reached."


def _result(result: Result) -> Iterator[str]:
    yield f"### {result.title}"
    yield ""
    yield result.compares
    yield ""
    yield from _table(
        ("measured", "median", "least", "most", "rounds"),
        [
            (
                measured.name,
                quantity(measured.median, measured.unit),
                quantity(min(measured.values), measured.unit),
                quantity(max(measured.values), measured.unit),
                str(len(measured.values)),
            )
            for measured in result.measurements
        ],
    )
    yield ""
    yield from _table(
        ("found", "value", "target", "reached"),
        [_finding(finding) for finding in result.findings],
    )


def _finding(finding: Finding) -> tuple[str, str, str, str]:
    verdict = {True: "yes", False: "**no**", None: ""}[finding.reached]
    goal = _target(finding.target, finding.unit) if finding.target else ""
    return finding.what, quantity(finding.value, finding.unit), goal, verdict


def _target(target: Target, unit: str) -> str:
    bound = f"{target.bound:g} {unit}".rstrip()
    return f"at {'least' if target.at_least else 'most'} {bound}"


def quantity(value: float, unit: str) -> str:
    """Return *value* with as many digits as mean something, and its unit."""
    if unit == PERCENT:
        return f"{value:.1f} %"
    if unit == COUNT:
        return f"{value:,.0f}"
    if unit == SECONDS:
        return f"{value:.3f} s" if value < _FEW else f"{value:.1f} s"
    return f"{value:.2f} {unit}" if value < _FEW else f"{value:.1f} {unit}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in
              range(len(head))]  # fmt: skip
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"
