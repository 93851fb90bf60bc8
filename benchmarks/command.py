"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import machine, ours, softwaresets, table
from benchmarks.cases import CASES, Case
from benchmarks.findings import Report, Result, from_json, to_json
from benchmarks.programs import ProgramError
from benchmarks.progress import Progress
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

_PROCESSORS = 2
_ROUNDS = 5

_EPILOG = """\
Without CASE all are run; that takes about half an hour. The first run fetches the
distribution files of Plone, 70 MiB, from the registry.

examples:
  python -m benchmarks install disk --set sample --rounds 3
  python -m benchmarks --json benchmarks/results.json
  python -m benchmarks --show benchmarks/results.json

cases:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; 0 if they ran, whatever they found; 1 if one failed."""
    options = _parser().parse_args(arguments)
    if options.show:
        document = json.loads(options.show.read_text(encoding="utf-8"))
        print(table.render(from_json(document)))
        return 0
    progress = Progress(quiet=options.quiet)
    machine.keep_to(_PROCESSORS)
    with _folder(options.work, keep=options.keep) as work:
        shop = Workshop(work, options.rounds or (1 if options.quick else _ROUNDS),
                        progress)  # fmt: skip
        report = Report(machine.describe(work), shop.rounds, ())
        try:
            for case, software in _chosen(options, work):
                progress.say(f"== {case.name}: {software.title}")
                report = _with(report, case.run(shop, software))
                _write(options.json, report)
        except ProgramError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(table.render(report))
    return 0


def _with(report: Report, result: Result) -> Report:
    return Report(report.machine, report.rounds, (*report.results, result))


def _write(path: Path | None, report: Report) -> None:
    """Write what is known so far, so that a long run is never for nothing."""
    if path:
        text = json.dumps(to_json(report), indent=1)
        path.write_text(f"{text}\n", encoding="utf-8")


def _chosen(
    options: argparse.Namespace, work: Path
) -> Iterator[tuple[Case, SoftwareSet]]:
    sets = [softwaresets.quick(work)] if options.quick else _sets(options.sets)
    for case in CASES:
        if options.cases and case.name not in options.cases:
            continue
        for software in sets:
            if software.name in case.sets:
                yield case, software


def _sets(names: Sequence[str]) -> list[SoftwareSet]:
    known = [softwaresets.plone(), softwaresets.sample()]
    return [software for software in known if not names or software.name in names]


def _case(name: str) -> str:
    if name not in [case.name for case in CASES]:
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
    cases = "\n".join(f"  {case.name:9}{case.about}" for case in CASES)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure karl.recipe side by side with others; print ratios.",
        epilog=_EPILOG + cases,
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
        "--rounds", type=int, help=f"rounds of each case (default: {_ROUNDS})"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round with two tiny wheels: only shows that it works",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results there, too"
    )
    parser.add_argument(
        "--show", type=Path, metavar="FILE", help="print results written before"
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="work below this folder (default: that for temporary files); needs "
        "10 GiB; its file system is what is measured",
    )
    parser.add_argument("--keep", action="store_true", help="keep the work folder")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return parser
