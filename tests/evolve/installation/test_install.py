"""What a buildout run writes, and what it never does."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.faults import Fault, killed_at
from support.servedsites import declare
from support.workshop import Notes

from karl.recipe.evolve.declaration.model import CronJob, Refresh, SiteDeclaration
from karl.recipe.evolve.installation import scripts
from karl.recipe.evolve.installation.install import ensure
from karl.recipe.evolve.modes.state import Mode
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import PrerequisiteError, RefusedError
from karl.recipe.release.base.payload import base_interpreter
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig


@pytest.fixture
def short_code(monkeypatch):
    """What code is copied is tested elsewhere; here it is one module."""
    code = {"karl/recipe/evolve/__init__.py": b"# short\n"}
    monkeypatch.setattr(scripts, "read_payload", code.copy)


@pytest.fixture
def site(place: Path) -> SiteDeclaration:
    """A declared site; nothing of it is there."""
    return declare(place / "acme-prod")


def install(site: SiteDeclaration, page: Path | None = None) -> Notes:
    """Install, and return what was told."""
    notes = Notes()
    ensure(site, page, notes)
    return notes


def seen(root: Path) -> dict[str, tuple[int, int, float]]:
    """Return everything below *root*, but the locks: inode, mode and time of change."""
    return {
        str(path.relative_to(root)): (found.st_ino, found.st_mode, found.st_ctime_ns)
        for path in sorted(root.rglob("*"))
        if "lock" not in path.relative_to(root).parts[-2:] and path.suffix != ".lock"
        for found in [path.lstat()]
    }


def changed(site: SiteDeclaration, **serving) -> SiteDeclaration:
    """Return the site with other options."""
    return dataclasses.replace(
        site, serving=dataclasses.replace(site.serving, **serving)
    )


def test_everything_is_there(site):
    """Commands, configuration, folders and the mode file."""
    install(site)
    places = site.places
    commands = sorted(path.name for path in places.bin.iterdir())
    assert commands == ["evolve", "evolve-run", "site", "site-supervise", "site-worker"]
    assert all(os.access(path, os.X_OK) for path in places.bin.iterdir())
    assert json.loads(places.mode.read_text())["mode"] == "normal"
    assert places.supervisord_conf.is_file()
    assert places.crontab.is_file()
    assert stat.S_IMODE(places.run.stat().st_mode) == 0o751
    assert SiteDeclaration.load(places) == site


def test_only_a_site_that_gets_data_can_be_refreshed(site):
    """The command is there while the buildout says whose data come, and no longer."""
    refreshed = dataclasses.replace(site, refresh=Refresh("acme-live", ()))
    install(refreshed)
    command = site.places.refresh_command
    told = subprocess.run([command, "--help"], capture_output=True, check=True)
    assert b"refresh-staging" in told.stdout
    assert SiteDeclaration.load(site.places) == refreshed
    install(site)
    assert not command.exists()


def test_again_writes_nothing(site):
    """The same declaration writes nothing, not even the same bytes again."""
    install(site)
    before = seen(site.places.root)
    notes = install(site)
    assert seen(site.places.root) == before
    assert notes.said == []


@pytest.mark.usefixtures("short_code")
def test_an_option_changes_its_files_alone(site):
    """What does not depend on an option stays as it is."""
    install(site)
    before = seen(site.places.root)
    install(dataclasses.replace(site, cron=(CronJob("@daily", ("x",)),)))
    after = seen(site.places.root)
    different = {path for path in before if after[path] != before[path]}
    assert different == {"etc", "etc/upgrade.json", "etc/cron", "etc/cron/site"}


@pytest.mark.usefixtures("short_code")
def test_state_stays(site):
    """A mode, an inhibition, logs and whatever else is of the site stay."""
    install(site)
    places = site.places
    places.mode.write_text(Mode("maintenance").to_text())
    for path in (
        places.inhibit, places.logs / "x.log", places.bin / "mine", places.etc / "x",
        places.unit("mine.service"), places.etc / "cron" / "mine",
        places.site.var / "upgrades" / "1" / "journal.jsonl",
    ):  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
    before = {
        path: path.read_bytes()
        for path in places.root.rglob("*")
        if path.is_file() and b"precious" in path.read_bytes()
    }
    assert len(before) == 7
    install(changed(site, control="systemd", workers=5))
    install(site)
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads(places.mode.read_text())["mode"] == "maintenance"


@pytest.mark.usefixtures("short_code")
def test_another_control(site):
    """What belongs to the control that is not used any more goes."""
    install(site)
    install(changed(site, control="systemd"))
    places = site.places
    assert not places.supervisord_conf.exists()
    assert not places.supervise_command.exists()
    units = sorted(path.name for path in places.systemd.iterdir())
    assert units == ["acme-prod.socket", "acme-prod.target", "acme-prod@.service"]
    install(site)
    assert [path.name for path in places.systemd.iterdir()] == ["acme-prod.service"]


@pytest.mark.usefixtures("short_code")
def test_the_customers_page(site, place):
    """The page is copied, so that it outlives the checkout."""
    page = place / "page.html"
    own = changed(site, mode_page=str(site.places.mode_page))
    with pytest.raises(PrerequisiteError, match=r"page\.html"):
        install(own, page)
    assert not site.places.root.exists()
    page.write_text("<p>own</p>")
    install(own, page)
    assert site.places.mode_page.read_text() == "<p>own</p>"
    install(site)
    assert not site.places.mode_page.exists()


def test_another_user(site):
    """What one user writes, another could not change."""
    install(changed(site, user=getpass.getuser()))
    other = changed(declare(site.places.root.parent / "other"), user="nobody")
    with pytest.raises(RefusedError, match="runs as nobody"):
        install(other)
    assert not other.places.root.exists()


def test_beside_switch_version(site):
    """Neither recipe removes the code of the other's commands."""
    for _ in range(2):
        sitetools.install(site.places.site, SiteConfig("acme-prod"))
        install(site)
    for words in (["switch-version", "--list"], ["site", "mode"]):
        command = [site.places.bin / words[0], *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert len(list(site.places.lib.iterdir())) == 2


def test_commands_need_no_checkout(site):
    """All that a generated command imports is in the site, whatever is installed."""
    install(site)
    (lib,) = site.places.lib.iterdir()
    code = (
        f"import sys; sys.path.insert(0, {str(lib)!r})\n"
        "import karl.recipe.evolve.serving.command\n"
        "import karl.recipe.evolve.serving.supervisor\n"
        "import karl.recipe.evolve.serving.systemd\n"
        "import karl.recipe.evolve.serving.worker\n"
        "import karl.recipe.evolve.serving.launching\n"
    )
    done = subprocess.run(
        [base_interpreter(), "-IS", "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_moved_code(site):
    """A command whose code is gone says what to do."""
    install(site)
    (lib,) = site.places.lib.iterdir()
    files.remove_tree(lib)
    done = subprocess.run(
        [site.places.site_command, "mode"], capture_output=True, check=False
    )
    assert done.returncode == 3
    assert b"Run the site's buildout again" in done.stderr


def test_evolve_run_without_a_release(site):
    """Without software there is one clear error."""
    install(site)
    done = subprocess.run(
        [site.places.evolve_run_command, "--json"], capture_output=True, check=False
    )
    assert done.returncode == 3
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["event"], line["exit"]) == ("error", 3)
    assert "switch-version" in line["next"]


@pytest.mark.usefixtures("short_code")
def test_killed_before_each_change_the_next_run_finishes(place):
    """Whenever a run is killed, the next leaves what an undisturbed one leaves."""
    whole = declare(place / "whole" / "acme-prod")
    install(whole)
    expected = {path: found[1] for path, found in seen(whole.places.root).items()}
    number, killed = 0, True
    while killed:
        number += 1
        site = declare(place / str(number) / "acme-prod")
        killed = killed_at(number, lambda site=site: install(site))
        install(site)
        found = {path: one[1] for path, one in seen(site.places.root).items()}
        assert found == expected
        shutil.rmtree(site.places.root)
    assert number > 20


@pytest.mark.usefixtures("short_code")
def test_a_full_disk(place, monkeypatch):
    """Whatever change fails, no file is half written."""
    number, failed = 0, True
    site = declare(place / "acme-prod")

    def fail() -> None:
        raise OSError(28, "No space left on device")

    while failed:
        number += 1
        with monkeypatch.context() as patch:
            patch.setattr(files, "seam", Fault(number, fail))
            try:
                install(site)
                failed = False
            except OSError:
                pass
        for path in (site.places.declaration, site.places.mode):
            assert not path.exists() or json.loads(path.read_text())
        shutil.rmtree(site.places.root, ignore_errors=True)


def test_a_running_supervisor(site, place):
    """The configuration of a supervisord that runs is not taken away."""
    import sys

    install(site)
    with subprocess.Popen([
        sys.executable, "-c",
        ("from supervisor.supervisord import main\n"
        f"main(['-n', '-c', {str(supervisord_conf(site))!r}])"),
    ]) as process:  # fmt: skip
        try:
            while not site.places.supervisor_socket.exists():
                assert process.poll() is None
            with pytest.raises(RefusedError, match="still runs"):
                install(changed(site, control="systemd"))
            assert site.places.supervisord_conf.exists()
        finally:
            process.terminate()
    install(changed(site, control="systemd"))


def supervisord_conf(site: SiteDeclaration) -> Path:
    """Write a configuration of supervisord that runs nothing."""
    path = site.places.root / "idle.conf"
    text = site.places.supervisord_conf.read_text()
    path.write_text(text.replace("autostart = true", "autostart = false"))
    return path
