"""What an index names: packages, each with its files."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class File:
    """A distribution file that an index names.

    :ivar name: the file's name in the pool.
    :ivar sha256: of its content, hexadecimal.
    :ivar size: in bytes.
    :ivar url: where the registry had it when it was resolved; not part of the
        lock, since any mirror that has these bytes will do.
    :ivar metadata_sha256: of a wheel's METADATA (PEP 658); empty for an sdist.
    """

    name: str
    sha256: str
    size: int
    metadata_sha256: str = ""
    url: str = field(default="", compare=False)

    @property
    def metadata_name(self) -> str:
        """The name of the file beside a wheel that repeats its METADATA (PEP 658)."""
        return f"{self.name}.metadata"


@dataclass(frozen=True)
class Package:
    """One project in an index, at its one version.

    :ivar name: normalised.
    :ivar marker: when it is needed (PEP 508); empty: always.
    :ivar wheels: for all targets of the index.
    :ivar sdist: where a wheel is built from it, or it is built for linkage.
    :ivar build_only: only needed to build sdists of the index.
    :ivar private: ours; never looked for in a registry.
    :ivar inherited: the index, such as ``karl/3.30``, that it comes from.
    """

    name: str
    version: str
    wheels: tuple[File, ...] = ()
    sdist: File | None = None
    marker: str = ""
    requires_python: str = ""
    build_only: bool = False
    private: bool = False
    inherited: str = ""

    @property
    def files(self) -> tuple[File, ...]:
        """All files of the package."""
        return (*self.wheels, *((self.sdist,) if self.sdist else ()))


@dataclass(frozen=True, order=True)
class Override:
    """An inherited pin that was changed on request.

    :ivar requirement: what was asked for, PEP 508.
    :ivar inherited: the version of the extended index; empty if it had none.
    """

    requirement: str
    name: str
    inherited: str
    version: str
