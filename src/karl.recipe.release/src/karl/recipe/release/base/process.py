"""Running other programs: argument lists, logged, typed failure, no shell."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from karl.recipe.release.base.errors import PrerequisiteError, ProcessError

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

#: Called now and then with the seconds since a program was started.
Beat = Callable[[float], None]


def clean_environment(**extra: str) -> dict[str, str]:
    """Return our environment without what could steer a build, plus *extra*."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **extra}


def past_proxies() -> dict[str, str]:
    """Return variables with which no proxy is asked for what is on this machine."""
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join([*filter(None, [kept]), "127.0.0.1", "localhost", "::1"])
    return {"NO_PROXY": value, "no_proxy": value}


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    beat: Beat | None = None,
    timeout: float | None = None,
    log: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    :param env: the whole environment; default: our own.
    :param beat: called about every second with the seconds since the start.
    :param timeout: seconds after which the program is killed.
    :param log: a file that all it prints is appended to, to be read meanwhile.
    :raises PrerequisiteError: there is no such program.
    :raises ProcessError: it exited non-zero, by a signal, or ran too long.
    """
    words = tuple(str(word) for word in argv)
    _logger.debug("run %s", words)
    with log.open("a+b") if log else tempfile.TemporaryFile() as output:
        start = output.seek(0, os.SEEK_END)
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
            )
        except FileNotFoundError:
            raise PrerequisiteError(
                f"The program {words[0]} is not on this machine.",
                "Install it, or correct the PATH.",
            ) from None
        try:
            status = _wait(child, beat, timeout)
        except BaseException:
            child.kill()
            child.wait()
            raise
        output.seek(start)
        text = output.read().decode(errors="replace")
    if status != 0:
        raise ProcessError(
            f"{os.path.basename(words[0])} failed with status {status}: "
            f"{' '.join(words)}.",
            words,
            status,
            text[-_TAIL:],
        )
    return text


def _wait(
    child: subprocess.Popen[bytes],
    beat: Beat | None,
    timeout: float | None,
) -> int:
    start = time.monotonic()
    while True:
        try:
            return child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - start
            if beat is not None:
                beat(elapsed)
            if timeout is not None and elapsed > timeout:
                child.kill()
                child.wait()
                return -9
