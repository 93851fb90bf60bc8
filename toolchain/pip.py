"""Running pip, and understanding why it failed."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import (
    DamagedError,
    KarlError,
    ProcessError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import Reporter
from toolchain.tools import Tool

#: What of the user's environment must not reach a download: it would change
#: what is downloaded, or where to.  Mirrors, proxies and certificates may.
_UNWANTED = frozenset(
    f"PIP_{name}"
    for name in (
        "CONSTRAINT", "DRY_RUN", "EDITABLE", "LOG", "NO_BINARY", "ONLY_BINARY",
        "PLATFORM", "PREFIX", "PYTHON", "PYTHON_VERSION", "QUIET", "REPORT",
        "REQUIREMENT", "REQUIRE_HASHES", "REQUIRE_VIRTUALENV", "ROOT", "TARGET",
        "USER", "VERBOSE",
    )
)  # fmt: skip

_NO_SPACE = ("No space left on device", "Disk quota exceeded")
_BAD_HASH = ("DO NOT MATCH THE HASHES", "Hash mismatch", "BadZipFile")
_NO_NETWORK = (
    "NewConnectionError", "ConnectTimeout", "ReadTimeout", "Max retries exceeded",
    "Failed to establish a new connection", "Temporary failure in name resolution",
    "Network is unreachable", "ProxyError", "SSLError", "connection broken",
    "ConnectionResetError", "Connection refused",
)  # fmt: skip
_NOT_FOUND = ("No matching distribution found", "Could not find a version")

_TAGS = """
import json
from pip._vendor.packaging.tags import sys_tags
print(json.dumps([str(tag) for tag in sys_tags()]))
"""


class Pip:
    """The pip of an environment.

    :param python: the environment's interpreter.
    :param log: the file that gets all details.
    :param wheel: a pip wheel to run from, where pip is not installed yet.
    """

    def __init__(
        self, python: Path, log: Path, reporter: Reporter, wheel: Path | None = None
    ) -> None:
        self.python = python
        self.log = log
        self.reporter = reporter
        self._program = ["-m", "pip"] if wheel is None else [str(wheel / "pip")]
        self._path = "" if wheel is None else str(wheel)

    def tags(self) -> list[str]:
        """Return the wheel tags that this Python accepts, the best first."""
        code = f"import sys; sys.path.insert(0, {self._path!r}){_TAGS}"
        answer = process.run([self.python, "-c", code], env=_install_environment())
        tags: list[str] = json.loads(answer)
        return tags

    def download(self, tools: Sequence[Tool], into: Path) -> None:
        """Download exactly the files of *tools*, as the user configured pip."""
        self._run(
            "Fetching the tools",
            (
                "download", "--require-hashes", "--no-deps",
                "--no-build-isolation", "--dest", into,
                "--only-binary", ":all:", *_no_binary(tools),
                "--requirement", _requirements(into, tools),
            ),
            _download_environment(),
        )  # fmt: skip

    def install(self, tools: Sequence[Tool], pool: Path) -> None:
        """Install exactly the files of *tools* from the pool, without network."""
        if tools:
            self._run(
                f"Installing {_count(tools)}",
                (
                    "install", "--isolated", "--no-index", "--find-links", pool,
                    "--require-hashes", "--no-deps", "--no-build-isolation",
                    "--no-warn-script-location", "--only-binary", ":all:",
                    *_no_binary(tools),
                    "--requirement", _requirements(self.python.parent.parent, tools),
                ),
                _install_environment(),
            )  # fmt: skip

    def install_sources(self, trees: Sequence[Path]) -> None:
        """Install source trees of ours so that they are used in place."""
        self._run(
            f"Installing {', '.join(tree.name for tree in trees)}",
            (
                "install", "--isolated", "--no-index", "--no-deps",
                "--no-build-isolation", "--no-warn-script-location",
                *(word for tree in trees for word in ("--editable", tree)),
            ),
            _install_environment(),
        )  # fmt: skip

    def _run(
        self, label: str, words: Sequence[str | Path], environment: dict[str, str]
    ) -> None:
        command, *rest = words
        task = self.reporter.task(label)
        argv = (
            self.python, *self._program, command, "--no-cache-dir", "--no-input",
            "--disable-pip-version-check", "--log", self.log, *rest,
        )  # fmt: skip
        try:
            process.run(argv, env=environment, beat=lambda _: task.advance(0))
        except ProcessError as error:
            raise explained(error, self.log) from error
        task.done()


def explained(error: ProcessError, log: Path) -> KarlError:
    """Return what a failed pip means for whoever runs the bootstrap."""
    text = error.output
    with contextlib.suppress(OSError):
        text += log.read_text(errors="replace")
    if _any(_NO_SPACE, text):
        return disk_full()
    if _any(_BAD_HASH, text):
        return DamagedError(
            "A downloaded file is not the one that the lock file names "
            f"(details: {log}).",
            "Do not use it; check the mirror or proxy that pip is configured "
            "to use, then run bootstrap.py again.",
        )
    if _any(_NO_NETWORK, text):
        return UnreachableError(
            f"The package registry could not be reached (details: {log}).",
            "Check the network, or pip's index-url and proxy settings; with a "
            "filled pool, bootstrap.py --offline needs no network.",
        )
    if _any(_NOT_FOUND, text):
        return UnreachableError(
            f"The package registry does not have a pinned file (details: {log}).",
            "Check pip's index-url and no-index settings: a mirror may lack it.",
        )
    return error


def disk_full() -> RefusedError:
    """Return the error for a full disk."""
    return RefusedError(
        "The disk is full; the environment that was in use is still there.",
        "Free about 500 MB, then run bootstrap.py again.",
    )


def _any(signs: Sequence[str], text: str) -> bool:
    return any(sign in text for sign in signs)


def _count(tools: Sequence[Tool]) -> str:
    return tools[0].name if len(tools) == 1 else f"{len(tools)} tools"


def _no_binary(tools: Sequence[Tool]) -> tuple[str, ...]:
    names = ",".join(tool.name for tool in tools if not tool.is_wheel)
    return ("--no-binary", names) if names else ()


def _requirements(folder: Path, tools: Sequence[Tool]) -> Path:
    path = folder / "requirements.txt"
    path.write_text("".join(f"{tool.requirement}\n" for tool in tools))
    return path


def _install_environment() -> dict[str, str]:
    # A configuration file named so is the one way to have pip read none.
    return process.clean_environment(PIP_CONFIG_FILE=os.devnull, PYTHONNOUSERSITE="1")


def _download_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _UNWANTED and not name.startswith("PYTHON")
    }
