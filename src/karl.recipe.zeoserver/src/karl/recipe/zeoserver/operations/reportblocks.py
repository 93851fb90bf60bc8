"""What there is to see of a storage, and the page of the whole database server."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from karl.recipe.release.base import blocks, pages
from karl.recipe.release.base.blocks import PROBLEM, Block, moment
from karl.recipe.zeoserver.operations.words import megabytes, size_of, text_of

_SERVER_HEADS = ("Address", "Copy", "Mode", "Process", "Since", "Clients", "Where")
_COPY_HEADS = ("Copy", "Status", "Mode", "Address", "Data.fs", "Made", "From")
_CHAIN_HEADS = ("Chain", "Backups", "Last", "Data.fs", "Blobs", "Verified")
_STORAGE_HEADS = (
    "Database", "Copy", "Mode", "Data.fs", "Clients", "Last commit", "Last backup",
    "Attention",
)  # fmt: skip
_SITE_HEADS = (
    "Site", "Release", "Revision", "Mode", "Processes", "Last upgrade", "Attention",
)  # fmt: skip


def of_storage(found: Mapping[str, Any]) -> list[Block]:
    """Return what there is to see of a storage."""
    return [
        blocks.facts(_facts(found)),
        blocks.table("Servers", _SERVER_HEADS, map(_server_row, found["servers"])),
        blocks.chart("Size of Data.fs", _points(found["sizes"], "bytes")),
        blocks.chart("Size of the blobs", _points(found["sizes"], "blob_bytes")),
        blocks.table(
            "Backups", _CHAIN_HEADS, map(_chain_row, found["chains"]), numbers=(1, 3, 4)
        ),
        blocks.table(
            "Database copies",
            _COPY_HEADS,
            map(_copy_row, found["copies"]),
            numbers=(4,),
        ),
    ]


def page(found: Mapping[str, Any], *, refresh: int = 0) -> str:
    """Return the page for what :func:`reporting.of_central` has found.

    :param refresh: seconds after which a browser loads it again; 0: never.
    """
    storages, sites = found["storages"], found["sites"]
    made = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(found["made"]))
    parts = [
        pages.heading(1, f"{found['server']} on {found['host']}"),
        pages.paragraph(f"As it was at {made}. All times are of that zone.", "quiet"),
        pages.heading(2, "What needs attention"),
        pages.attention(all_attention(found)),
        *_section("Sites", "site", _SITE_HEADS, [(_site_row(e), e) for e in sites]),
        *_section(
            "Databases", "database", _STORAGE_HEADS,
            [(_storage_row(name, each), each) for name, each in storages.items()],
        ),
    ]  # fmt: skip
    return pages.document(f"{found['server']}: status", parts, refresh=refresh)


def all_attention(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, str]]]:
    """Return what needs attention, each with what it is about."""
    return [
        *((found["server"], item) for item in found["attention"]),
        *(
            (site["site"], item)
            for site in found["sites"]
            for item in site["attention"]
        ),
        *(
            (name, item)
            for name, storage in found["storages"].items()
            for item in storage["attention"]
        ),
    ]


def _section(
    title: str,
    word: str,
    heads: Sequence[str],
    rows: Sequence[tuple[Sequence[str], Mapping[str, Any]]],
) -> list[str]:
    """Return an overview, and a card for each that it leads to."""
    if not rows:
        return []
    anchors = [f"{word}-{number}" for number in range(1, len(rows) + 1)]
    cards = [
        _card(pages.heading(3, row[0], anchor), each)
        for anchor, (row, each) in zip(anchors, rows, strict=True)
    ]
    return [
        pages.heading(2, title),
        pages.overview(
            f"{title} at a glance", heads, [row for row, _ in rows], anchors
        ),
        f'<div class="cards">{"".join(cards)}</div>',
    ]


def _card(heading: str, found: Mapping[str, Any]) -> str:
    """Return all that there is of a storage or a site, what is wrong first."""
    items = [("", item) for item in found["attention"]]
    wrong = pages.attention(items) if items else ""
    body = pages.blocks(found["page"], 4)
    return f'<section class="card">{heading}\n{wrong}\n{body}</section>'


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    live, backup = found["live"] or {}, found["backup"] or {}
    serving = [server for server in found["servers"] if server["serves"]]
    return [
        ("Live copy", text_of(live.get("number"))),
        ("Mode", text_of(live.get("mode"))),
        ("Served on", ", ".join(server["side"] for server in serving) or "-"),
        ("Clients", text_of(live.get("clients"))),
        ("Data.fs", size_of(live.get("size"))),
        ("Objects", text_of(live.get("objects"))),
        ("Last commit", moment(live.get("time"))),
        ("Last backup", moment(backup.get("made"), "never")),
        ("Last pack", moment(live.get("packed"), "never")),
        ("Free for databases", size_of(found["free"])),
        ("Free for backups", size_of(found["free_for_backups"])),
        *([("Being done", found["doing"])] if found["doing"] else []),
    ]


def _server_row(server: Mapping[str, Any]) -> tuple[str, ...]:
    process = text_of(server["pid"])
    if server["pid"] is None:
        process = f"down ({server['process'] or 'not started'})"
    return (
        server["side"],
        str(server["number"]),
        text_of(server["mode"]),
        process,
        moment(server.get("since")),
        str(len(server["clients"])),
        server["address"],
    )


def _points(
    sizes: Sequence[Mapping[str, Any]], key: str
) -> list[tuple[float, float, str]]:
    """Return what is drawn; nothing if there never was anything."""
    known = [size for size in sizes if size[key] is not None]
    if not any(size[key] for size in known):
        return []
    return [
        (size["time"], size[key], f"{megabytes(size[key])} on {_day(size['time'])}")
        for size in known
    ]


def _chain_row(chain: Mapping[str, Any]) -> tuple[str, ...]:
    verified = moment(chain["verified"], "not yet")
    if chain["damage"]:
        verified = f"DAMAGED: {chain['damage']}"
    elif chain["drill"]:
        verified += ", restored"
    return (
        chain["chain"],
        str(chain["units"]),
        moment(chain["last"]),
        megabytes(chain["bytes"]),
        megabytes(chain["blob_bytes"]),
        verified,
    )


def _copy_row(copy: Mapping[str, Any]) -> tuple[str, ...]:
    origin = copy["origin"]
    if copy["source"] or copy["parent"]:
        origin += f" of {copy['source'] or copy['parent']}"
    if copy["withheld"]:
        origin += ", not scrubbed"
    return (
        str(copy["number"]),
        copy["status"],
        copy["mode"],
        text_of(copy["side"]),
        size_of(copy["size"]),
        moment(copy["made"]),
        origin,
    )


def _storage_row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    live, backup = found.get("live") or {}, found.get("backup") or {}
    return (
        name,
        text_of(live.get("number")),
        text_of(live.get("mode")),
        size_of(live.get("size")),
        text_of(live.get("clients")),
        moment(live.get("time")),
        moment(backup.get("made"), "never"),
        count(found["attention"]),
    )


def _site_row(found: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        found["site"],
        *(_word(found, "glance", key) for key in (
            "release", "revision", "mode", "processes", "upgrade",
        )),
        count(found["attention"]),
    )  # fmt: skip


def _word(found: Mapping[str, Any], *keys: str) -> str:
    """Return a value of an answer that may have any form."""
    value: Any = found
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return text_of(value)


def count(items: Sequence[Mapping[str, str]]) -> str:
    """Return how much needs attention, in words."""
    wrong = sum(item.get("level") == PROBLEM for item in items)
    others = len(items) - wrong
    told = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in ((wrong, "problem"), (others, "notice"))
        if number
    ]
    return ", ".join(told) or "none"


def _day(seconds: float) -> str:
    return moment(seconds)[:10]
