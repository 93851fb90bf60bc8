"""``evolve``: takes a site to another release, software and data together."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.upgrade import showing
from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base import publishing
from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    log_programs,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import checked_label

#: What is no version, and only looks.
_LOOKING = frozenset({"status", "report"})

_EPILOG = """\
examples:
  evolve 1.1 --dry-run    what would be done
  evolve 1.1 --rehearse   the whole of it on a copy; how long would writes wait?
  evolve 1.1              do it: software and data go live together
  evolve status           how did the last run go, and what is next
  evolve report           a page of the site; what needs attention
  evolve --resume         go on after it was killed
  evolve --rollback       the release and the data that were live before

A run that fails before the new data are live undoes what it did: production is as it
was before. One that was killed is finished with --resume, or undone with --abort.
Exit codes: 0 done; 2 wrong usage; 3 the state forbids it; 4 damaged, or an invariant
does not hold; 5 another command is at work; 6 done, but not all; 7 a program is
missing; 8 a server does not answer; 130 interrupted; 1 anything else.
"""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="evolve",
        description=__doc__.replace("``", ""),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "version",
        nargs="?",
        metavar="VERSION",
        help="the release to upgrade to; or: status, which tells of the last run; or: "
        "report, which writes a page of the site",
    )
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="evolve a copy and remove it; production stays writable",
    )
    parser.add_argument(
        "--postpone-cut-over",
        metavar="FILE",
        default="",
        help="when all is ready, wait while this file is there",
    )
    parser.add_argument(
        "--leave-deferred",
        action="store_true",
        help="leave for later what steps do in the background, after the cut-over",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a run that was interrupted"
    )
    parser.add_argument(
        "--abort", action="store_true", help="undo a run that was interrupted"
    )
    parser.add_argument(
        "--rollback",
        action="store_true",
        help="go back to the release and the data that were live before",
    )
    parser.add_argument(
        "--discard-writes",
        action="store_true",
        help="with --rollback: also if something was written since; it is kept",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what would be done"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="with report: where the page is written (default: var/report.html, and "
        "with --json nowhere)",
    )
    add_output_options(parser, "object")
    return parser


def main(root: str, argv: Sequence[str] | None = None) -> int:
    """Run the command of the site at *root*; return its exit code."""
    return entered(argv, lambda words, console: _run(root, words, console))


def _run(root: str, words: list[str], console: Console) -> int:
    options = build_parser().parse_args(words)
    _check(options)
    log_programs(verbose=options.verbose)
    programs = Programs(SiteDeclaration.load(EvolveLayout(Path(root))), console)
    if options.version == "status":
        return _status(programs, options)
    if options.version == "report":
        return _report(programs, options)
    from karl.recipe.evolve.upgrade import orchestrator

    request = _request(options)
    if options.dry_run:
        return showing.plan(orchestrator.plan(programs, request), options, dry_run=True)
    if options.resume:
        run = orchestrator.resume(programs)
    elif options.abort:
        run = orchestrator.abort(programs)
    else:
        decided, begun = orchestrator.start(programs, request)
        if begun is None:
            return showing.plan(decided, options, dry_run=False)
        run = begun
    return showing.run(run, options)


def _status(programs: Programs, options: argparse.Namespace) -> int:
    from karl.recipe.evolve.upgrade.status import status

    found = status(programs.places)
    showing.document(options, found, found["text"])
    return 0


def _report(programs: Programs, options: argparse.Namespace) -> int:
    from karl.recipe.evolve.upgrade import sitereport

    usual = None if options.json else programs.places.report
    found = sitereport.written(programs, publishing.place(options.output, usual))
    wrote = f"\nWrote {found['output']}" if found["output"] else ""
    showing.document(options, found, f"{found['text']}{wrote}")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse options that do not belong together.

    :raises UsageError: they do not.
    """
    asked = [options.version, options.resume, options.abort, options.rollback]
    if sum(map(bool, asked)) != 1:
        raise UsageError(
            "Say one of: VERSION, status, report, --resume, --abort, --rollback.",
            "See --help.",
        )
    only = {
        "--discard-writes": (options.discard_writes, options.rollback),
        "--rehearse": (options.rehearse, options.version),
        "--postpone-cut-over": (options.postpone_cut_over, options.version),
        "--leave-deferred": (options.leave_deferred, options.version),
        "--dry-run": (options.dry_run, options.version or options.rollback),
    }
    for name, (given, allowed) in only.items():
        if given and (not allowed or options.version in _LOOKING):
            raise UsageError(f"{name} does not go with the rest.", "See --help.")
    if options.output is not None and options.version != "report":
        raise UsageError("--output goes with report.", "See --help.")


def _request(options: argparse.Namespace) -> Request:
    postpone = options.postpone_cut_over
    return Request(
        version=checked_label(options.version) if options.version else "",
        rehearse=options.rehearse,
        rollback=options.rollback,
        discard_writes=options.discard_writes,
        leave_deferred=options.leave_deferred,
        postpone=os.path.abspath(postpone) if postpone else "",
    )
