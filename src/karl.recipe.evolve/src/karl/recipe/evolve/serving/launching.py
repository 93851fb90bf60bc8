"""How a process of a site comes to run with a release's software.

It begins with this machine's Python.  That resolves ``current`` once, so that
the process stays on its revision however ``current`` moves, and goes on as the
interpreter of that revision's release.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from karl.recipe.evolve.declaration.layout import EvolveLayout, interpreter_of
from karl.recipe.release.base import files
from karl.recipe.release.base.command import Parser, guarded
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.release.base.layout import ReleaseLayout, RevisionLayout

#: Where the kernel and gunicorn agree that sockets begin which are passed on.
FIRST_SOCKET = 3

#: What the first interpreter tells the second.
VARIABLE = "KARL_SITE_WORKER"


@dataclass(frozen=True)
class Launch:
    """What a process is to be.

    :ivar number: which one of the site's; 0: a trial.
    :ivar revision: its number.
    :ivar release: version.
    :ivar folder: of the revision, its real path.
    """

    number: int
    revision: int
    release: str
    folder: str

    def to_text(self) -> str:
        """Return it as the second interpreter reads it."""
        return json.dumps(asdict(self))


def main(root: str, argv: Sequence[str]) -> int:
    """Become a process of the site at *root*; return only with an exit code."""
    places = EvolveLayout(Path(root))
    return guarded(lambda: _launch(places, argv), Console(), as_json=False)


def resolved(revision: RevisionLayout) -> tuple[Path, ReleaseLayout, int]:
    """Return a revision's real folder, its release, and its number.

    :raises RefusedError: it is not there, or not one of ours.
    """
    folder = Path(os.path.realpath(revision.root))
    release = ReleaseLayout(Path(os.path.realpath(RevisionLayout(folder).release)))
    if not folder.name.isdecimal() or not release.manifest.is_file():
        raise RefusedError(
            f"{revision.root} is not a revision of a release.",
            "Make one current: bin/switch-version VERSION.",
        )
    return folder, release, int(folder.name)


def _launch(places: EvolveLayout, argv: Sequence[str]) -> NoReturn:
    args = _parser().parse_args(argv)
    if args.revision:
        revision = places.revision(args.revision)
    else:
        revision = RevisionLayout(places.current)
    folder, release, number = resolved(revision)
    launch = Launch(args.number, number, release.root.name, str(folder))
    python = interpreter_of(release)
    if python is None:
        raise RefusedError(
            f"The release {release.root} has no interpreter.",
            "Have it checked: bin/switch-version --verify.",
        )
    sockets = [_private(args.socket or places.worker_socket(args.number))]
    if not args.socket:
        sockets.insert(0, _inherited())
    _pass_on(sockets)
    # In systemd's way also for supervisord: gunicorn then never removes a socket
    # of which other processes still serve.
    os.environ["LISTEN_FDS"] = str(len(sockets))
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ.pop("LISTEN_FDNAMES", None)
    os.environ[VARIABLE] = launch.to_text()
    os.chdir(places.root)
    # No bytecode goes into a sealed release, which root could write to.
    words = [str(python), "-I", "-B", "-X", "worker", str(places.worker_command)]
    os.execv(python, words)  # noqa: S606  # an argument list, no shell


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="site-worker", description="One process of a site.")
    parser.add_argument("number", type=int, help="which one, from 1; 0: a trial")
    parser.add_argument("--revision", type=int, help="default: the current one")
    parser.add_argument("--socket", type=Path, help="listen on this alone")
    return parser


def _inherited() -> socket.socket:
    """Return the site's socket: systemd passes it as number 3, supervisord as 0.

    :raises UsageError: there is none.
    """
    mine = os.environ.get("LISTEN_PID") == str(os.getpid())
    passed = int(os.environ.get("LISTEN_FDS") or 0) if mine else 0
    descriptor = FIRST_SOCKET if passed == 1 else 0
    if passed > 1 or not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise UsageError(
            "A process of a site needs the site's socket, and inherited none.",
            "Start the site: bin/site start.",
        )
    return socket.socket(fileno=os.dup(descriptor))


def _private(path: Path) -> socket.socket:
    """Return a new socket that only this user can connect to."""
    files.make_private_directory(path.parent)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    files.remove_tree(path)
    before = os.umask(0o177)
    try:
        files.seam("bind", path)
        # Relative, as the kernel takes few bytes: whoever connects is as near.
        os.chdir(path.parent)
        made.bind(path.name)
    finally:
        os.umask(before)
    made.listen(16)
    return made


def _pass_on(sockets: Sequence[socket.socket]) -> None:
    """Give sockets the numbers from 3 on, for the next program."""
    # First out of the way of each other.
    high = [os.dup(each.detach()) for each in sockets]
    beyond = FIRST_SOCKET + len(sockets)
    high = [_above(descriptor, beyond) for descriptor in high]
    for number, descriptor in enumerate(high, FIRST_SOCKET):
        os.dup2(descriptor, number, inheritable=True)
        os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    if nothing != 0:
        os.dup2(nothing, 0, inheritable=True)
        os.close(nothing)


def _above(descriptor: int, least: int) -> int:
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
    os.close(descriptor)
    return moved
