"""The one boundary between errors and exit codes, shared by all commands."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from karl.recipe.release.base import files
from karl.recipe.release.base.console import Console, abandon
from karl.recipe.release.base.errors import KarlError, OutputError, UsageError

#: Exit code of a command that was interrupted from the keyboard.
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong instead of ending the process.

    :raises UsageError: the command line is malformed.
    """

    def error(self, message: str) -> NoReturn:
        """Raise *message* as an error like every other."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", "See --help.")

    def print_help(self, file: Any = None) -> None:
        """Print the help; unlike argparse, not say that it was if it cannot be."""
        if file is None:
            print_text(self.format_help().removesuffix("\n"))
        else:
            super().print_help(file)


def guarded(body: Callable[[], int], console: Console, *, as_json: bool) -> int:
    """Run *body* and return its exit code, or that of the error it raised.

    With *as_json* an error is also one JSON object on standard output, so that
    a program always finds something it can parse there.
    """
    files.let_no_stranger_write()
    try:
        return body()
    except KarlError as error:
        return _fail(console, as_json, error.exit_code, error.message, error.tip)
    except OSError as error:
        tip = "Check free space, permissions and the path, then run it again."
        return _fail(console, as_json, 1, f"The system said: {error}.", tip)
    except KeyboardInterrupt:
        return _fail(console, as_json, INTERRUPTED, "Interrupted.", "Run it again.")


def entered(
    argv: Sequence[str] | None, body: Callable[[list[str], Console], int]
) -> int:
    """Run *body* with the words of a command line and a console; return its exit code.

    What the words say of output holds also where they cannot be understood.

    :param argv: the words; None: those that this process was called with.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    console = Console(quiet="--quiet" in words or "-q" in words)
    return guarded(lambda: body(words, console), console, as_json="--json" in words)


def add_output_options(parser: argparse.ArgumentParser, answer: str) -> None:
    """Add the options of output that commands share.

    :param answer: what ``--json`` prints: ``object`` or ``document``.
    """
    parser.add_argument(
        "--json", action="store_true", help=f"print one JSON {answer} for programs"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log every program that is run"
    )


def log_programs(*, verbose: bool) -> None:
    """Log every program that is run, if that is asked for."""
    if verbose:
        import logging  # which most runs do not need here

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)


def print_json(value: Any) -> None:
    """Print *value* as JSON on standard output."""
    print_text(json.dumps(value, indent=1, sort_keys=True))


def print_text(text: str) -> None:
    """Print *text* on standard output.

    :raises OutputError: it cannot be written, or standard output is closed.
    """
    if sys.stdout is None:
        raise _lost("it is closed")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        # Python flushes it at its end, and would fail once more.
        abandon(sys.stdout)
        raise _lost(error.strerror or str(error)) from None


def _lost(why: str) -> OutputError:
    return OutputError(
        f"The answer cannot be written to standard output: {why}.",
        "What was asked for is done; only the answer is lost. See where it goes.",
    )


def _fail(
    console: Console,
    as_json: bool,  # noqa: FBT001  # private, called from one place
    code: int,
    message: str,
    tip: str,
) -> int:
    console.line(f"{console.paint('error:', 'red')} {message}")
    if tip:
        console.line(f"{console.paint('next:', 'bold')} {tip}")
    if as_json:
        with contextlib.suppress(OutputError):
            print_json({"error": {"message": message, "next": tip, "exit": code}})
    return code
