"""From the options of a buildout to how rollouts are made; every error at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration import values
from karl.recipe.evolve.declaration.reading import Reading
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.release.base import optionreading, optionvalues
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import IndexName, checked_label

#: Every option of the part.
DEFAULTS: Mapping[str, str] = {
    "root": "",
    "source": "",
    "folder": "",
    "tag": "{version}",
    "index": "",
    "extends": "",
    "build-index": "toolchain/1",
    "registry": "",
    "base": "",
    "pool": "",
    "indexes": "",
    "buildout": "",
    "version-option": "site:version",
    "url": "",
    "host": "",
    "ssh": "ssh -o BatchMode=yes -o ServerAliveInterval=15 -o ServerAliveCountMax=4",
    "remote-base": "",
    "remote-root": "",
}

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[A-Za-z0-9_.@-]+:")
_TAG = re.compile(r"[A-Za-z0-9._/@+{}-]+\Z")
_HOST = re.compile(r"[A-Za-z0-9_.@:%\[\]-]+\Z")
_OPTION = re.compile(r"[^\s:=\[\]]+:[^\s:=\[\]]+\Z")
_HTTP = re.compile(r"https?://[^\s]+\Z")


def read(buildout: Any, part: str, options: Any) -> Rollouts:
    """Return what a part declares.  Nothing is written, and nobody is asked.

    :param part: name of the part.
    :param options: its options.
    :raises UsageError: tells everything that is wrong with them at once.
    """
    directory = Path(buildout["buildout"]["directory"])
    reading = Reading(optionreading.given(options), directory, DEFAULTS)
    found = _declared(reading)
    reading.refuse()
    return found


def _declared(reading: Reading) -> Rollouts:
    read, base = reading.read, reading.base
    for needed in ("root", "source", "index"):
        if not reading.text(needed):
            reading.complain(f"the option {needed} is missing")
    root = read("root", values.root(base)) or "/nowhere/site"
    checkout = read("base", optionvalues.path(base)) or str(base.parent)
    name = Path(root).name
    host = read("host", _host)
    remote_base = read("remote-base", _absolute)
    if host and not remote_base:
        reading.complain("host needs remote-base: the checkout on that machine")
    return Rollouts(
        root=root,
        source=read("source", _source(base)),
        tag=read("tag", _tag),
        folder=read("folder", _below),
        index=read("index", _label),
        extends=read("extends", _index),
        build_index=read("build-index", _index),
        registry=read("registry", optionvalues.line),
        base=checkout,
        pool=read("pool", optionvalues.path(base)) or f"{checkout}/pool",
        indexes=read("indexes", optionvalues.path(base)) or f"{checkout}/indexes",
        buildout=read("buildout", _below) or f"buildouts/{name}.cfg",
        version_option=read("version-option", _option),
        url=read("url", _http),
        host=host,
        ssh=read("ssh", values.command),
        remote_base=remote_base,
        remote_root=read("remote-root", _absolute) or f"{remote_base}/sites/{name}",
    )


def _source(base: Path) -> Any:
    """Return what reads where a git repository is."""

    def read_source(text: str) -> str:
        if text.startswith("-"):
            raise UsageError("a repository cannot begin with -")
        if _URL.match(text):
            return optionvalues.line(text)
        return optionvalues.path(base)(text)

    return read_source


def _tag(text: str) -> str:
    if "{version}" not in text:
        raise UsageError("it lacks {version}, which the version takes the place of")
    if not _TAG.match(text) or text.startswith("-"):
        raise UsageError("it cannot be a tag")
    return text


def _below(text: str) -> str:
    """Read a path below a folder."""
    parts = Path(optionvalues.line(text)).parts
    if text.startswith(("/", "-")) or ".." in parts:
        raise UsageError("it is to be below the folder: a relative path without ..")
    return "/".join(parts)


def _absolute(text: str) -> str:
    found = optionvalues.line(text).rstrip("/")
    if text and (not found.startswith("/") or ".." in Path(found).parts):
        raise UsageError("it is a path on another machine: write it in full")
    return found


def _label(text: str) -> str:
    return checked_label(text) if text else ""


def _index(text: str) -> str:
    return str(IndexName.parse(text)) if text else ""


def _option(text: str) -> str:
    if not _OPTION.match(text):
        raise UsageError("it is not of the form section:option")
    return text


def _host(text: str) -> str:
    if text and (not _HOST.match(text) or text.startswith("-")):
        raise UsageError("it cannot be the name of a machine")
    return text


def _http(text: str) -> str:
    if text and not _HTTP.match(text):
        raise UsageError("it does not begin with http:// or https://")
    return text
