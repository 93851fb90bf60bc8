from __future__ import annotations

import json

import pytest

from benchmarks import table
from benchmarks.findings import (
    MIB,
    PERCENT,
    SECONDS,
    Finding,
    Measurement,
    Report,
    Result,
    at_least,
    at_most,
    from_json,
    ratio,
    to_json,
)

SLOW = Measurement("slow", (9.0, 30.0, 12.0))
FAST = Measurement("fast", (1.0, 0.5))


@pytest.fixture
def report():
    return Report(
        {"processors": 2},
        3,
        (
            Result(
                "install tiny",
                "Installing",
                "Everything.",
                (SLOW, FAST, Measurement("disk", (3.5,), MIB)),
                (
                    ratio("times faster", SLOW, FAST, at_least(13)),
                    ratio("times slower", FAST, SLOW),
                    Finding("share", 6.25, PERCENT, at_most(5)),
                    Finding("seconds", 0.0625, SECONDS, at_most(0.1)),
                ),
            ),
        ),
    )


def test_ratio_is_of_the_medians():
    """A ratio is of the medians, so that one disturbed round does not decide."""
    assert SLOW.median == 12.0
    assert FAST.median == 0.75
    assert ratio("", SLOW, FAST).value == 16.0


@pytest.mark.parametrize(
    ("target", "value", "reached"),
    [
        (at_least(13), 13.0, True),
        (at_least(13), 12.9, False),
        (at_most(5), 5.0, True),
        (at_most(5), 5.1, False),
        (None, 1.0, None),
    ],
)
def test_targets(target, value, reached):
    """A target's bound belongs to what reaches it; without one there is no verdict."""
    assert Finding("what", value, target=target).reached is reached


def test_document_reads_back(report):
    """The JSON document holds the whole report: it reads back as the same."""
    document = json.loads(json.dumps(to_json(report)))
    assert from_json(document) == report
    assert document["results"][0]["measurements"][0]["median"] == 12.0
    assert [f["reached"] for f in document["results"][0]["findings"]] == [
        True, None, False, True,
    ]  # fmt: skip


def test_missed_targets_are_told(report):
    """The report knows which targets are missed."""
    assert [finding.what for finding in report.missed] == ["share"]


def test_table(report):
    """The report is Markdown: medians, ratios, targets and verdicts, aligned."""
    lines = table.render(report).splitlines()
    assert lines == [
        "Machine: processors: 2.",
        "",
        "### Installing",
        "",
        "Everything.",
        "",
        "| measured | median   | least    | most     | rounds |",
        "| -------- | -------- | -------- | -------- | ------ |",
        "| slow     | 12.0 s   | 9.000 s  | 30.0 s   | 3      |",
        "| fast     | 0.750 s  | 0.500 s  | 1.000 s  | 2      |",
        "| disk     | 3.50 MiB | 3.50 MiB | 3.50 MiB | 1      |",
        "",
        "| found        | value      | target            | reached |",
        "| ------------ | ---------- | ----------------- | ------- |",
        "| times faster | 16.0 times | at least 13 times | yes     |",
        "| times slower | 0.06 times |                   |         |",
        "| share        | 6.2 %      | at most 5 %       | **no**  |",
        "| seconds      | 0.062 s    | at most 0.1 s     | yes     |",
        "",
        "Targets: 2 of 3 reached.",
    ]
