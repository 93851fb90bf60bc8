"""``rollout``: from a tag of the customer's package to a live release of the site."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.evolve.rollout import orchestrator, report, steps
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.orchestrator import Request
from karl.recipe.evolve.rollout.places import Places
from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    log_programs,
    print_json,
    print_text,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import checked_label

_EPILOG = """\
examples:
  rollout 1.2 --dry-run           is all there that it needs?
  rollout 1.2 --until rehearse    up to the rehearsal; nothing goes live
  rollout 1.2                     the rest: evolve, cut over, check

Run it again after whatever has stopped it: what is done is not done again.
Exit codes: 0 done; 2 wrong usage; 3 the state forbids it; 4 damaged; 5 another command
is at work; 6 the release is live, but all is not well; 7 something is missing on a
machine; 8 a machine or a registry does not answer; 130 interrupted; 1 anything else.
"""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="rollout",
        description=__doc__.replace("``", ""),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", metavar="VERSION", help="of the tagged package")
    parser.add_argument(
        "--until",
        metavar="STEP",
        choices=steps.NAMES,
        default="",
        help=f"the last step to do: {', '.join(steps.NAMES)}",
    )
    parser.add_argument(
        "--no-rehearsal",
        action="store_true",
        help="do not rehearse the upgrade before it is made",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only check, and tell what would be done"
    )
    add_output_options(parser, "object")
    return parser


def main(root: str, argv: Sequence[str] | None = None) -> int:
    """Run the command of the site at *root*; return its exit code."""
    return entered(argv, lambda words, console: _run(root, words, console))


def _run(root: str, words: list[str], console: Console) -> int:
    options = build_parser().parse_args(words)
    log_programs(verbose=options.verbose)
    declared = Rollouts.load(Places(Path(root)))
    _check(options, declared)
    version = checked_label(options.version)
    request = Request(version, options.until, rehearses=not options.no_rehearsal)
    if options.dry_run:
        outcome = orchestrator.plan(declared, request, console)
    else:
        outcome = orchestrator.run(declared, request, console)
    found = report.data(outcome)
    if options.json:
        print_json(found)
    else:
        print_text(found["text"])
    return int(found["exit"])


def _check(options: argparse.Namespace, declared: Rollouts) -> None:
    """Refuse options that do not belong together.

    :raises UsageError: they do not.
    """
    if options.until and options.until not in [s.name for s in steps.of(declared)]:
        raise UsageError(
            f"There is no step {options.until} for a site on this machine.",
            "See --help.",
        )
    if options.no_rehearsal and options.until == "rehearse":
        raise UsageError("--no-rehearsal does not go with the rest.", "See --help.")
