"""``zeoctl``: one command for every storage of every site."""

from __future__ import annotations

import argparse
import importlib
import logging
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    log_programs,
    print_json,
    print_text,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError, UsageError
from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import CentralVerb, Result, Verb
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.central import CentralLayout
from karl.recipe.zeoserver.operations.storage import Storage

_log = logging.getLogger(__name__)

#: The module of each verb, in the order in which they are helped with.
VERBS = {
    "status": "status",
    "report": "report",
    "start": "running",
    "stop": "running",
    "restart": "running",
    "logs": "logs",
    "read-only": "modes",
    "writable": "modes",
    "backup": "backup",
    "backups": "backups",
    "verify-backup": "verifybackup",
    "restore": "restore",
    "stage": "stage",
    "catch-up": "catchup",
    "serve": "serve",
    "unserve": "serve",
    "adopt": "adopt",
    "retire": "retire",
    "prune": "prune",
    "pack": "pack",
    "init": "init",
    "import": "importing",
    "client-conf": "clientconf",
    "certificate": "certificate",
}


_EPILOG = """\
examples:
  zeoctl status                           what is served; what needs attention
  zeoctl report                           all of it, and of the sites, as a page
  zeoctl start --all                      serve every storage
  zeoctl backup acme-prod                 whole, or what was added since
  zeoctl verify-backup acme-prod --drill  read it back, and try a restore
  zeoctl restore acme-prod --to-new-copy --at 2026-11-23T09:30
  zeoctl VERB --help                      all that a verb can do

exit codes:
  0 done, or nothing to do          5 another command is at work
  1 the system refused              6 done, but not all
  2 wrong use                       7 something is missing on this machine
  3 the state forbids it            8 a server does not answer
  4 damaged: bytes are not as written
                                    130 interrupted from the keyboard
"""


def main(root: str, argv: Sequence[str] | None = None) -> int:
    """Run the command of the database server at *root*; return its exit code."""
    return entered(
        argv, lambda words, console: _run(CentralLayout(Path(root)), words, console)
    )


def find(name: str) -> Verb | CentralVerb:
    """Return a verb by its name."""
    module = importlib.import_module(f"karl.recipe.zeoserver.commands.{VERBS[name]}")
    found: Verb | CentralVerb = next(verb for verb in module.VERBS if verb.name == name)
    return found


def build_parser(names: Sequence[str] = tuple(VERBS)) -> Parser:
    """Return the parser of the command line, with these verbs."""
    parser = Parser(
        prog="zeoctl",
        description=__doc__.partition("\n")[0].replace("``", ""),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in names:
        verb = find(name)
        sub = verbs.add_parser(name, help=verb.summary, description=verb.summary)
        if isinstance(verb, Verb):
            _add_storages(sub, verb)
        verb.arguments(sub)
        add_output_options(sub, "document")
    return parser


def _add_storages(parser: argparse.ArgumentParser, verb: Verb) -> None:
    if verb.single:
        parser.add_argument("storage", metavar="STORAGE", help="which storage")
        return
    default = "" if verb.changes else " (default: all)"
    parser.add_argument(
        "storages", metavar="STORAGE", nargs="*", help=f"which storages{default}"
    )
    if verb.changes:
        parser.add_argument(
            "--all", action="store_true", help="every storage, each after the other"
        )


def _run(places: CentralLayout, words: list[str], console: Console) -> int:
    wanted = next((word for word in words if not word.startswith("-")), "")
    # Only the verb that is wanted is imported: a command should start at once.
    names = (wanted,) if wanted in VERBS else tuple(VERBS)
    args = build_parser(names).parse_args(words)
    log_programs(verbose=args.verbose)
    verb = find(args.verb)
    central = Central.load(places)
    if isinstance(verb, CentralVerb):
        result = verb.run(central, args)
        _print(args.json, result, verb.show(result))
        return int(result.get("exit", 0))
    return _run_each(verb, central, args, console)


def _run_each(
    verb: Verb, central: Central, args: argparse.Namespace, console: Console
) -> int:
    """Run a verb for each storage: one that fails keeps none from the others."""
    results: dict[str, Result] = {}
    failures: dict[str, dict[str, Any]] = {}
    code = 0
    for name in _wanted(verb, central, args):
        try:
            results[name] = verb.run(Storage(central, name, console), args)
        except Exception as error:  # noqa: BLE001  # the others go on
            failure = _failure(error)
            console.line(
                f"{console.paint('error:', 'red')} {name}: {failure['message']}"
            )
            if failure["next"]:
                console.line(f"{console.paint('next:', 'bold')} {failure['next']}")
            failures[name] = {"error": failure}
            code = code or failure["exit"]
        else:
            code = code or int(results[name].get("exit", 0))
    document = {"storages": {**results, **failures}}
    _print(args.json, document, verb.show(results) if results else "")
    return code


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, KarlError):
        return {"message": error.message, "next": error.tip, "exit": error.exit_code}
    if isinstance(error, OSError):
        return {
            "message": f"The system said: {error}.",
            "next": "Check free space, permissions and the path, then run it again.",
            "exit": 1,
        }
    _log.debug("This was not foreseen.", exc_info=error)
    *_, where = traceback.extract_tb(error.__traceback__)
    return {
        "message": f"This was not foreseen: {type(error).__name__}: {error}, in "
        f"{Path(where.filename).name}, line {where.lineno}.",
        "next": "Run it again with -v, which shows where it comes from, and report it.",
        "exit": 1,
    }


def _wanted(verb: Verb, central: Central, args: argparse.Namespace) -> tuple[str, ...]:
    """Return the storages that are asked for.

    :raises UsageError: none are, or one that is not declared.
    """
    named = [args.storage] if verb.single else list(dict.fromkeys(args.storages))
    options.check_storages(central, named)
    every = verb.changes and not verb.single and args.all
    if named and every:
        raise UsageError("Name storages or say --all, not both.", "See --help.")
    if not named and verb.changes and not every:
        raise UsageError(
            "Which storages is not said.", "Name them, or say --all for every one."
        )
    return tuple(named or sorted(central.storages))


def _print(as_json: bool, document: Result, text: str) -> None:  # noqa: FBT001
    if as_json:
        print_json(document)
    elif text:
        print_text(text)
