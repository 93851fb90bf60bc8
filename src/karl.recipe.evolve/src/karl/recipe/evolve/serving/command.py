"""``site``: the processes of a site and its mode.

With ``--json`` every verb prints one JSON object; the files in ``schemas`` say which.

``status`` ends with 1 if a process does not serve, ``try`` if the revision is not well.
``start`` and ``restart`` end with 6 if a process did not come up: those that were not
restarted yet go on serving, as each has answered its health check before the next is
touched.  ``inhibit --wait`` ends with 5 if a job still runs; no other one begins.
``run-if-normal`` becomes its command, or ends with 0 without a word.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.modes import state
from karl.recipe.evolve.modes.state import MODES, Mode
from karl.recipe.evolve.serving import account, modefile, operations, telling, trial
from karl.recipe.evolve.serving import status as statuses
from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    guarded,
    log_programs,
    print_json,
    print_text,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import PrerequisiteError, UsageError
from karl.recipe.release.base.reporter import Reporter

_EPILOG = """\
examples:
  site start                    start it, and wait until it answers
  site status                   which processes run, and are they healthy?
  site restart                  one after the other; no request fails
  site mode read-only --message 'Back at 14:00'
  site try 7                    is revision 7 healthy? nobody else sees it
  site VERB --help              all that a verb can do

exit codes:
  0 done, or nothing to do      5 another command is at work, or a cron job
  1 a process does not serve    6 a process did not come up, or did not end
  2 wrong use                   7 a program is missing
  3 the state forbids it        8 supervisord does not answer
  4 upgrade.json is damaged     130 interrupted from the keyboard
"""

#: What a verb found or did, ready for JSON.
Result = Mapping[str, Any]

_JOB = "run-if-normal"


def main(root: str, argv: Sequence[str] | None = None) -> int:
    """Run the command of the site at *root*; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    places = EvolveLayout(Path(root))
    if _JOB in words[:1]:
        return guarded(lambda: _run_job(places, words[1:]), Console(), as_json=False)
    return entered(words, lambda words, console: _run(places, words, console))


def _run(places: EvolveLayout, words: Sequence[str], console: Console) -> int:
    args = build_parser().parse_args(words)
    log_programs(verbose=args.verbose)
    site = SiteDeclaration.load(places)
    if args.verb != "status" and not (args.verb == "mode" and args.mode is None):
        account.check(places, site.serving.user)
    result = _VERBS[args.verb](site, args, console)
    if args.json:
        print_json(result)
    elif result["text"]:
        print_text(result["text"])
    return int(result.get("exit", 0))


def _start(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    return telling.started("start", operations.start(site, reporter))


def _restart(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    done = operations.restart(site, reporter, if_running=args.if_running)
    return telling.started("restart", done)


def _stop(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    changed = operations.stop(site, reporter)
    text = "The site is stopped." if changed else "The site did not run."
    return {"action": "stop", "changed": changed, "text": text}


def _status(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    return telling.status(site, statuses.observe(site))


def _mode(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    found = state.read(site.places.mode)
    if args.mode is None:
        if args.message or args.retry_after:
            raise UsageError("Which mode is not said.", "See --help.")
        return {**telling.mode_data(found), "text": telling.mode(found)}
    changed = modefile.set_mode(site.places, args.mode, args.message, args.retry_after)
    return {
        **telling.mode_data(changed),
        "before": found.mode,
        "changed": _says(found) != _says(changed),
        "text": telling.mode(changed),
    }


def _says(mode: Mode) -> tuple[object, ...]:
    return mode.mode, mode.message, mode.retry_after, mode.problem


def _try(site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter) -> Result:
    path = args.path or site.serving.health_paths[0]
    found = trial.attempt(site, args.revision, path)
    return {
        "revision": found.revision,
        "release": found.release,
        "path": path,
        "status": found.health.status,
        "body": found.health.body,
        "seconds": found.seconds,
        "text": f"Revision {found.revision} (release {found.release}) works.",
    }


def _inhibit(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    changed = modefile.inhibit(site.places, args.why, args.wait)
    return telling.inhibition(modefile.inhibition(site.places), changed=changed)


def _allow(
    site: SiteDeclaration, args: argparse.Namespace, reporter: Reporter
) -> Result:
    changed = modefile.allow(site.places)
    return telling.inhibition(None, changed=changed)


_VERBS: Mapping[
    str, Callable[[SiteDeclaration, argparse.Namespace, Reporter], Result]
] = {
    "start": _start,
    "stop": _stop,
    "restart": _restart,
    "status": _status,
    "mode": _mode,
    "try": _try,
    "inhibit": _inhibit,
    "allow": _allow,
}


def _run_job(places: EvolveLayout, words: Sequence[str]) -> int:
    """Become a cron job, or end without a word.

    :raises UsageError: none is named.
    """
    command = list(words[1:] if words[:1] == ["--"] else words)
    if "-h" in command[:1] or "--help" in command[:1]:
        build_parser().parse_args([_JOB, "--help"])
    if not command or command[0].startswith("-"):
        raise UsageError(
            "Which command is to be run is not said.",
            "Write it after two dashes: site run-if-normal -- COMMAND.",
        )
    account.check(places)
    with modefile.job(places) as may_begin:
        if may_begin:
            _become(command)
    return 0


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606  # an argument list, no shell
    except OSError as error:
        raise PrerequisiteError(
            f"The cron job {command[0]} cannot be run: {error.strerror}.",
            "Correct the option cron.",
        ) from None


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="site",
        description="Control a site's processes and mode.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, summary in (
        ("start", "start the site, and wait until every process answers"),
        ("stop", "stop the site, when the requests in flight are answered"),
        ("status", "tell which processes run, and the mode"),
    ):
        _add(verbs, name, summary)
    summary = "restart one process after the other, so that no request fails"
    _add(verbs, "restart", summary).add_argument(
        "--if-running", action="store_true", help="do not start a site that is stopped"
    )
    _add_mode(verbs)
    trial = _add(verbs, "try", "start a private process of a revision, and ask it")
    trial.add_argument("revision", type=_number, metavar="REVISION", help="its number")
    trial.add_argument(
        "--path", metavar="PATH", help="what to ask for (default: the health path)"
    )
    inhibit = _add(verbs, "inhibit", "keep cron jobs from beginning")
    inhibit.add_argument("--why", default="", metavar="TEXT", help="shown by status")
    inhibit.add_argument(
        "--wait",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for jobs that run (default: not at all)",
    )
    _add(verbs, "allow", "let cron jobs begin again")
    summary = "run a cron job, unless jobs are inhibited"
    # What it prints is the job's: none of the options of output are for it.
    job = verbs.add_parser(_JOB, help=summary, description=summary)
    job.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    return parser


def _add(verbs: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=summary
    )
    add_output_options(parser, "document")
    return parser


def _add_mode(verbs: Any) -> None:
    parser = _add(verbs, "mode", "tell the mode, or change it in all processes at once")
    parser.add_argument("mode", nargs="?", choices=MODES, help="the mode to change to")
    parser.add_argument(
        "--message", default="", metavar="TEXT", help="shown to visitors"
    )
    parser.add_argument(
        "--retry-after",
        type=_whole_seconds,
        metavar="SECONDS",
        help="when visitors should try again (default: the option retry-after)",
    )


def _number(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("revisions are numbered from 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError("must be from 0 to 86400")
    return value


def _whole_seconds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError("must be from 1 to 86400")
    return value
