"""The disk that one more release takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.findings import MIB, PERCENT, Finding, Measurement, Result, at_most
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Buildout, Workshop

FIRST = "first release and its store"
MORE = "one more release: its tree"
CHANGED = "what is new in the store for it: the changed distributions"
ENVIRONMENT = "environment made by pip, for comparison"

_BLOCK = 512
_COMPARES = """\
The blocks that the file system has allocated for every inode, each inode counted \
once however many hard links it has. One more release is {second}, which changes \
{changed} of {count} distributions; what those bring is new, and counted apart."""

Inodes = Mapping[tuple[int, int], int]


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Build one release, count, build the next one, count again."""
    ready = shop.ready(software)
    buildout = Buildout(software, shop.folder(f"{software.name}-disk"))
    buildout.begin()
    found = []
    for index in (software.first, software.second):
        shop.progress.say(f"building {index} ...")
        buildout.run(index, shop.home)
        os.sync()
        found.append(blocks([buildout.store, buildout.site]))
    first = sum(found[0].values())
    store = blocks([buildout.store])
    new = {inode: size for inode, size in found[1].items() if inode not in found[0]}
    changed = sum(size for inode, size in new.items() if inode in store)
    more = sum(new.values()) - changed
    plain = sum(blocks([shop.environment(software)]).values())
    return Result(
        case=f"disk {software.name}",
        title=f"Disk for one more release of {software.title}",
        compares=_COMPARES.format(
            second=software.second, changed=software.changed, count=len(ready.wheels)
        ),
        measurements=tuple(
            Measurement(name, (size / 2**20,), MIB)
            for name, size in (
                (FIRST, first),
                (MORE, more),
                (CHANGED, changed),
                (ENVIRONMENT, plain),
            )
        ),
        findings=(
            Finding(
                "one more release, of the first one's disk",
                100 * more / first,
                PERCENT,
                at_most(5) if software.name != "quick" else None,
            ),
            Finding(
                "the same with the changed distributions",
                100 * (more + changed) / first,
                PERCENT,
            ),
        ),
    )


def blocks(roots: Sequence[Path]) -> Inodes:
    """Return the bytes on disk of every inode below *roots*, each inode once."""
    found: dict[tuple[int, int], int] = {}
    for root in roots:
        _count(found, os.lstat(root))
        for folder, folders, names in os.walk(root):
            for name in (*folders, *names):
                _count(found, os.lstat(f"{folder}/{name}"))
    return found


def _count(found: dict[tuple[int, int], int], state: os.stat_result) -> None:
    found[state.st_dev, state.st_ino] = state.st_blocks * _BLOCK
