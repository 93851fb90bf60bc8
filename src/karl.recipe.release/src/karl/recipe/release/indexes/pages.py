"""The ``simple/`` tree of an index: one set of bytes for every client.

HTML (PEP 503) with hashes, ``data-requires-python`` (PEP 503) and core metadata
(PEP 658, PEP 714); JSON (PEP 691, PEP 700) beside it; and in each project's
folder symlinks to the pooled files, because zc.buildout reads a ``file://``
index as plain folders.  Everything is computed from the lock file alone.

The class is compoze's :class:`~compoze.indexer.Indexer` with its page writing
replaced: compoze's writes no hashes, does not normalise names, leaves a partial
index when it fails, and may run an unknown ``setup.py``.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compoze.indexer import Indexer

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.distributions.lockfile import Lock
from karl.recipe.release.distributions.metadata import same_version
from karl.recipe.release.distributions.packages import Package
from karl.recipe.release.distributions.pep658 import wheel_metadata
from karl.recipe.release.distributions.pool import Pool, identify, relative

#: Permission bits of everything in a frozen index.
FROZEN = 0o444

JSON_PAGE = "index.json"
HTML_PAGE = "index.html"


class Pages(Indexer):  # type: ignore[misc]  # compoze has no annotations
    """Writes the pages of one index.

    :param lock: the index.
    :param pool: where its files are.
    """

    def __init__(self, lock: Lock, pool: Pool) -> None:
        super().__init__(None, "--quiet")
        self.lock = lock
        self.pool = pool

    def _extractNameVersion(self, filename: str) -> tuple[str, str]:  # noqa: N802  # compoze's name
        pooled = identify(Path(filename).name)
        return pooled.project, pooled.version

    def make_index(self, path: Path | None = None) -> None:
        """Write the pages, links and metadata into the folder *path*.

        :param path: an empty folder that becomes ``simple/``.
        :raises DamagedError: a pooled wheel cannot be read.
        """
        if path is None:
            raise ValueError("the folder of the pages is not named")
        for name, content in self.pages():
            target = path / name
            target.parent.mkdir(exist_ok=True)
            _write(target, content.encode())
        for package in self.lock.packages:
            self._link(package, path / package.name)

    def pages(self) -> Iterator[tuple[str, str]]:
        """Yield the relative name and the text of every page."""
        names = sorted(package.name for package in self.lock.packages)
        yield HTML_PAGE, _root_html(names)
        yield JSON_PAGE, _json({"projects": [{"name": name} for name in names]})
        for package in sorted(self.lock.packages, key=lambda package: package.name):
            yield f"{package.name}/{HTML_PAGE}", _project_html(package)
            yield f"{package.name}/{JSON_PAGE}", _json(_project_json(package))

    def links(self, package: Package, folder: Path) -> dict[str, str]:
        """Return name and target of every symlink in a project's folder."""
        return {
            file.name: relative(self.pool.path(file), folder) for file in package.files
        }

    def _check_names(self, package: Package) -> None:
        for file in package.files:
            project, version = self._extractNameVersion(file.name)
            if project != package.name or not same_version(version, package.version):
                raise DamagedError(
                    f"{self.lock.name} lists {file.name} as {package.name} "
                    f"{package.version}, but its name says otherwise.",
                    "Restore the lock file from version control.",
                )

    def _link(self, package: Package, folder: Path) -> None:
        self._check_names(package)
        for name, target in self.links(package, folder).items():
            (folder / name).symlink_to(target)
        for wheel in package.wheels:
            if self.pool.has(wheel):
                content = wheel_metadata(self.pool.path(wheel))
                _write(folder / wheel.metadata_name, content)


def _project_json(package: Package) -> dict[str, Any]:
    """Return a project's page as PEP 691 has it."""
    entries = []
    for file in sorted(package.files):
        entry: dict[str, Any] = {
            "filename": file.name,
            "url": file.name,
            "hashes": {"sha256": file.sha256},
            "size": file.size,
            "yanked": False,
        }
        if package.requires_python:
            entry["requires-python"] = package.requires_python
        if file.metadata_sha256:
            entry["core-metadata"] = {"sha256": file.metadata_sha256}
        entries.append(entry)
    return {"name": package.name, "versions": [package.version], "files": entries}


def _project_html(package: Package) -> str:
    """Return a project's page as PEP 503 has it."""
    lines = []
    for file in sorted(package.files):
        attributes = ""
        if package.requires_python:
            value = html.escape(package.requires_python, quote=True)
            attributes += f' data-requires-python="{value}"'
        if file.metadata_sha256:
            value = f"sha256={file.metadata_sha256}"
            attributes += (
                f' data-core-metadata="{value}" data-dist-info-metadata="{value}"'
            )
        target = f"{file.name}#sha256={file.sha256}"
        lines.append(f'<a href="{target}"{attributes}>{file.name}</a><br>\n')
    return _page(package.name, "".join(lines))


def _root_html(names: list[str]) -> str:
    body = "".join(f'<a href="{name}/">{name}</a><br>\n' for name in names)
    return _page("Simple index", body)


def _page(title: str, body: str) -> str:
    return (
        "<!DOCTYPE html>\n<html>\n<head>\n"
        '<meta charset="utf-8">\n'
        '<meta name="pypi:repository-version" content="1.1">\n'
        f"<title>{title}</title>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _json(value: dict[str, Any]) -> str:
    document = {"meta": {"api-version": "1.1"}, **value}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _write(path: Path, content: bytes) -> None:
    files.seam("write", path)
    path.write_bytes(content)
    path.chmod(FROZEN)
