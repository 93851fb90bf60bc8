"""Bringing one index up to date, against bringing all: with both catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import steps
from benchmarks.findings import Finding, Measurement, Result, at_least, ratio
from benchmarks.steps import Documents, Evolved
from benchmarks.workshop import Workshop

_CATALOGS = ("repoze.catalog", "hypatia")

#: Documents, and words in the text of each: a page of paper.
_COUNT, _FEW = 50_000, 300
_WORDS = 300

#: Each takes minutes.
_ROUNDS = 1

TARGETED, EVERYTHING, PLAIN = "targeted", "everything", "plain"
_PACKAGES = (TARGETED, EVERYTHING, PLAIN)

#: How many times as fast.
_TIMES = 10

_COMPARES = """\
{count:,} documents with {words} words of text each, in a catalog of {catalog} with \
the eight indexes of the sample product (text, five of fields, two of keywords). An \
evolve step changes the website of each, which one index has: with the library, which \
brings that index up to date; the same step naming all indexes; and a plain function \
that changes a document and reindexes it, as a handler of modified events does, in one \
transaction. Each by `evolve-run` on the files of a new copy. "The reindexing alone" \
is the library's pass over the catalog: loading the documents, reindexing, committing. \
The two catalogs are measured at the same time, on a processor each."""


def run(shop: Workshop, *, quick: bool) -> list[Result]:
    """Let the steps run with both catalogs."""
    count = _FEW if quick else _COUNT
    found: dict[str, dict[str, list[Evolved]]] = {
        catalog: {package: [] for package in _PACKAGES} for catalog in _CATALOGS
    }
    with steps.pool() as pool:
        shop.progress.say(f"writing {count} documents into both catalogs ...")
        sources = list(pool.map(partial(_write, shop, count), _CATALOGS))
        for number in range(1, min(shop.rounds, _ROUNDS) + 1):
            for package in _PACKAGES:
                told = f"round {number}: {package} ..."
                shop.progress.say(told)
                done = _both(pool, shop, sources, package, number)
                for catalog, evolved in zip(_CATALOGS, done, strict=True):
                    found[catalog][package].append(evolved)
    return [
        _result(catalog, count, found[catalog], quick=quick) for catalog in _CATALOGS
    ]


def _write(shop: Workshop, count: int, catalog: str) -> Path:
    folder = shop.root / f"reindex-{catalog}"
    return Documents(catalog, count, _WORDS).write(folder, shop.home)


def _both(
    pool: ThreadPoolExecutor,
    shop: Workshop,
    sources: Sequence[Path],
    package: str,
    number: int,
) -> list[Evolved]:
    """Evolve both databases at the same time."""

    def evolve(source: Path) -> Evolved:
        folder = source.parent.with_name(f"{source.parent.name}-{package}-{number}")
        return steps.evolve(source, package, folder, shop.home)

    return list(pool.map(evolve, sources))


def _result(
    catalog: str, count: int, found: Mapping[str, Sequence[Evolved]], *, quick: bool
) -> Result:
    for evolved in found[TARGETED]:
        assert evolved.indexes == {"website": count}, evolved.indexes
    return Result(
        case=f"reindex {catalog}",
        title=f"Targeted against full reindexing: {catalog}",
        compares=_COMPARES.format(count=count, words=_WORDS, catalog=catalog),
        measurements=tuple(_measured(found).values()),
        findings=tuple(_findings(_measured(found), quick=quick)),
    )


_STEP = "the step with the library"
_ALONE = "the reindexing alone, one index"
_ALL_ALONE = "the reindexing alone, all indexes"
_STEP_ALL = "the step with the library, all indexes"
_FUNCTION = "the plain function, all indexes"


def _measured(found: Mapping[str, Sequence[Evolved]]) -> dict[str, Measurement]:
    values = {
        _ALONE: [each.reindexing for each in found[TARGETED]],
        _ALL_ALONE: [each.reindexing for each in found[EVERYTHING]],
        _STEP: [each.seconds for each in found[TARGETED]],
        _STEP_ALL: [each.seconds for each in found[EVERYTHING]],
        _FUNCTION: [each.seconds for each in found[PLAIN]],
    }
    return {what: Measurement(what, tuple(each)) for what, each in values.items()}


def _findings(found: Mapping[str, Measurement], *, quick: bool) -> Iterator[Finding]:
    target = None if quick else at_least(_TIMES)
    yield ratio(
        "the reindexing alone: times faster", found[_ALL_ALONE], found[_ALONE], target
    )
    yield ratio(
        "the step: times faster than with all indexes", found[_STEP_ALL], found[_STEP]
    )
    yield ratio(
        "the step: times faster than the plain function", found[_FUNCTION], found[_STEP]
    )
