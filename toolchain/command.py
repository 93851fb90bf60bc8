"""The command line of ``bootstrap.py``."""

from __future__ import annotations

import argparse
import contextlib
import errno
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.command import Parser, entered
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import (
    BusyError,
    KarlError,
    ProcessError,
    RefusedError,
)
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.payload import base_interpreter
from toolchain import environment, prerequisites, programs
from toolchain.checkout import Checkout
from toolchain.environment import Request
from toolchain.pip import disk_full

_DESCRIPTION = """\
Make this checkout ready for work: a virtual environment (.venv) with pinned,
hash-checked tools, and the commands bin/buildout, bin/karl-index, bin/tour, bin/test
and bin/docs.
Running it again does nothing, or repairs what is broken.
"""

_EPILOG = """\
exit codes:
  0  the checkout is ready
  1  something else went wrong
  2  wrong arguments
  3  a path with $, a read-only folder, a full disk, or a .venv that is not ours
  4  a file is not the one that the lock file names by its sha256
  5  another bootstrap.py is at work for too long
  7  Python is too old, or something is missing on this machine
  8  the package registry cannot be reached, or --offline lacks files
  130  interrupted from the keyboard

Files are downloaded as pip is configured (index-url, proxy, certificates).
"""

#: Seconds to wait for another bootstrap in the same checkout.
_PATIENCE = 600.0

_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def run(root: str, arguments: Sequence[str]) -> int:
    """Run the command for the checkout *root*; return its exit code."""
    checkout = Checkout(Path(root))
    return entered(arguments, lambda words, console: _run(checkout, words, console))


def _run(checkout: Checkout, words: list[str], console: Console) -> int:
    options = _parser().parse_args(words)
    return _bootstrap(
        checkout, console, offline=options.offline, with_tests=options.test
    )


def _parser() -> Parser:
    parser = Parser(
        "bootstrap.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="install the test tools too; later runs keep them",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="use the files in pool/ only; name those that are missing",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="tell only warnings and errors"
    )
    return parser


def _bootstrap(
    checkout: Checkout, console: Console, *, offline: bool, with_tests: bool
) -> int:
    # Test tools that are there stay: a plain run must not take them away.
    kept = bool(environment.stamp_in_use(checkout).get("with_tests"))
    request = Request(checkout, base_interpreter(), with_tests=with_tests or kept)
    try:
        _ensure(request, console, offline=offline)
        written = programs.written(checkout)
    except OSError as error:
        raise _explained(error, checkout) from error
    if written:
        console.say(f"Wrote {', '.join(f'bin/{name}' for name in written)}.")
    console.say("Ready: bin/buildout, bin/karl-index, bin/tour, bin/test, bin/docs.")
    return 0


def _ensure(request: Request, console: Console, *, offline: bool) -> None:
    """Make a new environment if the one in use does not serve."""
    if not environment.trouble(request):
        return
    checkout = request.checkout
    prerequisites.check(checkout.root)
    if checkout.link.exists() and not checkout.link.is_symlink():
        raise RefusedError(
            f"{checkout.link} was not made by bootstrap.py.",
            "Move it away, then run bootstrap.py again.",
        )
    with contextlib.ExitStack() as stack:
        _lock(checkout, console, stack)
        reason = environment.trouble(request)
        if reason:
            lack = prerequisites.lack_for_building()
            if lack:
                console.warn(
                    f"{lack.message} Only production buildouts need it. {lack.tip}"
                )
            console.say(f"Making a new environment: {reason}.")
            with contextlib.suppress(FileNotFoundError):
                checkout.log.unlink()
            _make(request, console, offline=offline)
            with contextlib.suppress(FileNotFoundError):
                checkout.log.unlink()


def _make(request: Request, console: Console, *, offline: bool) -> None:
    try:
        environment.make(request, console, offline=offline)
    except ProcessError as error:
        log = request.checkout.log
        with contextlib.suppress(OSError), log.open("a") as stream:
            stream.write(f"{error.message}\n{error.output}\n")
        error.tip = f"See {log}, and its end:\n{error.output}"
        raise


def _lock(checkout: Checkout, console: Console, stack: contextlib.ExitStack) -> None:
    purpose = "make the environment of this checkout"
    files.make_directory(checkout.environments)
    try:
        stack.enter_context(locked(checkout.lock, purpose))
    except BusyError as busy:
        console.say(f"Waiting: {busy.message}")
        stack.enter_context(locked(checkout.lock, purpose, _PATIENCE))


def _explained(error: OSError, checkout: Checkout) -> KarlError | OSError:
    if error.errno in _FULL:
        return disk_full()
    if error.errno in _READ_ONLY:
        return prerequisites.read_only(error.filename or checkout.root)
    return error
