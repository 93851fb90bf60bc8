"""PEP 517 builds, in an isolated environment fed from one index alone."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import normalised
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.building.linkedprojects import KNOWN
from karl.recipe.release.building.workshop import Kind, Settings, Workshop

__all__ = [
    "Built",
    "Settings",
    "build_requirements",
    "build_sdist",
    "build_wheel",
    "make",
]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Built:
    """A distribution file that was built.

    :ivar requirements: what was in the environment, ``name==version``, sorted.
    """

    path: Path
    requirements: tuple[str, ...]


def build_wheel(
    source: Path,
    *,
    index_url: str,
    into: Path,
    reporter: Reporter | None = None,
) -> Path:
    """Build the wheel of *source*, an sdist or a folder; see :func:`make`."""
    return make("wheel", source, Settings(index_url), into, reporter).path


def build_sdist(
    source: Path, *, index_url: str, into: Path, reporter: Reporter | None = None
) -> Path:
    """Build the sdist of the folder *source*; see :func:`make`."""
    return make("sdist", source, Settings(index_url), into, reporter).path


def build_requirements(
    source: Path,
    *,
    index_url: str,
    reporter: Reporter | None = None,
) -> tuple[str, ...]:
    """Return all that building the wheel of *source* requires, sorted.

    Both what ``[build-system]`` names and what the build backend asks for; for
    the latter the former is installed from *index_url*.

    :raises RefusedError: the index lacks what ``[build-system]`` names.
    :raises ProcessError: the build backend failed.
    """
    with _workshop(
        source,
        Settings(index_url),
        reporter or SilentReporter(),
        "Reading the build requirements of",
    ) as shop:
        static = shop.static_requirements()
        shop.install(static)
        return tuple(sorted({*static, *shop.dynamic_requirements("wheel")}))


def make(
    kind: Kind,
    source: Path,
    settings: Settings,
    into: Path,
    reporter: Reporter | None = None,
) -> Built:
    """Build a distribution file of *source*, an sdist or a folder, into *into*.

    A folder is copied first: nothing is written into it.

    :raises RefusedError: the index lacks a build requirement.
    :raises ProcessError: the build failed; names the file with the whole log.
    :raises DamagedError: the sdist is not one.
    """
    label = f"Building the {kind} of"
    with _workshop(source, settings, reporter or SilentReporter(), label) as shop:
        static = shop.static_requirements()
        shop.install(static)
        shop.install([*static, *shop.dynamic_requirements(kind)], known=static)
        return Built(shop.build(kind, into), shop.installed())


@contextlib.contextmanager
def _workshop(
    source: Path, settings: Settings, reporter: Reporter, label: str
) -> Iterator[Workshop]:
    _check_index_url(settings.index_url)
    project = KNOWN.get(normalised(source.name.rpartition("-")[0]))
    if project and not settings.relaxed:
        settings = replace(settings, relaxed=project.relaxed)
    log = _new_log(source, settings.log)
    title = title_of(source)
    task = reporter.task(f"{label} {title}")
    try:
        with (
            _overheard(log),
            tempfile.TemporaryDirectory(
                prefix="karl-build-", dir=settings.workspace
            ) as folder,
        ):
            yield Workshop(Path(folder), source, title, settings, log, task)
    except BaseException:
        if not log.stat().st_size:
            log.unlink()
        raise
    task.done()
    log.unlink()


def title_of(source: Path) -> str:
    """Return project and version of a source tree or sdist, for people.

    As far as they can be told without running anything; else the file's name.
    """
    if not source.is_dir():
        return source.name
    try:
        text = (source / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        return f"{project['name']} {project.get('version', '')}".rstrip()
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return source.name


@contextlib.contextmanager
def _overheard(log: Path) -> Iterator[None]:
    """Let what the library ``build`` says and warns of go to *log*.

    It is for the package's author; on the screen it would hide what is ours.
    """
    logger = logging.getLogger("build")
    handler = logging.FileHandler(log, encoding="utf-8", delay=True)
    before = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for one in caught:
            logger.warning("warning: %s", one.message)
        logger.propagate, level = before
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _new_log(source: Path, wanted: Path | None) -> Path:
    if wanted:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.write_bytes(b"")
        return wanted
    descriptor, name = tempfile.mkstemp(f"-{source.name}.log", "karl-build-")
    os.close(descriptor)
    return Path(name)


def _check_index_url(url: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "file" and parts.netloc in ("", "localhost")
    if not local and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise UsageError(
            f"Builds take nothing from {url}.",
            "Give an index on this machine: file:///... or http://127.0.0.1:...",
        )
