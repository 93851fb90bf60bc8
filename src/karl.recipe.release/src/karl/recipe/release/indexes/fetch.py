"""Filling the pool, by hash: no byte gets in that a lock file did not name."""

from __future__ import annotations

import concurrent.futures
import hashlib
import tempfile
import time
import urllib.error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from karl.recipe.release.base.errors import (
    DamagedError,
    KarlError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.names import PrivateNames
from karl.recipe.release.base.reporter import Reporter, SilentReporter, counted
from karl.recipe.release.distributions.lockfile import Lock
from karl.recipe.release.distributions.packages import File
from karl.recipe.release.distributions.pool import Pool, identify
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes import web
from karl.recipe.release.indexes.simpleapi import default_registry, project_urls

_WORKERS = 8
_TRIES = 3

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
        if package.sdist and (not wheel or package.name in lock.linked_names):
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
    :ivar offline: whether nothing may be asked for at all.
    """

    registry: str = ""
    private: PrivateNames = field(default_factory=PrivateNames)
    offline: bool = False

    @cached_property
    def url(self) -> str:
        """The registry's URL, found out when it is first needed."""
        return self.registry or default_registry()


def source_of(lock: Lock, registry: str = "", *, offline: bool = False) -> Source:
    """Return where the missing files of an index may come from."""
    return Source(registry, PrivateNames(lock.private), offline)


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
    damaged = [str(pool.path(file)) for file in absent if pool.path(file).exists()]
    if damaged:
        raise DamagedError(
            f"These files of the pool have not the size that the lock file says: "
            f"{', '.join(damaged)}.",
            "Somebody changed or cut them off: remove them, then run it again.",
        )
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
    if source.offline:
        raise RefusedError(
            f"The pool lacks {', '.join(file.name for file in absent)}, and nothing "
            "may be fetched offline.",
            "Run it once without -o, or run karl-index fetch for the index.",
        )
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
                pool.add(job.result(), jobs[job].name, fetched=True)
                task.advance(jobs[job].size >> 10)
            except KarlError as error:
                problems.append(error)
                for other in jobs:
                    other.cancel()
            except concurrent.futures.CancelledError:
                continue
    task.done(counted(len(absent) - len(problems), "files"))
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
            f"The registry {web.without_credentials(source.url)} has no {file.name}.",
            "Ask another registry, or copy the file into the pool with karl-index add.",
        )
    return web.with_credentials(urls[file.name], source.url)


def _download(file: File, source: Source, folder: Path) -> Path:
    """Download one file, its hash checked, with a few tries."""
    url = _url(file, source)
    shown = web.without_credentials(url)
    target = folder / file.name
    for attempt in range(1, _TRIES + 1):
        try:
            digest = _receive(url, target, file.size)
            break
        except OSError as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else None
            if attempt == _TRIES or status in _FINAL:
                raise UnreachableError(
                    f"Cannot fetch {file.name} from {shown}: {error}.",
                    "Check the network (proxy, certificates), then run it again; "
                    "what has come already is kept.",
                ) from error
            time.sleep(attempt)
    if digest != file.sha256:
        raise DamagedError(
            f"{shown} has sha256 {digest}, but the lock file says {file.sha256}.",
            "Do not install it: the registry, or something on the way, changed the "
            "file.",
        )
    return target


def _receive(url: str, target: Path, size: int) -> str:
    """Write what *url* answers to *target* and return its sha256.

    :param size: what it must have, in bytes; 0 if that is not known.
    :raises OSError: it does not answer, or breaks off.
    """
    digest = hashlib.sha256()
    count = 0
    with web.opened(url) as answer, target.open("wb") as stream:
        announced = web.announced_size(answer)
        for chunk in web.chunks(answer):
            count += len(chunk)
            digest.update(chunk)
            _keep(stream, chunk)
            if size and count > size:
                break
    if announced and count < announced:
        raise OSError(f"it broke off after {count} of {announced} bytes")
    return digest.hexdigest()


def _keep(stream: BinaryIO, chunk: bytes) -> None:
    """Write to the scratch folder; its failures are not the network's."""
    try:
        stream.write(chunk)
        stream.flush()
    except OSError as error:
        raise RefusedError(
            f"A download cannot be written to {tempfile.gettempdir()}: {error}.",
            "Make room there, or set TMPDIR to a folder with room.",
        ) from error
