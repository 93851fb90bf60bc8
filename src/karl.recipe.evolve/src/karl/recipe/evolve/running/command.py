"""The command: evolve a database, or tell how far it is."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from karl.recipe.evolve.running.errors import (
    BrokenError,
    RefusedError,
    UnfinishedError,
    UsageError,
)
from karl.recipe.evolve.running.events import JsonLines, Listener, Text
from karl.recipe.evolve.running.packages import Package, discovered
from karl.recipe.evolve.running.session import Session, Stop, session_of
from karl.recipe.evolve.running.status import status
from karl.recipe.evolve.running.storages import Mode, Source, opened
from karl.recipe.evolve.steps import EvolveError

DESCRIPTION = """\
Run the evolve steps that a database still needs, with the software of this
interpreter. Without an action it tells how far the database is, and changes nothing.
"""

EPILOG = """\
examples:
  evolve-run --zodb-conf zodb.conf            how far is the database?
  evolve-run --zodb-conf zodb.conf --check    how many objects would change?
  evolve-run --data Data.fs --blobs blobs --dry-run
  evolve-run --zodb-conf zodb.conf --deferred what is left for the background

Exit codes: 0 done; 1 a step failed; 2 wrong usage, or a package that is not as it must
be; 3 refused: no database, or one that is newer than the software; 4 evolved, but an
invariant does not hold; 5 another process writes to the database; 6 unfinished, run it
again; 8 the database's server does not answer.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong, so that programs are told it too."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong.

        :raises UsageError: always.
        """
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", "See --help.")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    result = _Parser(
        prog="evolve-run",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    where = result.add_mutually_exclusive_group(required=True)
    where.add_argument("--zodb-conf", type=Path, help="configuration of the database")
    where.add_argument("--data", type=Path, help="the database's Data.fs")
    result.add_argument("--blobs", type=Path, help="folder of its blobs (with --data)")
    action = result.add_mutually_exclusive_group()
    for name, text in (
        ("status", "tell the versions of software and database (the default)"),
        ("check", "count what declared steps would change; only reads"),
        ("dry-run", "run everything, and throw it away; the database is only read"),
        ("evolve", "run the pending steps, or go on with them"),
        ("verify", "check the invariants of the steps that were run; only reads"),
        ("deferred", "do what was left for the background, on the live database"),
        ("pack", "keep nothing but what is current (with --data)"),
    ):
        action.add_argument(
            f"--{name}", dest="action", action="store_const", const=name, help=text
        )
    action.add_argument(
        "--call",
        default="",
        metavar="MODULE:FUNCTION",
        help="call a function with the root of the database, and commit",
    )
    result.set_defaults(action="status")
    result.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="MODULE",
        help="a package that evolves and has no entry point in the group karl.evolve",
    )
    result.add_argument(
        "--context",
        default="",
        metavar="KEY",
        help="call plain functions with this object of the root, not with the root",
    )
    result.add_argument(
        "--pause",
        type=float,
        default=0.05,
        metavar="SECONDS",
        help="rest between two batches of --deferred",
    )
    result.add_argument(
        "--when-told",
        action="store_true",
        help="load the software, and begin when a line comes on standard input",
    )
    result.add_argument("--json", action="store_true", help="tell it in lines of JSON")
    return result


def main(arguments: Sequence[str] | None = None, stream: TextIO | None = None) -> int:
    """Run the command; return its exit code."""
    out = sys.stdout if stream is None else stream
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    tell: Listener = JsonLines(out) if as_json else Text(out)
    stop = Stop()
    try:
        options = parser().parse_args(words)
        _listen(stop)
        _run(options, tell, stop)
    except EvolveError as error:
        _failed(error, tell, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - storages raise what they like
        told = EvolveError(f"{type(error).__name__}: {error}")
        _failed(told, tell, as_json=as_json)
        return told.exit_code
    return 0


def _run(options: argparse.Namespace, tell: Listener, stop: Stop) -> None:
    source = Source(options.zodb_conf, options.data, options.blobs)
    if options.blobs is not None and options.data is None:
        raise UsageError("--blobs goes with --data.", "A zodb.conf names its blobs.")
    if options.action == "pack":
        _pack(source, tell)
        return
    packages = [] if options.call else discovered(options.package)
    if options.when_told:
        from karl.recipe.evolve.running.ahead import be_told

        be_told(packages, source, tell, stop)
    mode: Mode = "read"
    if options.action in {"evolve", "deferred"} or options.call:
        mode = "write"
    elif options.action == "dry-run":
        mode = "overlay"
    with (
        opened(source, mode) as database,
        session_of(database, tell, stop, options.context) as session,
    ):
        action = "call" if options.call else options.action
        _ACTIONS[action](session, packages, options)


def _status(session: Session, packages: list[Package], _: Any) -> None:
    told = status(session.root, packages)
    session.tell("status", **told)
    if any(package["state"] == "newer" for package in told["packages"]):
        raise RefusedError(
            "The database was evolved by newer software.", "Use a newer release."
        )
    if (run := told["run"]) is not None:
        if run["broken"]:
            raise BrokenError(
                f"After evolving, {run['broken'][0]}",
                "Correct the step, and evolve a new copy of the database.",
            )
        raise UnfinishedError("A run is unfinished.", "Run it again to go on.")


def _evolve(session: Session, packages: list[Package], _: Any) -> None:
    from karl.recipe.evolve.running.evolving import evolve

    evolve(session, packages)


def _dry_run(session: Session, packages: list[Package], _: Any) -> None:
    from karl.recipe.evolve.running.evolving import evolve

    evolve(session, packages, result="tried, and thrown away")


def _check(session: Session, packages: list[Package], _: Any) -> None:
    from karl.recipe.evolve.running.evolving import check

    check(session, packages)


def _verify(session: Session, packages: list[Package], _: Any) -> None:
    from karl.recipe.evolve.running.evolving import verify_all

    if broken := verify_all(session, packages):
        raise BrokenError(broken[0], "Correct the data, or the step.")


def _deferred(session: Session, packages: list[Package], options: Any) -> None:
    from karl.recipe.evolve.running.deferring import run_deferred

    run_deferred(session, packages, pause=options.pause)


def _call(session: Session, _: list[Package], options: Any) -> None:
    from karl.recipe.evolve.running.scrubbing import call

    call(session, options.call)


def _pack(source: Source, tell: Listener) -> None:
    from karl.recipe.evolve.running.scrubbing import pack

    pack(source, tell)


_ACTIONS: dict[str, Callable[[Session, list[Package], Any], None]] = {
    "status": _status,
    "check": _check,
    "dry-run": _dry_run,
    "evolve": _evolve,
    "verify": _verify,
    "deferred": _deferred,
    "call": _call,
}


def _listen(stop: Stop) -> None:
    """Let SIGTERM and SIGINT end the work after the object in hand.

    A plain function cannot be ended in between, so the process ends there and then:
    what it did is not committed.
    """

    def handle(number: int, frame: Any) -> None:
        if stop.uninterruptible or stop.requested:
            os._exit(UnfinishedError.exit_code)
        stop.requested = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _failed(error: EvolveError, tell: Listener, *, as_json: bool) -> None:
    if as_json:
        tell("error", message=error.message, next=error.tip, exit=error.exit_code)
    tip = f"next: {error.tip}\n" if error.tip else ""
    sys.stderr.write(f"error: {error.message}\n{tip}")
