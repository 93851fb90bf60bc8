"""The processes of a site under systemd."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from support import smallsystemd
from support.servedsites import ServedSite, make_current
from support.waiting import eventually

from karl.recipe.evolve.declaration.model import Address


@pytest.fixture
def site(place, software):
    """A site under a small systemd, with one process."""
    found = ServedSite(place / "acme-prod", software)
    address = found.declared.serving.address
    systemctl = smallsystemd.install(
        place, address.host, address.port, 1, found.places.worker_command
    )
    found.change(control="systemd", systemctl=(str(systemctl),), workers=1)
    yield found
    found.do("stop")


def test_a_life(site, place):
    """One process is enough for a restart in which no request fails."""
    assert site.run("status").returncode == 1
    (started,) = site.do("start")["workers"]
    assert site.ask()[1]["pid"] == started["pid"]
    make_current(site.root, 2)
    script = (
        "import http.client, sys\n"
        "for _ in range(150):\n"
        "    c = http.client.HTTPConnection('127.0.0.1', sys.argv[1], timeout=20)\n"
        "    c.request('GET', '/')\n"
        "    assert c.getresponse().status == 200\n"
        "    c.close()\n"
    )
    port = str(site.declared.serving.address.port)
    with subprocess.Popen(["python3", "-c", script, port]) as load:
        (restarted,) = site.do("restart")["workers"]
        assert load.wait(60) == 0
    assert restarted["revision"] == 2
    assert restarted["pid"] != started["pid"]
    calls = (place / "calls").read_text().splitlines()
    assert calls == ["start acme-prod.target"]
    os.kill(restarted["pid"], signal.SIGKILL)
    eventually(lambda: site.run("status").returncode == 0)
    assert site.do("stop")["changed"] is True
    assert site.run("status").returncode == 1
    assert (place / "calls").read_text().splitlines()[-1] == (
        "stop acme-prod.target acme-prod.socket acme-prod@1.service"
    )


def test_socket_activation(still, software):
    """systemd's own socket activation starts a process that answers."""
    address = still.declared.serving.address
    command = [
        "systemd-socket-activate", "--listen", str(address),
        str(still.places.worker_command), "1",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: answers(still))
            record = still.places.worker_record(1).read_text()
            assert f'"pid": {process.pid}' in record
        finally:
            process.terminate()


def answers(site) -> bool:
    try:
        return bool(site.ask()[0] == 200)
    except OSError:
        return False


def test_without_a_socket(still):
    """A process that inherits no socket ends, and says how it is done."""
    done = subprocess.run(
        [still.places.worker_command, "1"],
        capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"inherited none" in done.stderr


@pytest.mark.parametrize("control", ["supervisord", "systemd"])
@pytest.mark.parametrize("address", ["tcp", "unix"])
@pytest.mark.parametrize("folder", ["plain", "a b&$c ü"])
def test_units_are_valid(place, software, control, address, folder):
    """systemd finds nothing wrong with the units, wherever the site is."""
    still = ServedSite(place / folder / "acme-prod", software)
    more = {}
    if address == "unix":
        more = {"address": Address(path=str(still.root / "a b.sock"))}
    still.change(control=control, **more)
    units = sorted(still.places.systemd.iterdir())
    expected = {
        "supervisord": ["acme-prod.service"],
        "systemd": ["acme-prod.socket", "acme-prod.target", "acme-prod@.service"],
    }
    assert [unit.name for unit in units] == expected[control]
    copies = []
    for unit in units:
        name = unit.name.replace("@.", "@1.")
        copy = still.root / "units" / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(unit.read_bytes())
        copies.append(copy)
    if control == "systemd":
        second = Path(str(copies[-1]).replace("@1", "@2"))
        second.write_bytes(copies[-1].read_bytes())
        copies.append(second)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies],
        capture_output=True, text=True, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{still.root / 'units'}:"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "acme" in line]
    assert done.returncode == 0, done.stderr
    assert ours == []
