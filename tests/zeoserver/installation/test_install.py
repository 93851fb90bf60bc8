"""What a buildout run writes, and what it never does."""

from __future__ import annotations

import dataclasses
import getpass
import grp
import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
from support.faults import killed_at
from support.workshop import Notes
from support.zeodeclared import declare

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import PrerequisiteError, RefusedError, UsageError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.declaration.model import Central, Tls
from karl.recipe.zeoserver.installation import accounts, scripts, served
from karl.recipe.zeoserver.installation.install import ensure
from karl.recipe.zeoserver.rendering import supervisorconf, zeoconf

LIVE = StorageState({43: CopyState(43, Status.LIVE, "init", 0.0)}, {"a": 43})


@pytest.fixture(autouse=True)
def _short_code(monkeypatch):
    """What code is copied is tested elsewhere; here it is one module."""
    code = {"karl/recipe/zeoserver/__init__.py": b"# short\n"}
    monkeypatch.setattr(scripts, "read_payload", code.copy)


@pytest.fixture
def central(place: Path) -> Central:
    return declare(place / "zc", acme={}, globex={})


def install(central: Central) -> Notes:
    """Install, and return what was told."""
    notes = Notes()
    ensure(central, notes)
    return notes


def seen(root: Path) -> dict[str, tuple[int, int, float]]:
    """Return everything below *root*, but the locks: inode, mode and time of change."""
    return {
        str(path.relative_to(root)): (found.st_ino, found.st_mode, found.st_ctime_ns)
        for path in sorted(root.rglob("*"))
        if "lock" not in path.relative_to(root).parts[-2:] and path.suffix != ".lock"
        for found in [path.lstat()]
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def serve(central: Central, name: str, state: StorageState = LIVE) -> None:
    """Have a storage served, as far as its state and its files say."""
    states.save(central.storage_places(name), state)
    for side, number in state.serving.items():
        text = supervisorconf.render_program(central, name, side)
        files.write(central.places.program(name, side), text)
        text = zeoconf.render(central, name, side, number, read_only=False)
        files.write(central.places.zeo_conf(name, side), text)
        central.storage_places(name).control(side).touch()


def test_everything_is_there(central):
    """Commands, configuration, units, folders: and the declaration reads back."""
    install(central)
    places = central.places
    for path in (places.zeoctl, places.runner, places.supervise):
        assert os.access(path, os.X_OK)
    for path in (places.supervisord_conf, places.crontab, places.logrotate):
        assert mode(path) == 0o644
    assert len(list(places.systemd.iterdir())) == 1 + 2 * 3 * 2
    assert Central.load(places) == central
    assert len(list(places.lib.iterdir())) == 1


def test_nobody_else_reads_databases_and_backups(central):
    """Folders are open to whom they should be, and are put right if they are not."""
    install(central)
    places = central.storage_places("acme")
    expected = {
        places.root: 0o755, places.databases: 0o700, places.control_folder: 0o700,
        places.repository.root: 0o700, places.run: 0o700, places.logs: 0o750,
    }  # fmt: skip
    assert {path: mode(path) for path in expected} == expected
    places.databases.chmod(0o777)
    install(central)
    assert mode(places.databases) == 0o700


def test_members_of_the_group_may_connect(central):
    """The folder of the sockets, and each new socket, belong to the group."""
    group = grp.getgrgid(os.getgid()).gr_name
    install(dataclasses.replace(central, socket_group=group))
    run = central.storage_places("acme").run
    assert mode(run) == 0o2750
    assert run.stat().st_gid == os.getgid()


def test_a_group_that_there_is_not(central):
    """An unknown group is told, and nothing is written."""
    with pytest.raises(PrerequisiteError, match="no group nobody-has-this"):
        install(dataclasses.replace(central, socket_group="nobody-has-this"))
    assert not central.places.root.exists()


def test_the_buildout_is_run_by_whom_the_servers_run_as(central):
    """Another user's files would be in the way; nothing is written."""
    install(dataclasses.replace(central, user=getpass.getuser()))
    other = dataclasses.replace(central, user="zeo", root=f"{central.root}2")
    with pytest.raises(RefusedError, match="servers run as zeo") as caught:
        install(other)
    assert "sudo -u zeo" in caught.value.tip
    assert not other.places.root.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_leaves_nothing_in_another_users_server(central):
    """Its owner could not change it any more."""
    install(central)
    os.chown(central.root, 12345, -1)
    with pytest.raises(RefusedError, match="belongs to 12345"):
        install(central)


def test_again_writes_nothing(central):
    """The same declaration writes nothing, not even the same bytes again."""
    install(central)
    for name in central.storages:
        serve(central, name)
    before = seen(central.places.root)
    notes = install(central)
    assert seen(central.places.root) == before
    assert notes.said == []
    assert [text for text in notes.warned if "give them" not in text] == []


def test_an_option_changes_its_files_alone(central):
    """Everything else stays, to the inode; what has no timer any more has no unit."""
    install(central)
    before = seen(central.places.root)
    changed = {"acme": {"backup-at": "never"}, "globex": {"keep": "9"}}
    notes = install(declare(central.root, **changed))
    assert any(
        "systemctl disable --now zc-backup-acme.timer" in text for text in notes.warned
    )
    after = seen(central.places.root)
    gone = {f"etc/systemd/zc-backup-acme.{kind}" for kind in ("service", "timer")}
    assert set(before) - set(after) == gone
    assert set(after) - set(before) == set()
    kept = set(before) - gone
    assert {path for path in kept if before[path] != after[path]} == {
        "etc", "etc/systemd", "etc/cron", "etc/cron/zeo-central",
        "etc/zeo-central.json",
    }  # fmt: skip


def test_units_of_others_stay(central):
    """A unit that an administrator put there is not ours to remove."""
    install(central)
    other = central.places.unit("zc-mine.service")
    other.write_text("")
    install(central)
    assert other.exists()


def test_a_dropped_storage_keeps_its_folder(central):
    """Who drops a storage from the buildout is told, and loses nothing."""
    install(central)
    states.save(central.storage_places("acme"), StorageState())
    data = central.storage_places("acme").copy(1).data
    data.parent.mkdir()
    data.write_text("precious")
    before = seen(central.storage_places("acme").root)
    notes = install(declare(central.root, globex={}))
    assert seen(central.storage_places("acme").root) == before
    assert any("Not declared any more: acme." in text for text in notes.warned)
    units = [path.name for path in central.places.systemd.iterdir()]
    assert not [name for name in units if "acme" in name]


def test_a_served_storage_cannot_be_dropped(central):
    """It would be served on without anybody who could stop or back it up."""
    install(central)
    for name in central.storages:
        serve(central, name)
    before = seen(central.places.root)
    with pytest.raises(RefusedError, match="still served: acme, globex") as caught:
        install(declare(central.root, other={}))
    assert "unserve" in caught.value.tip
    assert seen(central.places.root) == before


def test_a_change_of_a_served_storage_is_written_and_told(central):
    """Nothing is restarted behind the operator's back; until he does, he is told."""
    install(central)
    serve(central, "acme")
    changed = declare(central.root, acme={"zeo-address": "8100"}, globex={"keep": "1"})
    for _ in range(2):
        notes = install(changed)
        [told] = [text for text in notes.warned if "restart" in text]
        assert told.endswith("zeoctl restart acme")
    central.storage_places("acme").control("a").unlink()
    assert not [text for text in install(changed).warned if "restart" in text]
    serve(changed, "acme")
    assert not [text for text in install(changed).warned if "restart" in text]


def test_a_missing_certificate_is_told(central, place):
    """What a server will not start without is named already when it is declared."""
    key = place / "key.pem"
    tls = Tls("/etc/hosts", str(key), "/etc/hosts")
    declared = dataclasses.replace(central.storages["acme"], tls=tls)
    changed = dataclasses.replace(
        central, storages={**central.storages, "acme": declared}
    )
    told = f"{key} is missing; TLS of acme needs it to start."
    assert told in install(changed).warned
    key.touch()
    assert told not in install(changed).warned


def test_a_read_only_server_runs_as_declared(central):
    """Its mode is no option."""
    install(central)
    serve(central, "acme")
    text = zeoconf.render(central, "acme", "a", 43, read_only=True)
    central.places.zeo_conf("acme", "a").write_text(text)
    assert not [text for text in install(central).warned if "restart" in text]


def test_programs_of_served_copies_are_as_declared(central):
    """Another group means another umask: the program is written, and told."""
    install(central)
    serve(central, "acme")
    group = grp.getgrgid(os.getgid()).gr_name
    changed = dataclasses.replace(central, socket_group=group)
    program = central.places.program("acme", "a")
    notes = install(changed)
    assert "umask = 007" in program.read_text()
    assert any(text.endswith("zeoctl restart acme") for text in notes.warned)
    assert not central.places.program("acme", "b").exists()
    program.unlink()
    install(changed)
    assert "umask = 007" in program.read_text()


def test_a_busy_storage_keeps_its_programs(central, monkeypatch):
    """What another command may be changing is left alone, and that is told."""
    install(central)
    serve(central, "acme")
    program = central.places.program("acme", "a")
    program.unlink()
    monkeypatch.setattr(served, "PATIENCE", 0.0)
    with locked(central.storage_places("acme").lock, "back up acme"):
        notes = install(central)
    assert not program.exists()
    assert any("back up acme" in text for text in notes.warned)


def test_a_disk_that_is_not_mounted(central, place):
    """A folder for backups is made, but none above it, and never a second time."""
    missing = declare(place / "zc", {"backups": f"{place}/disk/{{storage}}"}, acme={})
    with pytest.raises(PrerequisiteError, match="disk is missing") as caught:
        install(missing)
    assert "mount" in caught.value.tip
    assert not central.places.root.exists()
    (place / "disk").mkdir()
    install(missing)
    assert mode(place / "disk" / "acme") == 0o700
    (place / "disk" / "acme").chmod(0o750)
    install(missing)
    assert mode(place / "disk" / "acme") == 0o750
    (place / "disk" / "acme").rmdir()
    with pytest.raises(PrerequisiteError, match="acme are, is missing") as caught:
        install(missing)
    assert "mount" in caught.value.tip
    assert not (place / "disk" / "acme").exists()


def test_commands_of_both_recipes_are_safe_from_each_other(central):
    """Each recipe removes its own old code, and never the other's."""
    site = SiteLayout(central.places.root)
    config = SiteConfig("zc")
    for _ in range(2):
        sitetools.install(site, config)
        install(central)
    assert len(list(central.places.lib.iterdir())) == 2
    (central.places.lib / "old").mkdir()
    install(central)
    names = {path.name for path in central.places.lib.iterdir()}
    assert len(names) == 2
    for command in (site.bin / "switch-version", central.places.zeoctl):
        assert any(name in command.read_text() for name in names)


def test_leftovers_of_others_stay(central):
    """Of a killed run only our own partial names go."""
    install(central)
    places = central.places
    ours = [
        places.bin / ".partial-zeoctl-0", places.etc / ".partial-zeo-central.json-0",
        places.lib / ".partial-abc-0", places.systemd / ".partial-zc.service-0",
    ]  # fmt: skip
    other = places.etc / ".partial-site.json-0"
    for path in (*ours, other):
        path.write_text("")
    install(central)
    assert [path for path in (*ours, other) if path.exists()] == [other]


def test_killed_before_each_change_the_next_run_finishes(place):
    """Whenever a run is killed, the next leaves what an undisturbed one leaves."""
    part = {"backups": f"{place}/disk/{{storage}}"}
    (place / "disk").mkdir()
    whole = declare(place / "whole" / "zc", part, acme={})
    install(whole)
    expected = {path: found[1] for path, found in seen(whole.places.root).items()}
    number, killed = 0, True
    while killed:
        number += 1
        shutil.rmtree(place / "disk" / "acme")
        central = declare(place / str(number) / "zc", part, acme={})
        killed = killed_at(number, lambda central=central: install(central))
        install(central)
        found = {path: one[1] for path, one in seen(central.places.root).items()}
        assert found == expected
        shutil.rmtree(central.places.root)
    assert number > 15


def test_who_owns_what_when_nobody_is_named(central):
    """Without the option, the servers run as whoever runs the buildout."""
    account = accounts.owner(central)
    assert account.user == getpass.getuser()
    install(central)
    unit = central.places.unit("zc.service").read_text()
    assert f"User={account.user}\nGroup={account.group}\n" in unit


def test_the_declaration_is_json(central):
    """Another program can read what is declared."""
    install(central)
    found = json.loads(central.places.declaration.read_text())
    assert sorted(found["storages"]) == ["acme", "globex"]


def software(central: Central) -> None:
    """Have this Python's environment be the live release."""
    python = central.places.release_python
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s "$@"\n')
    python.chmod(0o755)


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("zeo-conf-additional", "new-key 1", "new-key"),
        ("zeo-log-custom", "<logfile>\npath /x\nlevel loud\n</logfile>", "loud"),
        ("zeo-log-custom", "<nosuch>\n</nosuch>", "nosuch"),
    ],
)
def test_what_zeo_does_not_understand_is_refused(central, option, text, said):
    """Once there is a release, its ZEO judges further lines before they are used."""
    changed = declare(central.root, {option: text}, acme={}, globex={})
    install(central)
    software(central)
    before = seen(central.places.root)
    with pytest.raises(UsageError, match=f"acme: .*{said}.*globex: .*{said}"):
        install(changed)
    assert seen(central.places.root) == before


def test_what_zeo_understands_is_written(central, place):
    """Another log, and nothing else: no server's files are made by trying."""
    text = f"<logfile>\n  path {place}/central.log\n</logfile>"
    changed = declare(central.root, {"zeo-log-custom": text}, acme={}, globex={})
    install(central)
    software(central)
    install(changed)
    assert Central.load(central.places) == changed
    assert not (place / "central.log").exists()


def test_a_damaged_state_of_one_storage_is_told(central):
    """The others are installed as declared."""
    install(central)
    central.storage_places("acme").state.write_text("{}")
    serve(central, "globex")
    notes = install(declare(central.root, acme={}, globex={"zeo-address": "8100"}))
    assert any("state.json does not describe" in text for text in notes.warned)
    assert any(text.endswith("restart globex") for text in notes.warned)
