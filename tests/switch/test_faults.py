"""Each change of each command fails in turn, and each is killed in turn."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faults import Fault, killed_at
from support.siteinvariants import check_live, check_settled
from support.sites import ROUNDS, build_site, make_release

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError, UnfinishedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.sites import prune, revisions, smallchanges, switch
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.sitestate import observe
from karl.recipe.release.sites.switchplan import SwitchRequest


def _switch(site: SiteLayout) -> None:
    switch.switch(site, SwitchRequest("switch", "1.3"))


def _rollback(site: SiteLayout) -> None:
    switch.switch(site, SwitchRequest("rollback"))


def _prepare(site: SiteLayout) -> None:
    switch.switch(site, SwitchRequest("prepare", "1.3"))


def _activate(site: SiteLayout) -> None:
    switch.switch(site, SwitchRequest("activate", to=4))


def _discard(site: SiteLayout) -> None:
    smallchanges.make(site, smallchanges.CHANGES["discard"], 4)


def _prune(site: SiteLayout) -> None:
    prune.prune(site, 1, execute=True)


def _pin(site: SiteLayout) -> None:
    smallchanges.make(site, smallchanges.CHANGES["pin"], 1)


def _unpin(site: SiteLayout) -> None:
    smallchanges.make(site, smallchanges.CHANGES["unpin"], 2)


COMMANDS: dict[str, Callable[[SiteLayout], None]] = {
    "switch": _switch,
    "rollback": _rollback,
    "prepare": _prepare,
    "activate": _activate,
    "discard": _discard,
    "prune": _prune,
    "pin": _pin,
    "unpin": _unpin,
}


def _no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site at revision 3 of 3, with a prepared revision 4 and a pin."""
    root = tmp_path_factory.mktemp("built") / "acme-prod"
    site = build_site(root)
    for version in ROUNDS:
        switch.switch(site, SwitchRequest("switch", version))
    switch.switch(site, SwitchRequest("prepare", "1.1"))
    make_release(site, "1.3")
    smallchanges.make(site, smallchanges.CHANGES["pin"], 2)
    return root


@pytest.fixture
def fresh(built: Path, tmp_path: Path) -> Callable[[int], SiteLayout]:
    """Give a new copy of that site for each fault."""

    def copy(number: int) -> SiteLayout:
        root = tmp_path / str(number) / "acme-prod"
        shutil.copytree(built, root, symlinks=True)
        return SiteLayout(root)

    return copy


def _next_run_succeeds(site: SiteLayout, name: str) -> None:
    """Run the command again; what is done already may be refused."""
    try:
        COMMANDS[name](site)
    except KarlError:
        if name not in {"activate", "rollback", "discard"}:
            raise
    _settle(site)
    check_settled(site)


def _settle(site: SiteLayout) -> None:
    """Switch to another binding: works whatever was left."""
    binding = revisions.Binding("settled", "settled")
    assert switch.switch(site, SwitchRequest("switch", "1.3", binding=binding)).changed


@pytest.mark.parametrize("name", COMMANDS)
def test_each_failing_change_leaves_the_site_whole(name, fresh, monkeypatch):
    """Whichever write fails, the site is whole and the next run succeeds."""
    number = 0
    while True:
        number += 1
        site = fresh(number)
        before = check_live(site)
        fault = Fault(number, _no_space)
        monkeypatch.setattr(files, "seam", fault)
        try:
            COMMANDS[name](site)
        except (OSError, KarlError):
            assert fault.fired
        monkeypatch.setattr(files, "seam", lambda action, path: None)
        if not fault.fired:
            break
        live = check_live(site)
        assert live in {before, 4, 5} if name != "rollback" else {before, 2}
        _next_run_succeeds(site, name)
    assert number > 2


def _killed(number: int, name: str, site: SiteLayout) -> bool:
    """Run a command in a child that is killed at a change; tell if it was."""
    return killed_at(number, lambda: COMMANDS[name](site))


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_before_each_change_the_site_is_whole(name, fresh):
    """SIGKILL before any change: current is right, the next run repairs."""
    number = 1
    while _killed(number, name, site := fresh(number)):
        check_live(site)
        _next_run_succeeds(site, name)
        number += 1
    assert number > 2


def test_a_killed_switch_is_told_and_settled(built, fresh, monkeypatch):
    """The revision of a switch that never took effect goes; its number stays used."""
    site = fresh(1)

    class Killed(BaseException):
        pass

    def killed(action: str, path: Path) -> None:
        if path == site.current:
            raise Killed

    monkeypatch.setattr(files, "seam", killed)
    monkeypatch.setattr(switch.Switching, "_undo", lambda *args: None)
    with pytest.raises(Killed):
        _switch(site)
    monkeypatch.undo()
    assert revisions.numbers(site) == (1, 2, 3, 4, 5)
    _switch(site)
    assert revisions.numbers(site) == (1, 2, 3, 4, 6)
    check_settled(site)


def test_a_failure_is_settled_at_once(fresh, monkeypatch):
    """A failing switch removes its revision itself and records that it failed."""
    site = fresh(1)

    def fail(action: str, path: Path) -> None:
        if path == site.current:
            _no_space()

    monkeypatch.setattr(files, "seam", fail)
    with pytest.raises(OSError, match="No space"):
        _switch(site)
    assert revisions.numbers(site) == (1, 2, 3, 4)
    last = observe(site).history.runs[-1]
    assert (last.revision, last.result) == (5, "failed")
    assert "No space" in last.details["error"]


def test_a_failure_just_after_the_rename_says_that_it_is_live(fresh, monkeypatch):
    """What fails between the rename and the end is exit code 6, not a plain error."""
    site = fresh(1)
    real = files.fsync_directory

    def fail(path: Path) -> None:
        if path == site.root:
            _no_space()
        real(path)

    monkeypatch.setattr(files, "fsync_directory", fail)
    with pytest.raises(UnfinishedError, match="--rollback --to 3"):
        _switch(site)
    assert check_live(site) == 5


@pytest.mark.parametrize("kind", ["revision", "release"])
def test_what_is_half_removed_has_no_name_that_counts(fresh, monkeypatch, kind):
    """A removal that stops in the middle leaves only what the next run removes."""
    site = fresh(1)

    def half(path: Path) -> None:
        next(one for one in Path(path).rglob("*") if one.is_file()).unlink()
        _no_space()

    monkeypatch.setattr(shutil, "rmtree", half)
    if kind == "release":
        prune.remove_release(site, "1.3", SilentReporter())
        assert not site.release("1.3").root.exists()
        monkeypatch.undo()
        make_release(site, "1.3")
    else:
        with pytest.raises(OSError, match="No space"):
            _discard(site)
        assert revisions.numbers(site) == (1, 2, 3)
        monkeypatch.undo()
    _settle(site)
    check_settled(site)


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
def test_a_full_disk_changes_nothing(tmp_path):
    """On a file system without a free block a switch fails and leaves all as it was."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        site = build_site(small / "acme-prod")
        make_release(site, "1.3")
        switch.switch(site, SwitchRequest("switch", "1.0"))
        filler = small / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", 0) as stream:
            while True:
                stream.write(b"x" * 4096)
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                _switch(site)
            assert check_live(site) == 1
        filler.unlink()
        _switch(site)
        check_settled(site)
    finally:
        subprocess.run(["umount", small], check=True)


def test_settings_of_the_fixture_are_those_of_the_site(built):
    """The copied site is read like any other."""
    assert SiteConfig.load(SiteLayout(built)).site == "acme-prod"
