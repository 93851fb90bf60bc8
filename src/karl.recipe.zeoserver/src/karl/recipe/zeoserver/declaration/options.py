"""From the options of a buildout to what is declared; every error at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from karl.recipe.release.base import optionreading, optionvalues
from karl.recipe.release.base.errors import KarlError
from karl.recipe.zeoserver.declaration import (
    collisions,
    optionnames,
    storageoptions,
    values,
)
from karl.recipe.zeoserver.declaration.model import Central, StorageDeclaration
from karl.recipe.zeoserver.declaration.section import Section
from karl.recipe.zeoserver.layouts.central import RESERVED, CentralLayout

_NOWHERE = "/nowhere"


def read(buildout: Any, part: str, options: Any) -> Central:
    """Return what a part and the sections of its storages declare.

    Nothing is written, and no server is asked.

    :param part: name of the part.
    :param options: its options.
    :raises UsageError: tells everything that is wrong with them at once.
    """
    problems: list[str] = []
    base = Path(buildout["buildout"]["directory"])
    common = optionreading.given(options)
    whole = Section(part, common, part, {}, optionnames.PART, problems)
    for told in _unknown(common, optionnames.PART):
        whole.complain(told)
    root = _root(whole, base)
    storages = {
        name: _storage(buildout, part, common, name, (base, root), problems)
        for name in _names(whole, part)
    }
    found = Central(
        root=str(root.root),
        name=root.root.name,
        user=whole.read("user", optionvalues.account),
        socket_group=whole.read("socket-group", optionvalues.account),
        storages={name: each for name, each in storages.items() if each},
        sites=whole.read("sites", values.sites(base)),
    )
    problems += collisions.of(found)
    optionreading.refuse(problems)
    return found


def _unknown(given: Iterable[str], known: Iterable[str]) -> list[str]:
    return optionreading.unknown(given, known, optionnames.REASONS)


def _root(whole: Section, base: Path) -> CentralLayout:
    """Return the places of the server, by the real path of its root."""
    if not whole.text("root"):
        whole.complain("the option root is missing")
        return CentralLayout(Path(_NOWHERE))

    def parse(text: str) -> CentralLayout:
        if not text:
            return CentralLayout(Path(_NOWHERE))
        found = Path(
            optionvalues.quotable(os.path.realpath(optionvalues.path(base)(text)))
        )
        optionvalues.site_name(found.name)
        return CentralLayout(found)

    return whole.read("root", parse)


def _names(whole: Section, part: str) -> list[str]:
    """Return the names of storages that can be; complain about others."""
    given = whole.text("storages").split()
    if not given:
        whole.complain("the option storages names no section")
    for name in sorted({name for name in given if given.count(name) > 1}):
        whole.complain(f"storages names {name} more than once")
    found = []
    for name in dict.fromkeys(given):
        try:
            optionvalues.storage(name)
        except KarlError as error:
            whole.complain(f"storages: {name!r} cannot be a name: {error.message}")
            continue
        if name in RESERVED or name in {part, "buildout"}:
            whole.complain(f"storages: {name!r} cannot be a name: it is reserved")
            continue
        found.append(name)
    return found


def _storage(
    buildout: Any,
    part: str,
    common: Mapping[str, str],
    name: str,
    where: tuple[Path, CentralLayout],
    problems: list[str],
) -> StorageDeclaration | None:
    """Return one storage, unless there is no section of its name."""
    try:
        own = optionreading.given(buildout[name])
    except KeyError:
        problems.append(f"[{part}] storages: there is no section [{name}]")
        return None
    section = Section(name, own, part, common, optionnames.STORAGE, problems)
    for told in _unknown(own, optionnames.STORAGE):
        section.complain(told)
    return storageoptions.read(section, *where)
