"""The one boundary between errors and exit codes, shared by all commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError

#: Exit code of a command that was interrupted from the keyboard.
INTERRUPTED = 130


def guarded(body: Callable[[], int], console: Console, *, as_json: bool) -> int:
    """Run *body* and return its exit code, or that of the error it raised.

    With *as_json* an error is also one JSON object on standard output, so that
    a program always finds something it can parse there.
    """
    try:
        return body()
    except KarlError as error:
        return _fail(console, as_json, error.exit_code, error.message, error.tip)
    except OSError as error:
        tip = "Check free space, permissions and the path, then run it again."
        return _fail(console, as_json, 1, f"The system said: {error}.", tip)
    except KeyboardInterrupt:
        return _fail(console, as_json, INTERRUPTED, "Interrupted.", "Run it again.")


def print_json(value: Any) -> None:
    """Print *value* as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True) + "\n")
    sys.stdout.flush()


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
        try:
            print_json({"error": {"message": message, "next": tip, "exit": code}})
        except BrokenPipeError:
            os.close(1)
    return code
