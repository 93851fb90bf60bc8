"""The integrity checker of a site: what must hold after whatever happened."""

from __future__ import annotations

import json
import os

from karl.recipe.release.base.files import sha256_of
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.sites import recovery, revisions
from karl.recipe.release.sites.sitestate import observe
from karl.recipe.release.trees.verification import verify


def check_live(site: SiteLayout) -> int:
    """Assert what holds at every instant, also right after a kill.

    :returns: the number of the live revision.
    """
    number = revisions.current_number(site)
    assert number is not None, "current is missing"
    assert site.current.resolve(strict=True) == site.revision(number).root.resolve()
    revision = revisions.load(site, number)
    release = site.release(revision.release)
    through = (site.current / "release").resolve(strict=True)
    assert through == release.root.resolve()
    assert sha256_of(release.manifest) == revision.release_sha256
    assert not verify(release, full=True)
    for one in site.revision(number).root.iterdir():
        assert one.is_symlink() or not one.stat().st_mode & 0o222
    assert not site.revision(number).root.stat().st_mode & 0o222
    return number


def check_settled(site: SiteLayout) -> None:
    """Assert what holds when no run is under way and none was killed."""
    live = check_live(site)
    state = observe(site)
    assert not state.damaged
    assert not list(recovery.leftovers(site)), "leftovers"
    assert not list(site.root.rglob(".partial-*")), "leftovers"
    check_log(site, live)
    written = [run for run in state.history.runs if run.action in {"switch", "prepare"}]
    numbers = [run.revision for run in written]
    assert len(numbers) == len(set(numbers)), "a number was used twice"
    assert set(state.numbers) <= set(state.history.written), "an unrecorded revision"
    for number, revision in state.revisions.items():
        assert state.history.written[number].previous == revision.previous
        assert site.release(revision.release).manifest.is_file()


def check_log(site: SiteLayout, live: int) -> None:
    """Assert that every intent has its outcome and that the last one is true."""
    history = observe(site).history
    assert not history.unfinished
    assert history.live[-1].revision == live
    keys: dict[str, list[str]] = {}
    for line in site.revision_log.read_text().splitlines():
        if line.strip():
            entry = json.loads(line)
            keys.setdefault(entry["run"], []).append(entry["event"])
    assert all(events == ["intent", "outcome"] for events in keys.values()), keys


def snapshot(site: SiteLayout) -> dict[str, tuple[int, int, bytes | str]]:
    """Return all that a site consists of, to compare; locks left out."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for folder, folders, names in os.walk(site.root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content: bytes | str = ""
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path) and not path.endswith(".lock"):
                with open(path, "rb") as stream:
                    content = stream.read()
            kind = (status.st_mode, status.st_ino, content)
            if not path.endswith(".lock"):
                found[path] = kind
    return found
