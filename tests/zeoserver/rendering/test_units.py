"""Units, timers and log rotation, checked by the programs that use them."""

from __future__ import annotations

import getpass
import grp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.zeodeclared import declare

from karl.recipe.zeoserver.declaration import schedules
from karl.recipe.zeoserver.declaration.model import Account, Central
from karl.recipe.zeoserver.rendering import cron, logrotate, systemd, timers

ME = Account(getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)

ANALYZE = shutil.which("systemd-analyze")
LOGROTATE = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
needs_logrotate = pytest.mark.skipif(LOGROTATE is None, reason="no logrotate here")

#: Folders above the root.
ODD = ["plain", "a b $d", "käse;a#b"]

TIMES = [
    ("hourly :05", "*-*-* *:05:00", "5 * * * *"),
    ("daily 1:30", "*-*-* 01:30:00", "30 1 * * *"),
    ("Sun 00:00", "Sun *-*-* 00:00:00", "0 0 * * 0"),
    ("Mon,Sun,Sat 23:59", "Mon,Sat,Sun *-*-* 23:59:00", "59 23 * * 0,1,6"),
]


def central_in(root: Path, **storages) -> Central:
    """Return a declaration whose commands are there, and tell their arguments."""
    central = declare(root, **(storages or {"acme": {}, "globex": {}}))
    for path in (central.places.zeoctl, central.places.supervise):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$0" "$@" >> {root.parents[1]}/ran\n')
        path.chmod(0o755)
    return central


@pytest.mark.parametrize(("text", "calendar", "times"), TIMES)
def test_schedules(text, calendar, times):
    """A time means the same to systemd and to cron."""
    schedule = schedules.parse(text)
    assert systemd.calendar(schedule) == calendar
    assert cron.times(schedule) == times


@needs_systemd
@pytest.mark.parametrize("calendar", [row[1] for row in TIMES])
def test_systemd_reads_the_times(calendar):
    """systemd-analyze takes each for a time, and for its own way to write it."""
    done = subprocess.run(
        [ANALYZE, "calendar", calendar], capture_output=True, text=True, check=True
    )
    assert f"Normalized form: {calendar}" in done.stdout


@needs_systemd
@pytest.mark.parametrize("name", ODD)
def test_systemd_finds_nothing_wrong(place, name):
    """systemd-analyze verify is silent about every unit."""
    central = central_in(
        place / name / "zeo-central",
        acme={"backups": "/back\\ups of 'a' \"b\" 100%n $x/{storage}"},
        globex={},
    )
    units = systemd.render(central, ME)
    folder = place / "units"
    folder.mkdir()
    for unit, text in units.items():
        (folder / unit).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [ANALYZE, "verify", "--recursive-errors=no",
         *sorted(str(path) for path in folder.iterdir())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.stdout, done.returncode) == ("", "", 0)


@needs_systemd
def test_systemd_would_tell_of_a_missing_command(place):
    """The check above means something: without the commands it fails."""
    central = declare(place / "zc", acme={})
    unit = place / "zc.service"
    unit.write_text(systemd.render(central, ME)["zc.service"])
    done = subprocess.run([ANALYZE, "verify", unit], capture_output=True, check=False)
    assert b"zeo-supervise" in done.stderr
    assert done.returncode != 0


def test_a_failure_of_one_storage_does_not_stop_another():
    """Each storage has a unit and a timer of its own for each verb."""
    central = declare(
        "/zc", {"pack-at": "never"}, acme={}, globex={"backup-at": "never"}
    )
    assert sorted(systemd.render(central, ME)) == [
        "zc-backup-acme.service", "zc-backup-acme.timer",
        "zc-verify-backup-acme.service", "zc-verify-backup-acme.timer",
        "zc-verify-backup-globex.service", "zc-verify-backup-globex.timer",
        "zc.service",
    ]  # fmt: skip
    text = systemd.render(central, ME)["zc-backup-acme.service"]
    assert 'ExecStart=":/zc/bin/zeoctl" backup acme --quiet --wait 3600\n' in text


def test_every_timer_is_a_verb_of_zeoctl():
    """What timers run is what there is."""
    from karl.recipe.zeoserver.commands.zeoctl import VERBS

    assert set(timers.VERBS) <= set(VERBS)


def test_units_that_are_ours_are_known():
    """Those that were written for a storage that is gone can be told from others."""
    central = declare("/zc", acme={})
    units = set(systemd.render(central, ME)) - {"zc.service"}
    assert all(systemd.is_ours(central, unit) for unit in units)
    for other in (
        "zc.service",
        "zc-mine.service",
        "zc2-backup-acme.timer",
        "ssh.service",
    ):
        assert not systemd.is_ours(central, other)


def test_the_system_is_closed_to_writing_unless_the_root_is_in_it(place):
    """No option of systemd's keeps a server from its own files."""
    usual = systemd.render(declare("/srv/zc", acme={}), ME)["zc.service"]
    assert "ProtectSystem=full\n" in usual
    for given in ({"root": "/usr/local/zc"}, {"root": "/x/zc", "backups": "/etc/b"}):
        found = declare("", given, acme={})
        assert "ProtectSystem" not in systemd.render(found, ME)["zc.service"]
    # A mount of its own for a folder would forbid links from and to it.
    assert not re.search("ReadWrite|Bind|Protect(Home|System=strict)", usual)


@pytest.mark.parametrize("name", ODD)
def test_cron_runs_the_same(place, name):
    """Each line is five fields, the user, and a command that the shell can run."""
    central = central_in(place / name / "zc", acme={"pack-at": "never"})
    [first, second] = [
        line for line in cron.render(central, ME).splitlines()
        if line[0].isdigit()
    ]  # fmt: skip
    for line in (first, second):
        *times, user, command = line.split(" ", 6)
        assert len(times) == 5
        assert user == ME.user
        assert not re.search(r"(?<!\\)%", command)
        subprocess.run(["/bin/sh", "-c", command.replace(r"\%", "%")], check=True)
    [boot] = [line for line in cron.render(central, ME).splitlines() if line[0] == "@"]
    _, user, command = boot.split(" ", 2)
    subprocess.run(["/bin/sh", "-c", command.replace(r"\%", "%")], check=True)
    zeoctl = central.places.zeoctl
    assert (place / "ran").read_text().splitlines() == [
        f"{zeoctl} backup acme --quiet --wait 3600",
        f"{zeoctl} verify-backup acme --quiet",
        f"{zeoctl} start --all --quiet",
    ]


def rotate(central: Central, place: Path, *options: str):
    """Run logrotate with the generated file."""
    conf = place / "logrotate.conf"
    conf.write_text(logrotate.render(central, ME), encoding="utf-8")
    conf.chmod(0o644)
    return subprocess.run(
        [LOGROTATE, "--state", place / "state", *options, conf],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_logrotate
@pytest.mark.parametrize("name", ODD)
def test_logrotate_finds_nothing_wrong(place, name):
    """logrotate -d knows every log, and has no complaint."""
    central = declare(place / name / "zc", acme={}, globex={})
    for storage in central.storages:
        central.storage_places(storage).logs.mkdir(parents=True)
    done = rotate(central, place, "-d")
    assert done.returncode == 0, done.stderr
    assert not re.search("^(error|warning)", done.stderr.replace(
        "warning: logrotate in debug mode", ""), re.MULTILINE), done.stderr  # fmt: skip
    for storage in central.storages:
        for side in ("a", "b"):
            assert str(central.storage_places(storage).log(side)) in done.stderr


@needs_logrotate
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("runs", [True, False])
def test_logs_are_rotated_whether_servers_run_or_not(place, name, runs):
    """Servers are told to open their log anew; it is no fault if there are none."""
    central = declare(place / name / "zc", acme={})
    places = central.storage_places("acme")
    places.logs.mkdir(parents=True)
    places.logs.chmod(0o750)
    places.log("a").write_text("a line\n")
    ctl = central.places.supervisorctl
    ctl.parent.mkdir(parents=True)
    if runs:
        body = f"import sys; open({str(place / 'told')!r}, 'w').write(repr(sys.argv))"
        ctl.write_text(f"#!{sys.executable}\n{body}\n")
        ctl.chmod(0o755)
    done = rotate(central, place, "--force")
    assert done.returncode == 0, done.stderr
    assert not places.log("a").exists()
    assert (places.logs / "zeo-a.log.1").read_text() == "a line\n"
    conf = str(central.places.supervisord_conf)
    expected = [str(ctl), "-c", conf, "signal", "USR2", "acme-a", "acme-b"]
    assert not runs or (place / "told").read_text() == repr(expected)
