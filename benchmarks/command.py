"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import machine, ours, sizes, softwaresets, table
from benchmarks.cases import (
    CASES,
    DATABASE_CASES,
    EVOLVE_CASES,
    GROUPS,
    Case,
    DatabaseCase,
)
from benchmarks.findings import Report, Result, from_json, to_json
from benchmarks.programs import ProgramError
from benchmarks.progress import Progress
from benchmarks.sizes import DatabaseSize
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

#: Finds out something.
Run = Callable[[Workshop], Sequence[Result]]

_PROCESSORS = 2
_ROUNDS = 5

_EPILOG = """\
Without CASE all are run; that takes about three quarters of an hour. The first run of
those of software fetches the distribution files of Plone, 70 MiB, from the registry.

examples:
  python -m benchmarks install disk --set sample --rounds 3
  python -m benchmarks software --json benchmarks/results.json
  python -m benchmarks databases --json benchmarks/databases.json \\
      --document docs/benchmarks.md
  python -m benchmarks evolve --rounds 2 --json benchmarks/evolve.json \\
      --document docs/benchmarks.md
  python -m benchmarks --show benchmarks/databases.json

cases:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; 0 if they ran, whatever they found; 1 if one failed."""
    options = _parser().parse_args(arguments)
    if options.show:
        document = json.loads(options.show.read_text(encoding="utf-8"))
        print(table.render(from_json(document)))
        return 0
    before = _rendered(options.json)
    progress = Progress(quiet=options.quiet)
    machine.keep_to(_PROCESSORS)
    with _folder(options.work, keep=options.keep) as work:
        rounds = options.rounds or (1 if options.quick else _ROUNDS)
        shop = Workshop(work, rounds, progress)
        try:
            report = _run(options, shop)
        except ProgramError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    # As the file of --json has them: rounded once.
    tables = table.render(from_json(to_json(report)))
    print(tables)
    return _document(options.document, before, tables) if options.document else 0


def _rendered(path: Path | None) -> str:
    """Return the tables of results that were written before, if there are any."""
    if path is None or not path.exists():
        return ""
    return table.render(from_json(json.loads(path.read_text(encoding="utf-8"))))


def _document(path: Path, before: str, tables: str) -> int:
    """Replace the tables of *before* in a document; return the exit code."""
    text = path.read_text(encoding="utf-8")
    if not before or before not in text:
        print(f"error: {path} has not the tables of --json", file=sys.stderr)
        return 1
    path.write_text(text.replace(before, tables), encoding="utf-8")
    return 0


def _run(options: argparse.Namespace, shop: Workshop) -> Report:
    """Run all that is asked for.

    :raises ProgramError: something that is measured failed.
    """
    wanted = _wanted(options.cases)
    groups = [name for name in GROUPS if wanted & set(GROUPS[name])]
    found = machine.describe(shop.root, groups)
    results: tuple[Result, ...] = ()
    for title, run in _chosen(options, shop.root, wanted):
        shop.progress.say(f"== {title}")
        results = (*results, *run(shop))
        _write(options.json, Report(found, shop.rounds, results))
    return Report(found, shop.rounds, results)


def _write(path: Path | None, report: Report) -> None:
    """Write what is known so far, so that a long run is never for nothing."""
    if path:
        text = json.dumps(to_json(report), indent=1)
        path.write_text(f"{text}\n", encoding="utf-8")


def _wanted(names: Sequence[str]) -> set[str]:
    """Return the cases that are asked for: by their names, by groups, or all."""
    return {case for name in names or GROUPS for case in GROUPS.get(name, (name,))}


def _chosen(
    options: argparse.Namespace, work: Path, wanted: set[str]
) -> Iterator[tuple[str, Run]]:
    """Yield what is to be run, with a title."""
    sets = [softwaresets.quick(work)] if options.quick else _sets(options.sets)
    for case in CASES:
        for software in sets:
            if case.name in wanted and software.name in case.sets:
                yield f"{case.name}: {software.title}", partial(_one, case, software)
    chosen = sizes.QUICK if options.quick else _sizes(options.sizes)
    for database_case in DATABASE_CASES:
        if database_case.name in wanted:
            yield database_case.name, partial(_of_sizes, database_case, chosen)
    for evolve_case in EVOLVE_CASES:
        if evolve_case.name in wanted:
            yield evolve_case.name, partial(evolve_case.run, quick=options.quick)


def _one(case: Case, software: SoftwareSet, shop: Workshop) -> list[Result]:
    return [case.run(shop, software)]


def _of_sizes(
    case: DatabaseCase, chosen: Sequence[DatabaseSize], shop: Workshop
) -> Sequence[Result]:
    return case.run(shop, chosen)


def _sizes(names: Sequence[str]) -> list[DatabaseSize]:
    return [size for size in sizes.SIZES if size.name in (names or sizes.USUAL)]


def _sets(names: Sequence[str]) -> list[SoftwareSet]:
    known = [softwaresets.plone(), softwaresets.sample()]
    return [software for software in known if not names or software.name in names]


def _case(name: str) -> str:
    if name not in GROUPS and name not in _wanted(()):
        raise argparse.ArgumentTypeError(f"there is no case {name!r}")
    return name


@contextmanager
def _folder(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    """Give a new folder to work in, below the *chosen* one, and remove it."""
    above = chosen.resolve() if chosen else Path(tempfile.gettempdir())
    above.mkdir(parents=True, exist_ok=True)
    work = Path(os.path.realpath(tempfile.mkdtemp(prefix="karl-bench-", dir=above)))
    try:
        yield work
    finally:
        if keep:
            print(f"kept: {work}", file=sys.stderr)
        else:
            ours.remove_tree(work)


def _parser() -> argparse.ArgumentParser:
    all_cases = (*CASES, *DATABASE_CASES, *EVOLVE_CASES)
    cases = "\n".join(f"  {case.name:10}{case.about}" for case in all_cases)
    groups = "\n".join(f"  {name:10}{', '.join(GROUPS[name])}" for name in GROUPS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure karl.recipe side by side with others; print ratios.",
        epilog=f"{_EPILOG}{cases}\n\ngroups of cases:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", type=_case, help="below")
    parser.add_argument(
        "--set",
        action="append",
        dest="sets",
        choices=["plone", "sample"],
        default=[],
        help="with this set of distributions only; may be repeated",
    )
    parser.add_argument(
        "--size",
        action="append",
        dest="sizes",
        choices=[size.name for size in sizes.SIZES],
        default=[],
        help="with databases of this size only; may be repeated (default: "
        f"{', '.join(sizes.USUAL)})",
    )
    parser.add_argument(
        "--rounds", type=int, help=f"rounds of each case (default: {_ROUNDS})"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round with what is tiny: only shows that it works",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results there, too"
    )
    parser.add_argument(
        "--document",
        type=Path,
        metavar="FILE",
        help="put the tables into this one, in the place of those of --json before",
    )
    parser.add_argument(
        "--show", type=Path, metavar="FILE", help="print results written before"
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="work below this folder (default: that for temporary files); needs "
        "30 GiB; its file system is what is measured",
    )
    parser.add_argument("--keep", action="store_true", help="keep the work folder")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return parser
