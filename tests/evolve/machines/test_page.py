"""The page about two machines, typed on two machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import machines
from support.machinesites import CENTRAL, STORAGE, Pair
from support.servedsites import unpacked

PAGE = Path(__file__).parents[3] / "docs/how-to/two-machines.md"
WHY = machines.missing()

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind=""):
    """Return the blocks of a kind, each without its fence."""
    return [text for name, text in _BLOCK.findall(PAGE.read_text()) if name == kind]


def typed(text):
    """Return user, command and expected output of each line that is typed."""
    found = re.findall(
        r"^(\w+)@(\w+)\$ (.*)\n((?:(?!\w+@\w+\$ ).*\n)*)", text, re.MULTILINE
    )
    return [(machine, line, output) for _, machine, line, output in found]


def pattern(output):
    """Return what output is like: an ellipsis stands for anything."""
    text = "".join(
        r"(?:.*\n)*" if line.strip() == "…" else re.escape(line).replace("…", ".*")
        for line in output.splitlines(keepends=True)
    )
    return re.compile(text + r"\Z")


def test_every_user_is_at_his_own_machine():
    """Lines that are typed name who types them, and where."""
    text = "".join(blocks("console"))
    assert set(re.findall(r"^(\w+@\w+)\$ ", text, re.MULTILINE)) == {
        "zeo@db1",
        "acme@web1",
    }


@pytest.mark.slow
@pytest.mark.skipif(bool(WHY), reason=WHY or "-")
def test_what_the_page_says_can_be_typed(tmp_path_factory):
    """Each command of the page does what the page shows, in its order."""
    software = unpacked(tmp_path_factory.getbasetemp() / "software")
    [option] = blocks("ini")
    command = option.partition("=")[2].strip()
    restriction, config = blocks()
    with machines.network() as network:
        pair = Pair(network, command)
        pair.make_database()
        certify(pair)
        pair.make_site(software)
        pair.carry_certificates()
        for machine in (network.db, network.web):
            machine.make_folder(f"/home/{machine.user}/.ssh")
        network.web.write("/home/acme/.ssh/config", config, 0o600)
        for block in blocks("console"):
            for where, line, output in typed(block):
                machine = network.db if where == "db1" else network.web
                told = machine.shell(
                    f"{{ {line}\n}} 2>&1", folder="/srv/karl", code=None
                )
                assert pattern(output).match(told), f"{line}\n{told}\n{output}"
                if "ssh-keygen -q" in line:
                    let_in(pair, restriction.strip())
        found = pair.facts()
        assert found["live"] == 3
        assert found["workers"] == {3}
        assert pair.evolve("status")["run"]["outcome"] == "done"


def certify(pair):
    """Make the certificates of both ends."""
    for words in (
        "authority",
        "server acme-prod.db1.example.org db1.example.org 192.0.2.10",
        "client acme-prod",
    ):
        pair.zeoctl("certificate", *words.split(), "--authority", STORAGE)


def let_in(pair, restriction):
    """Write the line of ``authorized_keys``."""
    public = pair.network.web.run(["cat", "/home/acme/.ssh/zeo.pub"]).strip()
    path = "/home/zeo/.ssh/authorized_keys"
    pair.network.db.write(path, f"{restriction} {public}\n", 0o600)
    assert f"{CENTRAL}/bin/zeoctl-ssh" in restriction
