"""``site``: the processes of a site and its mode.

With ``--json`` every verb prints one JSON object on standard output; an error is
``{"error": {"message", "next", "exit"}}``.  Each result has ``text``, a sentence.
Times are seconds since the epoch; ``seconds`` are durations.

``start``, ``restart``
    ``action``, ``workers``: for each process, in order, ``number``, ``pid``,
    ``revision``, ``release``, ``seconds`` (until it answered).
    Each one that ``restart`` restarts has answered its health check before the
    next is touched; it starts the site if nothing runs.  Exit 6: a process did not
    come up; those that were not restarted yet go on serving.
``stop``
    ``action``, ``changed``.
``status``
    ``site``, ``address``, ``control``, ``running``, ``current`` (number of the
    revision, or null), ``mode`` (as of ``mode``), ``inhibited`` (null, or ``why``
    and ``since``), ``workers``: ``number``, ``state`` (the controller's word, or
    empty), ``pid`` (null: it does not run), ``revision``, ``release``, ``since``,
    ``healthy``, ``problem``, ``outdated`` (it is not of the current revision).
    Exit 1: a process does not serve; the object is the same, with ``exit``.
``mode [normal|read-only|maintenance]``
    ``mode``, ``since``, ``by``, ``message``, ``retry_after`` (seconds, or null: as
    the site's option says), ``problem`` (why the file is not trusted, or empty),
    and, if one was given, ``before`` (the mode until now) and ``changed``.
``try REVISION``
    ``revision``, ``release``, ``path``, ``status``, ``body`` (what JSON it was, or
    null), ``seconds``.  Exit 1: it does not come up or is not healthy.
``inhibit``, ``allow``
    ``inhibited`` (null, or ``why`` and ``since``), ``changed``.  ``inhibit --wait``
    ends when no job runs any more.  Exit 5: one still does; jobs stay inhibited.
``run-if-normal -- COMMAND``
    Becomes COMMAND; exit 0 without a word if jobs are inhibited, or the mode is
    not normal.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.release.base.command import Parser, guarded, print_json, print_text
from karl.recipe.release.base.console import Console

#: What a verb found or did, ready for JSON.
Result = Mapping[str, Any]

#: The modes of a site.
MODES = ("normal", "read-only", "maintenance")


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(prog="site", description="Control a site's processes and mode.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, summary in (
        ("start", "start the site, and wait until every process answers"),
        ("stop", "stop the site, when the requests in flight are answered"),
        ("restart", "restart one process after the other, so that no request fails"),
        ("status", "tell which processes run, and the mode"),
    ):
        _add(verbs, name, summary)
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
    job = _add(verbs, "run-if-normal", "run a cron job, unless jobs are inhibited")
    job.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    return parser


def _add(verbs: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=summary
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document for programs"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log every program that is run"
    )
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
