"""``zeoctl start``, ``stop`` and ``restart``.

A server that was stopped stays so until it is started, or supervisord is, as at the
machine's next start.  ``stop --all`` leaves supervisord running: systemd would only
start it anew, and all servers with it.  ``stop --all --supervisor`` ends it too,
where no systemd unit runs it; and ``restart --all --supervisor`` starts a new one.
``start`` starts supervisord if it does not run; it then starts every server of every
storage.
"""

from __future__ import annotations

import argparse

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import running
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.servers import supervisor

#: Seconds that a server has until it serves.
_TIMEOUT = 60.0


def _start_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=options.timeout,
        default=_TIMEOUT,
        metavar="SECONDS",
        help="how long each server has until it serves; one whose index was lost "
        f"reads its database first (default: {_TIMEOUT:g})",
    )
    options.add_changing(parser)


def _supervisor_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--supervisor",
        action="store_true",
        help="supervisord too; only with --all, and where systemd does not run it",
    )


def _stop_arguments(parser: argparse.ArgumentParser) -> None:
    _supervisor_argument(parser)
    options.add_changing(parser)


def _restart_arguments(parser: argparse.ArgumentParser) -> None:
    _supervisor_argument(parser)
    _start_arguments(parser)


def _start(storage: Storage, args: argparse.Namespace) -> Result:
    return running.start(storage, timeout=args.timeout, **options.changing(args))


def _stop(storage: Storage, args: argparse.Namespace) -> Result:
    names = _with_supervisor(storage, args)
    result = running.stop(storage, **options.changing(args))
    if names and storage.name == names[-1] and not args.dry_run:
        supervisor.stop(storage.central, storage.reporter)
    return result


def _restart(storage: Storage, args: argparse.Namespace) -> Result:
    names = _with_supervisor(storage, args)
    if names and storage.name == names[0] and not args.dry_run:
        supervisor.stop(storage.central, storage.reporter)
    return running.restart(storage, timeout=args.timeout, **options.changing(args))


def _with_supervisor(storage: Storage, args: argparse.Namespace) -> list[str]:
    """Return all storages, in their order, if supervisord is meant too."""
    if not args.supervisor:
        return []
    if not args.all:
        raise UsageError(
            "--supervisor concerns every storage.", "Say --all as well, or leave it."
        )
    return sorted(storage.central.storages)


VERBS = (
    Verb(
        "start",
        "Start the servers of what is served, and wait until they serve.",
        _start,
        show_text,
        _start_arguments,
    ),
    Verb(
        "stop",
        "Stop the servers; clients wait until they are started again.",
        _stop,
        show_text,
        _stop_arguments,
    ),
    Verb(
        "restart",
        "Restart the servers, one after the other, and wait until each serves.",
        _restart,
        show_text,
        _restart_arguments,
    ),
)
