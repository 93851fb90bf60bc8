"""The recipe ``karl.recipe.release:index``: an index as a part of a buildout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zc.buildout

from karl.recipe.release.base import files, optionreading
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.distributions.lockfile import Index as FrozenIndex
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch
from karl.recipe.release.indexes.derived import materialise
from karl.recipe.release.indexes.freeze import freeze
from karl.recipe.release.indexes.request import (
    IndexRequest,
    inheritance,
    refuse_other_request,
)
from karl.recipe.release.indexes.sources import (
    Backends,
    publish_all,
    publish_missing,
)

#: Every option, with what it stands for if it is not given.
DEFAULTS: Mapping[str, str] = {
    "index": "",
    "extends": "",
    "requirements": "",
    "constraints": "",
    "overrides": "",
    "private": "",
    "targets": "",
    "system-linked": "",
    "registry": "",
    "sources": "",
    "build-index": "",
    "pool": "pool",
    "indexes": "indexes",
    "store": "store",
}


@dataclass(frozen=True)
class IndexOptions:
    """The options of the part, read and checked.

    :ivar request: what to freeze, or to hold an existing index against.
    :ivar sources: source trees of our own packages.
    :ivar build_index: where their build backends come from.
    :ivar offline: whether buildout runs offline: then nothing is fetched.
    """

    request: IndexRequest
    software: SoftwareLayout
    registry: str
    sources: tuple[Path, ...]
    build_index: IndexName | None
    offline: bool

    @property
    def freezes(self) -> bool:
        """Whether the part says what to freeze, rather than only which index."""
        return bool(self.request.requirements or self.request.extends)


class Index:
    """Freezes the index if there is none; else completes and checks it."""

    def __init__(self, buildout: Any, name: str, options: Any) -> None:
        self.name = name
        try:
            self.options = read_options(buildout, options)
        except KarlError as error:
            raise zc.buildout.UserError(f"[{name}] {error}") from error

    def install(self) -> tuple[str, ...]:
        """Do the work.  Returns no path, so that buildout never deletes one."""
        files.let_no_stranger_write()
        try:
            ensure(self.options, Console())
        except (KarlError, OSError) as error:
            raise zc.buildout.UserError(f"[{self.name}] {error}") from error
        return ()

    update = install


def read_options(buildout: Any, options: Any) -> IndexOptions:
    """Return the checked options of a part.

    :raises UsageError: one is unknown, missing or malformed.
    """
    given = {**DEFAULTS, **optionreading.given(options)}
    problems = optionreading.unknown(given, DEFAULTS)
    if not given["index"].strip():
        problems.append("the option index is missing")
    optionreading.refuse(problems)
    base = Path(buildout["buildout"]["directory"])

    def place(key: str) -> Path:
        return Path(base, given[key].strip()).resolve()

    request = IndexRequest(
        name=IndexName.parse(given["index"].strip()),
        requirements=_lines(given["requirements"]),
        constraints=_lines(given["constraints"]),
        extends=_optional(given["extends"], IndexName.parse),
        overrides=_lines(given["overrides"]),
        private=tuple(given["private"].split()),
        targets=tuple(given["targets"].split()),
        system_linked=_lines(given["system-linked"]),
    )
    return IndexOptions(
        request=request.checked(),
        software=SoftwareLayout(place("pool"), place("indexes"), place("store")),
        registry=given["registry"].strip(),
        sources=tuple(Path(base, text) for text in _lines(given["sources"])),
        build_index=_optional(given["build-index"], IndexName.parse),
        offline=buildout["buildout"].get("offline") == "true",
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _optional(text: str, parse: Callable[[str], IndexName]) -> IndexName | None:
    return parse(text.strip()) if text.strip() else None


def ensure(options: IndexOptions, reporter: Reporter) -> FrozenIndex:
    """Make sure that the index is there, frozen and complete; return it."""
    software = options.software
    if not software.index(options.request.name).lock_file.exists():
        return _freeze(options, reporter)
    index = FrozenIndex.load(software, options.request.name)
    if options.freezes:
        given = inheritance(software, options.request)
        refuse_other_request(index, options.request, given)
    if options.sources:
        publish_missing(software, index, options.sources, _backends(options), reporter)
    pool = Pool(software)
    wanted = fetch.needed_here(index.lock)
    source = fetch.source_of(index.lock, options.registry, offline=options.offline)
    fetch.fill(pool, wanted, source, reporter)
    materialise(software, index)
    return index


def _freeze(options: IndexOptions, reporter: Reporter) -> FrozenIndex:
    if not options.freezes:
        raise RefusedError(
            f"There is no index {options.request.name} in {options.software.indexes}, "
            "and the part does not say what to freeze.",
            "Correct the name or version, or give requirements or extends.",
        )
    if options.sources:
        publish_all(options.software, options.sources, _backends(options), reporter)
    upstream = "" if options.offline else options.registry or None
    return freeze(
        options.software, options.request, upstream=upstream, reporter=reporter
    ).index


def _backends(options: IndexOptions) -> Backends:
    if options.build_index is None:
        raise RefusedError(
            "sources are given, but not the index of their build backends.",
            "Set build-index, such as toolchain/1.",
        )
    index = FrozenIndex.load(options.software, options.build_index)
    return Backends(index, options.registry, options.offline)
