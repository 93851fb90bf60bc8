"""``refresh-staging``: brings another site's data here, scrubbed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.upgrade import history, showing
from karl.recipe.evolve.upgrade.model import REFRESH, Request
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    log_programs,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import RefusedError, UsageError

_EPILOG = """\
examples:
  refresh-staging                         the data of the newest backup
  refresh-staging --at 2026-11-23T09:30   as they were then
  refresh-staging --dry-run               what would be done

The data are those of a backup; the site they come from is not touched. Nobody can see
them before they are scrubbed. What this site had is kept: evolve --rollback goes back
to it. A run that fails leaves this site as it was; one that was killed is finished with
--resume, or undone with --abort. Exit codes: as of evolve.
"""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="refresh-staging",
        description=__doc__.replace("``", ""),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        default="",
        help="the data as of this local time, such as 2026-11-23T09:30, or of this "
        "transaction (default: the newest backup)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a run that was interrupted"
    )
    parser.add_argument(
        "--abort", action="store_true", help="undo a run that was interrupted"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what would be done"
    )
    add_output_options(parser, "object")
    return parser


def main(root: str, argv: Sequence[str] | None = None) -> int:
    """Run the command of the site at *root*; return its exit code."""
    return entered(argv, lambda words, console: _run(root, words, console))


def _run(root: str, words: list[str], console: Console) -> int:
    options = build_parser().parse_args(words)
    asked = [options.resume, options.abort, options.dry_run or options.at]
    if sum(map(bool, asked)) > 1:
        raise UsageError("--resume and --abort stand alone.", "See --help.")
    log_programs(verbose=options.verbose)
    programs = Programs(SiteDeclaration.load(EvolveLayout(Path(root))), console)
    from karl.recipe.evolve.upgrade import orchestrator

    request = Request(refresh=True, at=options.at)
    if options.dry_run:
        return showing.plan(orchestrator.plan(programs, request), options, dry_run=True)
    if options.resume or options.abort:
        _check_kind(programs)
        act = orchestrator.resume if options.resume else orchestrator.abort
        return showing.run(act(programs), options)
    decided, begun = orchestrator.start(programs, request)
    if begun is None:
        return showing.plan(decided, options, dry_run=False)
    return showing.run(begun, options)


def _check_kind(programs: Programs) -> None:
    """Refuse to go on with what was begun by another command.

    :raises RefusedError: it was.
    """
    run = history.unfinished(programs.places)
    if run is not None and run.kind != REFRESH:
        raise RefusedError(
            f"Run {run.number}, which was interrupted, is of the kind {run.kind}.",
            "Go on with it: evolve --resume. Or undo it: evolve --abort.",
        )
