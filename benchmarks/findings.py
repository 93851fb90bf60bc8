"""What benchmarks find: measurements, ratios of them, and targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

#: Units.
SECONDS = "s"
MIB = "MiB"
TIMES = "times"
PERCENT = "%"
MILLISECONDS = "ms"
COUNT = ""


@dataclass(frozen=True)
class Measurement:
    """One thing that was measured, once a round.

    :ivar name: what it is, unique in its case.
    :ivar values: in the order of the rounds, warm-up left out.
    """

    name: str
    values: tuple[float, ...]
    unit: str = SECONDS

    @property
    def median(self) -> float:
        """The value that stands for all."""
        return median(self.values)


@dataclass(frozen=True)
class Target:
    """A bound that a value is to keep.

    :ivar at_least: whether the value must not be below the bound; else it must
        not be above.
    """

    bound: float
    at_least: bool

    def reached_by(self, value: float) -> bool:
        """Tell whether *value* keeps the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


def at_least(bound: float) -> Target:
    """Return the target of values that are to be high."""
    return Target(bound, at_least=True)


def at_most(bound: float) -> Target:
    """Return the target of values that are to be low."""
    return Target(bound, at_least=False)


@dataclass(frozen=True)
class Finding:
    """A number that says something: a ratio, or a time beside its limit.

    :ivar what: a phrase that the value completes.
    :ivar target: None: nothing was promised.
    """

    what: str
    value: float
    unit: str = TIMES
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        return self.target.reached_by(self.value) if self.target else None


def ratio(
    what: str,
    slow: Measurement,
    fast: Measurement,
    target: Target | None = None,
) -> Finding:
    """Return how many times as much *slow* is as *fast*, by their medians."""
    return Finding(what, slow.median / fast.median, TIMES, target)


@dataclass(frozen=True)
class Result:
    """What one case found.

    :ivar case: its name.
    :ivar compares: what exactly is compared, sentences.
    """

    case: str
    title: str
    compares: str
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """A whole run.

    :ivar machine: where it was made, by key.
    :ivar rounds: of every case; slow contenders may have fewer.
    """

    machine: Mapping[str, Any]
    rounds: int
    results: tuple[Result, ...]

    @property
    def missed(self) -> list[Finding]:
        """The findings that do not reach their targets."""
        return [
            finding
            for result in self.results
            for finding in result.findings
            if finding.reached is False
        ]


def to_json(report: Report) -> dict[str, Any]:
    """Return the document for programs: the report, medians and verdicts."""
    return {
        "machine": dict(report.machine),
        "rounds": report.rounds,
        "results": [_result_to_json(result) for result in report.results],
    }


def from_json(document: Mapping[str, Any]) -> Report:
    """Return the report that :func:`to_json` made *document* of."""
    return Report(
        machine=document["machine"],
        rounds=document["rounds"],
        results=tuple(_result_from_json(result) for result in document["results"]),
    )


def _result_to_json(result: Result) -> dict[str, Any]:
    return {
        "case": result.case,
        "title": result.title,
        "compares": result.compares,
        "measurements": [
            {
                "name": measured.name,
                "unit": measured.unit,
                "median": round(measured.median, 4),
                "values": [round(value, 4) for value in measured.values],
            }
            for measured in result.measurements
        ],
        "findings": [
            {
                "what": finding.what,
                "value": round(finding.value, 4),
                "unit": finding.unit,
                "target": asdict(finding.target) if finding.target else None,
                "reached": finding.reached,
            }
            for finding in result.findings
        ],
    }


def _result_from_json(document: Mapping[str, Any]) -> Result:
    return Result(
        case=document["case"],
        title=document["title"],
        compares=document["compares"],
        measurements=tuple(
            Measurement(entry["name"], tuple(entry["values"]), entry["unit"])
            for entry in document["measurements"]
        ),
        findings=tuple(_finding_from_json(entry) for entry in document["findings"]),
    )


def _finding_from_json(entry: Mapping[str, Any]) -> Finding:
    target = entry["target"]
    return Finding(
        entry["what"],
        entry["value"],
        entry["unit"],
        Target(target["bound"], target["at_least"]) if target else None,
    )


def named(measurements: Sequence[Measurement]) -> dict[str, Measurement]:
    """Return *measurements* by name."""
    return {measured.name: measured for measured in measurements}
