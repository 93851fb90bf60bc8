"""A frozen index as its lock file tells it: ``pylock.toml``, PEP 751."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import IndexLayout, SoftwareLayout
from karl.recipe.release.base.names import (
    IndexName,
    checked_file_name,
    checked_label,
    normalised,
)
from karl.recipe.release.distributions.packages import File, Override, Package

#: Our table below ``[tool]``, at the top and in each package.
TOOL = "karl-recipe"

#: The dependency group (PEP 735, as PEP 751 markers see it) of packages that
#: only builds need.
BUILD_GROUP = "build"
BUILD_MARKER = f"'{BUILD_GROUP}' in dependency_groups"

_LOCK_VERSION = "1.0"
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Lock:
    """What a ``pylock.toml`` of ours says.

    :ivar extends: the index it extends, with the sha256 of that lock file.
    :ivar requirements: what was asked for, PEP 508, sorted.
    :ivar constraints: bounds that were given, sorted.
    :ivar overrides: pins of an extended index that were changed on request.
    :ivar private: patterns of names that are ours.
    :ivar targets: what wheels were chosen for, such as
        ``cp311-manylinux_2_31_x86_64``.
    :ivar system_linked: the packages whose sdist is in the index to be built
        against the system's libraries: normalised names, or declarations
        ``name = pkg-config modules; Debian packages``.
    """

    name: IndexName
    packages: tuple[Package, ...]
    requires_python: str
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    extends: tuple[str, str] | None = None
    overrides: tuple[Override, ...] = ()
    private: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    system_linked: tuple[str, ...] = ()

    def package(self, name: str) -> Package | None:
        """Return the package with this normalised name, if there is one."""
        return self.by_name().get(name)

    @property
    def linked_names(self) -> frozenset[str]:
        """The normalised names of :attr:`system_linked`."""
        return linked_names(self.system_linked)

    def by_name(self) -> dict[str, Package]:
        """Return the packages by normalised name."""
        return {package.name: package for package in self.packages}


@dataclass(frozen=True)
class Index:
    """A frozen index on disk.

    :ivar digest: sha256 of the lock file's bytes: the identity of the index.
    """

    lock: Lock
    digest: str
    layout: IndexLayout

    @classmethod
    def load(cls, software: SoftwareLayout, name: IndexName) -> Index:
        """Read the index *name*.

        :raises RefusedError: there is no such index.
        :raises DamagedError: its lock file cannot be understood.
        """
        layout = software.index(name)
        try:
            data = layout.lock_file.read_bytes()
        except FileNotFoundError:
            raise RefusedError(
                f"There is no index {name}: {layout.lock_file} does not exist.",
                "Freeze it with karl-index freeze, or correct its name; "
                "karl-index list shows what there is.",
            ) from None
        lock = parse(data, layout.lock_file)
        if lock.name != name:
            raise DamagedError(
                f"{layout.lock_file} is the lock file of {lock.name}, not of {name}.",
                "Restore the index from its origin.",
            )
        return cls(lock, hashlib.sha256(data).hexdigest(), layout)


def linked_names(system_linked: Iterable[str]) -> frozenset[str]:
    """Return the normalised names of names and declarations."""
    return frozenset(text.partition("=")[0].strip() for text in system_linked)


def render(lock: Lock) -> bytes:
    """Return the bytes of the lock file: the same lock, the same bytes."""
    import tomli_w
    from packaging.pylock import Pylock

    document = _document(lock)
    Pylock.from_dict(document)
    return tomli_w.dumps(document).encode()


def parse(data: bytes, origin: Path) -> Lock:
    """Return what the lock file *origin* with content *data* says.

    Everything that is used later is checked here; that it is valid by all of
    PEP 751 was checked when it was written.

    :raises DamagedError: it is not valid TOML, or not one of ours.
    """
    try:
        return _lock(tomllib.loads(data.decode()))
    except (
        ValueError,
        AttributeError,
        KeyError,
        TypeError,
        UsageError,
    ) as error:
        raise DamagedError(
            f"{origin} is not a lock file of karl.recipe.release: {error}.",
            "Restore it from version control, or freeze the index anew.",
        ) from error


def _document(lock: Lock) -> dict[str, Any]:
    tool: dict[str, Any] = {"index": str(lock.name)}
    if lock.extends:
        tool["extends"] = {"index": lock.extends[0], "sha256": lock.extends[1]}
    for key in ("requirements", "constraints", "private", "targets"):
        if getattr(lock, key):
            tool[key] = list(getattr(lock, key))
    if lock.system_linked:
        tool["system-linked"] = list(lock.system_linked)
    if lock.overrides:
        tool["overrides"] = [asdict(override) for override in sorted(lock.overrides)]
    packages = sorted(lock.packages, key=lambda package: package.name)
    return {
        "lock-version": _LOCK_VERSION,
        "requires-python": lock.requires_python,
        "dependency-groups": [BUILD_GROUP],
        "created-by": "karl.recipe.release",
        "packages": [_package_table(package) for package in packages],
        "tool": {TOOL: tool},
    }


def _package_table(package: Package) -> dict[str, Any]:
    table: dict[str, Any] = {"name": package.name, "version": package.version}
    if package.build_only:
        table["marker"] = BUILD_MARKER
    elif package.marker:
        table["marker"] = package.marker
    if package.requires_python:
        table["requires-python"] = package.requires_python
    if package.sdist:
        table["sdist"] = _file_table(package.name, package.sdist)
    if package.wheels:
        table["wheels"] = [
            _file_table(package.name, wheel) for wheel in sorted(package.wheels)
        ]
    tool: dict[str, Any] = {}
    if package.private:
        tool["private"] = True
    if package.inherited:
        tool["inherited"] = package.inherited
    metadata = {
        file.name: file.metadata_sha256
        for file in sorted(package.wheels)
        if file.metadata_sha256
    }
    if metadata:
        tool["core-metadata"] = metadata
    if tool:
        table["tool"] = {TOOL: tool}
    return table


def _file_table(project: str, file: File) -> dict[str, Any]:
    table: dict[str, Any] = {"name": file.name}
    table["path"] = f"simple/{project}/{file.name}"
    table["size"] = file.size
    table["hashes"] = {"sha256": file.sha256}
    return table


def _lock(document: Mapping[str, Any]) -> Lock:
    if document["lock-version"] != _LOCK_VERSION:
        raise ValueError(f"it has version {document['lock-version']!r} of PEP 751")
    tool = document["tool"][TOOL]
    extends = tool.get("extends")
    return Lock(
        name=IndexName.parse(tool["index"]),
        packages=tuple(_package(table) for table in document["packages"]),
        requires_python=document.get("requires-python", ""),
        requirements=tuple(tool.get("requirements", ())),
        constraints=tuple(tool.get("constraints", ())),
        extends=(extends["index"], extends["sha256"]) if extends else None,
        overrides=tuple(Override(**entry) for entry in tool.get("overrides", ())),
        private=tuple(tool.get("private", ())),
        targets=tuple(tool.get("targets", ())),
        system_linked=tuple(tool.get("system-linked", ())),
    )


def _package(table: Mapping[str, Any]) -> Package:
    tool = table.get("tool", {}).get(TOOL, {})
    metadata = tool.get("core-metadata", {})
    marker = table.get("marker", "")
    build_only = marker == BUILD_MARKER
    if marker and not build_only:
        Marker(marker)
    if normalised(table["name"]) != checked_label(table["name"]):
        raise ValueError(f"{table['name']!r} is not a normalised name")
    return Package(
        name=table["name"],
        version=table["version"],
        wheels=tuple(_file(entry, metadata) for entry in table.get("wheels", ())),
        sdist=_file(table["sdist"], metadata) if "sdist" in table else None,
        marker="" if build_only else marker,
        requires_python=table.get("requires-python", ""),
        build_only=build_only,
        private=tool.get("private", False),
        inherited=tool.get("inherited", ""),
    )


def _file(table: Mapping[str, Any], metadata: Mapping[str, str]) -> File:
    name = checked_file_name(table["name"])
    sha256 = table["hashes"]["sha256"]
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{name} has no sha256 but {sha256!r}")
    if not isinstance(table["size"], int):
        raise TypeError(f"{name} has the size {table['size']!r}")
    return File(
        name=name,
        sha256=sha256,
        size=table["size"],
        metadata_sha256=metadata.get(name, ""),
    )
