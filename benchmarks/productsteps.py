"""The sample product's own evolve step, with the library and without."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.databases import Database
from benchmarks.findings import Measurement, Result, ratio
from benchmarks.programs import ROOT
from benchmarks.sites import NEW, Site

#: Runs the naive step, and prints its seconds.
_NAIVE = """\
import sys, time
from pathlib import Path
import transaction
sys.path.insert(0, sys.argv[1])
from karl.intranet.database import opened
from naive.evolve1 import evolve
with opened(Path(sys.argv[2])) as database:
    start = time.perf_counter()
    with database.transaction() as connection:
        evolve(connection.root())
    print(time.perf_counter() - start)
"""

_LIBRARY = "with the library: change and reindexing"
_PLAIN = "naive: modified events"

_COMPARES = """\
The step from karl.intranet 3.30 to 3.31, which completes the websites in profiles, on \
the {documents} documents of the sites above, a tenth of them profiles; by \
`evolve-run`, and as it is often written (`benchmarks/naive`): each profile that \
changes is modified, so all its indexes are brought up to date, and everybody sees it \
as just changed. Seconds of the step, without the start of the process."""


def compare(site: Site, source: Database, documents: int, rounds: int) -> Result:
    """Let both evolve new copies of a database of the old release."""
    library, naive = [], []
    for number in range(1, rounds + 1):
        folder = source.data.parent
        copy = _copied(source, folder.with_name(f"{folder.name}-library-{number}"))
        library.append(_with_library(site, copy))
        copy = _copied(source, folder.with_name(f"{folder.name}-naive-{number}"))
        conf = copy.data.with_name("zodb.conf")
        conf.write_text(copy.conf, encoding="utf-8")
        naive.append(float(site.script(NEW, _NAIVE, ROOT / "benchmarks", conf)))
    measured = Measurement(_LIBRARY, tuple(library)), Measurement(_PLAIN, tuple(naive))
    return Result(
        case="upgrade step",
        title="The product's step, with the library and without",
        compares=_COMPARES.format(documents=f"{documents:,}"),
        measurements=measured,
        findings=(ratio("times faster with the library", measured[1], measured[0]),),
    )


def _with_library(site: Site, copy: Database) -> float:
    words = ("--evolve", "--data", str(copy.data), "--blobs", str(copy.blobs))
    events = site.evolve_run(NEW, *words)
    seconds = [
        float(event["seconds"])
        for event in events
        if event["event"] == "reindex_end"
        or (event["event"] == "step_end" and event["package"] == "karl.intranet")
    ]
    return sum(seconds)


def _copied(source: Database, folder: Path) -> Database:
    folder.mkdir()
    found = Database(folder / "Data.fs", folder / "blobs")
    shutil.copyfile(source.data, found.data)
    shutil.copytree(source.blobs, found.blobs)
    return found
