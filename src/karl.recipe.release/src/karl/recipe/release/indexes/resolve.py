"""Resolving requirements to one version of each project, with uv.

A real resolver (backtracking, all targets at once), never zc.buildout's, which
takes the newest of each and then finds that they do not fit together.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import (
    PrerequisiteError,
    ProcessError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.names import checked_file_name
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.distributions.packages import File

_OFFLINE_SIGNS = (
    "dns error",
    "error sending request",
    "Connection refused",
    "Request failed after",
    "HTTP status server error",
)


@dataclass(frozen=True)
class Resolved:
    """A project as the resolver chose it.

    :ivar candidates: every file that the registry has of this version.
    """

    name: str
    version: str
    marker: str
    candidates: tuple[File, ...]


def uv_program() -> Path:
    """Return the uv that was installed with us, or the one on the PATH.

    :raises PrerequisiteError: there is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "uv"
    found = beside if beside.is_file() else shutil.which("uv")
    if not found:
        raise PrerequisiteError(
            "The resolver uv is not installed.", "Run python3 bootstrap.py again."
        )
    return Path(found)


def resolve(
    requirements: Iterable[str],
    constraints: Iterable[str],
    *,
    index_url: str,
    python: str,
    reporter: Reporter | None = None,
) -> dict[str, Resolved]:
    """Return the chosen version of every project, by normalised name.

    :param requirements: PEP 508.
    :param constraints: bounds on projects that may or may not be needed.
    :param index_url: the only registry that is asked.
    :param python: the lowest version of Python to serve, such as ``3.11``.
    :raises RefusedError: there is no solution, or one that needs two versions
        of a project; tells the resolver's reasons.
    :raises UnreachableError: the registry does not answer.
    """
    reporter = reporter or SilentReporter()
    task = reporter.task("Resolving requirements")
    with tempfile.TemporaryDirectory(prefix="karl-resolve-") as folder:
        place = Path(folder)
        output = place / "pylock.toml"
        argv: list[str | Path] = [
            uv_program(), "pip", "compile", "--quiet", "--no-config", "--no-cache",
            "--no-python-downloads", "--python", sys.executable,
            "--universal", "--python-version", python,
            "--index-url", index_url, "--index-strategy", "first-index",
            "--format", "pylock.toml", "--output-file", output,
            "--constraints", _listed(place / "constraints.txt", constraints),
            _listed(place / "requirements.txt", requirements),
        ]  # fmt: skip
        environment = process.clean_environment(
            HOME=folder,
            NO_COLOR="1",
            UV_HTTP_TIMEOUT="120",
            # What the machine trusts, as Python does, which fetches the files.
            UV_SYSTEM_CERTS="1",
            **process.past_proxies(),
        )
        try:
            process.run(argv, env=environment, beat=lambda _: task.advance(0))
        except ProcessError as error:
            raise _explained(error) from error
        found = tomllib.loads(output.read_text(encoding="utf-8"))
    task.done()
    return _by_name(found)


def _listed(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _explained(error: ProcessError) -> RefusedError | UnreachableError:
    if "No space left on device" in error.output:
        return RefusedError(
            f"The resolver has no room in {tempfile.gettempdir()}.",
            "Make room there, or set TMPDIR to a folder with room.",
        )
    if any(sign in error.output for sign in _OFFLINE_SIGNS):
        return UnreachableError(
            f"The registry does not answer:\n{error.output.strip()}",
            "Check the network, or freeze with --offline from the pool alone.",
        )
    return RefusedError(
        f"The requirements cannot be resolved:\n{error.output.strip()}",
        "Change the requirements or constraints; a pin of an extended index is "
        "changed by naming it with --override. A package of our own must be declared "
        "with --private, and be in the pool: karl-index publish.",
    )


def _by_name(document: Mapping[str, Any]) -> dict[str, Resolved]:
    chosen: dict[str, Resolved] = {}
    for table in document.get("packages", ()):
        name = table["name"]
        if name in chosen:
            raise RefusedError(
                f"The requirements need two versions of {name}: "
                f"{chosen[name].version} and {table['version']}, each for other "
                "Pythons or platforms; an index has one version of each project.",
                f"Constrain {name} to one version, or freeze for fewer targets.",
            )
        if "version" not in table:
            raise RefusedError(
                f"{name} does not come from the registry but from a URL or folder.",
                "Publish it into the pool, then require it by name and version.",
            )
        entries = [*table.get("wheels", ()), *_present(table.get("sdist"))]
        chosen[name] = Resolved(
            name,
            table["version"],
            table.get("marker", ""),
            tuple(sorted(_candidate(entry) for entry in entries)),
        )
    return chosen


def _present(entry: Any) -> list[Any]:
    return [entry] if entry else []


def _candidate(entry: Mapping[str, Any]) -> File:
    url = entry["url"]
    name = entry.get("name") or os.path.basename(unquote(urlsplit(url).path))
    hashes = entry.get("hashes", {})
    if "sha256" not in hashes:
        raise RefusedError(
            f"The registry gives no sha256 for {name}.",
            "Use a registry that does, such as PyPI, or publish the file itself.",
        )
    return File(
        checked_file_name(name), hashes["sha256"], entry.get("size", 0), url=url
    )
