"""Filling the pool, by hash: no byte gets in that a lock file did not name."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from karl.recipe.release.base.errors import (
    DamagedError,
    KarlError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.distributions.lockfile import File, Lock
from karl.recipe.release.base.names import PrivateNames
from karl.recipe.release.distributions.pool import Pool, identify
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.indexes.simpleapi import SCHEMES, default_registry, project_urls
from karl.recipe.release.distributions.targets import Target

_WORKERS = 8
_TRIES = 3
_TIMEOUT = 60.0
_CHUNK = 1 << 16

#: Answers after which asking again is of no use.
_FINAL = frozenset({400, 401, 403, 404, 410})


def needed_here(lock: Lock, *, all_targets: bool = False) -> list[File]:
    """Return the files of an index that this machine can use.

    :param all_targets: return those of every other target too.
    """
    if all_targets:
        return sorted(file for package in lock.packages for file in package.files)
    here = Target.here()
    found = []
    for package in lock.packages:
        wheel = here.best(package.wheels)
        if wheel:
            found.append(wheel)
        if package.sdist and (not wheel or package.name in lock.system_linked):
            found.append(package.sdist)
    return sorted(found)


def missing(pool: Pool, wanted: Iterable[File]) -> list[File]:
    """Return which of *wanted* the pool does not have."""
    return [file for file in wanted if not pool.has(file)]


@dataclass(frozen=True)
class Source:
    """Where missing files may come from.

    :ivar registry: simple index of the public registry; empty: pip's.
    :ivar private: names that are never looked for there.
    """

    registry: str = ""
    private: PrivateNames = field(default_factory=PrivateNames)

    @cached_property
    def url(self) -> str:
        """The registry's URL, found out when it is first needed."""
        return self.registry or default_registry()


def source_of(lock: Lock, registry: str = "") -> Source:
    """Return where the missing files of an index may come from."""
    return Source(registry, PrivateNames(lock.private))


def fill(
    pool: Pool,
    wanted: Sequence[File],
    source: Source,
    reporter: Reporter | None = None,
) -> list[File]:
    """Download what the pool does not have of *wanted*; return what came new.

    :raises RefusedError: a missing file is of our own, so no registry has it.
    :raises UnreachableError: a registry does not answer, or has no such file.
    :raises DamagedError: what came has other bytes than the lock file says.
    """
    reporter = reporter or SilentReporter()
    absent = missing(pool, wanted)
    homeless = [
        file.name for file in absent if identify(file.name).project in source.private
    ]
    if homeless:
        raise RefusedError(
            f"The pool lacks {', '.join(homeless)}, which no registry may give.",
            "They are our own: publish them here with karl-index publish, or copy "
            "them into the pool with karl-index add from where they were published.",
        )
    if not absent:
        return []
    task = reporter.task("Fetching", sum(file.size for file in absent) >> 10, "KiB")
    with (
        tempfile.TemporaryDirectory(prefix="karl-fetch-") as folder,
        concurrent.futures.ThreadPoolExecutor(_WORKERS) as workers,
    ):
        jobs = {
            workers.submit(_download, file, source, Path(folder)): file
            for file in absent
        }
        problems: list[KarlError] = []
        for job in concurrent.futures.as_completed(jobs):
            try:
                pool.add(job.result(), jobs[job].name)
                task.advance(jobs[job].size >> 10)
            except KarlError as error:
                problems.append(error)
                for other in jobs:
                    other.cancel()
            except concurrent.futures.CancelledError:
                continue
    task.done(f"{len(absent) - len(problems)} files")
    if problems:
        raise problems[0]
    return absent


def _url(file: File, source: Source) -> str:
    """Return where *file* is, asking the registry if resolving did not tell."""
    if file.url:
        return file.url
    project = identify(file.name).project
    urls = project_urls(source.url, project)
    if file.name not in urls:
        raise UnreachableError(
            f"The registry {source.url} has no {file.name}.",
            "Ask another registry, or copy the file into the pool with karl-index add.",
        )
    return urls[file.name]


def _download(file: File, source: Source, folder: Path) -> Path:
    """Download one file, its hash checked, with a few tries."""
    url = _url(file, source)
    if urlsplit(url).scheme not in SCHEMES:
        raise RefusedError(
            f"The registry says that {file.name} is at {url}: no web address.",
            "Use another registry.",
        )
    target = folder / file.name
    for attempt in range(1, _TRIES + 1):
        try:
            digest = _receive(url, target)
            break
        except (OSError, ssl.SSLError) as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else None
            if attempt == _TRIES or status in _FINAL:
                raise UnreachableError(
                    f"Cannot fetch {file.name} from {url}: {error}.",
                    "Check the network (proxy, certificates), then run it again; "
                    "what has come already is kept.",
                ) from error
            time.sleep(attempt)
    if digest != file.sha256:
        raise DamagedError(
            f"{url} has sha256 {digest}, but the lock file says {file.sha256}.",
            "Do not install it: the registry, or something on the way, changed the "
            "file.",
        )
    return target


def _receive(url: str, target: Path) -> str:
    digest = hashlib.sha256()
    headers = {"User-Agent": "karl.recipe.release"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # checked
    with (
        urllib.request.urlopen(request, timeout=_TIMEOUT) as answer,  # noqa: S310
        target.open("wb") as stream,
    ):
        while chunk := answer.read(_CHUNK):
            digest.update(chunk)
            stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()
