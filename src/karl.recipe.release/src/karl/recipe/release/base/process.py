"""Running other programs: argument lists, logged, typed failure, no shell.

Each runs in a session of its own, without a terminal, so that it can be ended
together with all that it started.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from karl.recipe.release.base.errors import (
    PrerequisiteError,
    ProcessError,
    TimeLimitError,
)
from karl.recipe.release.base.waiting import end_of

_logger = logging.getLogger(__name__)

#: What a child sees of our environment: nothing that changes what pip, uv,
#: Python or a compiler would do, but what reaching the network needs.
_KEPT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "PIP_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
    "https_proxy", "no_proxy",
)  # fmt: skip

_TAIL = 4000

#: Seconds that killed processes have to be gone.
_LAST_MOMENTS = 5.0

#: What tells us to end, from outside.
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)

#: Of prctl(2).
_PR_SET_PDEATHSIG = 1

#: Called now and then with the seconds since a program was started.
Beat = Callable[[float], None]

#: Tells a program's exit status; None while it runs.
Status = Callable[[], int | None]


def clean_environment(**extra: str) -> dict[str, str]:
    """Return our environment without what could steer a build, plus *extra*."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **extra}


def past_proxies() -> dict[str, str]:
    """Return variables with which no proxy is asked for what is on this machine."""
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join([*filter(None, [kept]), "127.0.0.1", "localhost", "::1"])
    return {"NO_PROXY": value, "no_proxy": value}


def run(  # noqa: PLR0913  # all but the first by their names
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    beat: Beat | None = None,
    timeout: float | None = None,
    log: Path | None = None,
    errors: Path | None = None,
    stdin: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    :param env: the whole environment; default: our own.
    :param beat: called about every second with the seconds since the start.
    :param timeout: seconds after which the program is killed, with all that it
        started.
    :param log: a file that all it prints is appended to, to be read meanwhile.
    :param errors: a file that what it prints on standard error is appended to, and
        which is then no part of what is returned.
    :param stdin: a file that it reads as its standard input; default: nothing.
    :raises PrerequisiteError: there is no such program.
    :raises TimeLimitError: it ran too long.
    :raises ProcessError: it exited non-zero, or by a signal.
    """
    words = tuple(str(word) for word in argv)
    _logger.debug("run %s", words)
    merged = contextlib.nullcontext(subprocess.STDOUT)
    with (
        log.open("a+b") if log else tempfile.TemporaryFile() as output,
        errors.open("ab") if errors else merged as other,
        (stdin or Path(os.devnull)).open("rb") as source,
    ):
        start = output.seek(0, os.SEEK_END)
        try:
            child = subprocess.Popen(
                words,
                stdin=source,
                stdout=output,
                stderr=other,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_tie(),  # noqa: PLW1509  # not among threads
            )
        except FileNotFoundError:
            raise _no_program(words[0]) from None
        try:
            with _ended_with_us(child):
                status = _wait(child, beat, timeout)
        except BaseException:
            _kill(child)
            raise
        output.seek(start)
        text = output.read().decode(errors="replace")
    name, line = os.path.basename(words[0]), " ".join(words)
    if status is None:
        raise TimeLimitError(
            f"{name} took longer than {timeout:g} s and was ended: {line}.",
            words,
            -signal.SIGKILL,
            text[-_TAIL:],
        )
    if status != 0:
        raise ProcessError(
            f"{name} failed with status {status}: {line}.",
            words,
            status,
            text[-_TAIL:],
        )
    return text


def start(argv: Sequence[str | Path], *, log: Path) -> Status:
    """Start a program that runs on when this process has ended.

    :param log: a file that all it prints is appended to.
    :return: what tells its exit status; None while it runs.
    :raises PrerequisiteError: there is no such program.
    """
    words = tuple(str(word) for word in argv)
    _logger.debug("start %s", words)
    with log.open("ab") as output:
        child = _begun(words, output)
    # Who is waited for leaves no zombie, however long this process lives.
    threading.Thread(target=child.wait, daemon=True).start()
    return lambda: child.returncode


class Running:
    """A program that runs beside us."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def __call__(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self._child.poll()

    def wait(self, beat: Beat | None, timeout: float | None) -> int | None:
        """Wait for its end, and return its exit status.

        :param beat: called about every second with the seconds since then.
        :param timeout: seconds after which it is killed, with all that it started;
            None is returned then.
        """
        return _wait(self._child, beat, timeout)


@contextlib.contextmanager
def while_running(
    argv: Sequence[str | Path],
    *,
    log: Path,
    patience: float,
    errors: Path | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[Running]:
    """Have a program run for as long as the body does; then end it.

    :param log: a file that all it prints is written to, instead of what was there.
    :param patience: seconds that it has to end by itself when it is told to.
    :param errors: a file that what it prints on standard error is appended to, and
        not to *log*.
    :param stdin: a descriptor that it reads as its standard input; default: nothing.
    :raises PrerequisiteError: there is no such program.
    """
    words = tuple(str(word) for word in argv)
    _logger.debug("start %s", words)
    merged = contextlib.nullcontext(subprocess.STDOUT)
    with (
        log.open("wb") as output,
        errors.open("ab") if errors else merged as other,
    ):
        child = _begun(words, output, other, stdin, _tie())
    try:
        with _ended_with_us(child):
            yield Running(child)
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=patience)
        _kill(child)


def _begun(
    words: tuple[str, ...],
    output: BinaryIO,
    errors: BinaryIO | int = subprocess.STDOUT,
    stdin: int = subprocess.DEVNULL,
    before: Callable[[], object] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; what it prints goes to *output*.

    :param before: called in the child before the program; not among threads.
    """
    try:
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509  # as its caller sees to
        )
    except FileNotFoundError:
        raise _no_program(words[0]) from None


def _no_program(name: str) -> PrerequisiteError:
    return PrerequisiteError(
        f"The program {name} is not on this machine.",
        "Install it, or correct the PATH.",
    )


def _wait(
    child: subprocess.Popen[bytes],
    beat: Beat | None,
    timeout: float | None,
) -> int | None:
    """Return the exit status; None if it took too long, and was killed."""
    start = time.monotonic()
    pause = 1.0 if timeout is None else min(1.0, timeout)
    with end_of(child) as ended:
        while True:
            if ended(pause):
                return child.wait()
            elapsed = time.monotonic() - start
            if timeout is not None and elapsed >= timeout:
                _kill(child)
                return None
            if beat is not None:
                beat(elapsed)
            if timeout is not None:
                pause = min(1.0, max(0.01, timeout - elapsed))


def _tie() -> Callable[[], object] | None:
    """Return what a child calls to be killed by the kernel if we are killed.

    Code between fork and exec is safe only where there are no other threads.
    """
    if threading.active_count() > 1:
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a program and everything that it started.

    What became another user (``sudo``) cannot be ended; it is not waited for.
    """
    _kill_session(child)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_LAST_MOMENTS)


def _kill_session(child: subprocess.Popen[bytes]) -> None:
    # Once it was waited for, its number may be another's.
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


@contextlib.contextmanager
def _ended_with_us(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the program ended too when we are told to end, as by a lost terminal.

    Its session is not ours any more, so that no signal reaches both.
    """

    def end(number: int, frame: FrameType | None) -> None:
        _kill_session(child)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [
            number for number in _ENDINGS if signal.getsignal(number) is signal.SIG_DFL
        ]
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
