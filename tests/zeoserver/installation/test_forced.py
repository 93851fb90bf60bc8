"""What a site's key of ssh is good for on the database server's machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support import sshd
from support.workshop import Notes
from support.zeodeclared import declare

from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.zeoserver.commands import forced, zeoctl
from karl.recipe.zeoserver.installation.install import ensure

#: What upgrades ask for.
ASKED = (
    "zeoctl status acme --copies --json --quiet",
    "/srv/zeo-central/bin/zeoctl backup acme --json --quiet --wait 60",
    "zeoctl stage acme --again --json --quiet --wait 3600",
    "zeoctl catch-up acme 2 --final --tid 0000000000000001 --json --quiet",
    "zeoctl read-only acme --copy 2",
    "zeoctl writable acme",
    "zeoctl serve acme 2",
    "zeoctl unserve acme 1",
    "zeoctl adopt acme 2 --discard-writes --dry-run",
    "zeoctl retire acme 2",
    "zeoctl prune acme --copy 2",
    "zeoctl client-conf 'acme'",
)

REFUSED = (
    ("zeoctl import acme --data /etc/passwd", "not good for zeoctl import"),
    ("zeoctl init acme", "not good for zeoctl init"),
    ("zeoctl certificate client stranger", "not good for zeoctl certificate"),
    ("zeoctl restore acme --to-new-copy --from globex", "not good for zeoctl restore"),
    ("zeoctl serve acme 2 --scrubbed", "with --scrubbed"),
    ("zeoctl pack acme --days 0", "not good for zeoctl pack"),
    ("zeoctl stop acme", "not good for zeoctl stop"),
    ("zeoctl -q status acme", "not good for zeoctl -q"),
    ("zeoctl status globex", "for acme, not for globex"),
    ("zeoctl status acme globex", "for acme, not for globex"),
    ("zeoctl status", "not for every storage"),
    ("zeoctl backup --all", "with --all"),
    ("zeoctl backup acme --full", "with --full"),
    ("zeoctl backup acme --ful", "with --ful"),
    ("zeoctl unserve acme 1 --live", "with --live"),
    ("zeoctl prune acme --keep 0", "with --keep"),
    ("zeoctl prune acme --keep=0", "with --keep"),
    ("zeoctl prune acme", "only with --copy"),
)

NO_COMMANDS = (
    "",
    "   ",
    "zeoctl",
    "bash",
    "zeoctl-ssh status acme",
    "zeoctl status 'acme",
    "zeoctl status acme; touch /tmp/x",
    "zeoctl status $(touch /tmp/x)",
    "cd / && zeoctl status acme",
    "env X=1 zeoctl status acme",
    "zeoctl serve acme",
    "scp -t /srv",
)


@pytest.mark.parametrize("asked", ASKED)
def test_what_upgrades_ask_for_is_permitted(asked):
    """The words go on to zeoctl as they came."""
    words = forced.permitted(asked, ["acme"])
    assert words == asked.replace("'", "").split()[1:]


@pytest.mark.parametrize(("asked", "why"), REFUSED)
def test_everything_else_is_refused(asked, why):
    """Other verbs, storages and options are refused, with the reason."""
    with pytest.raises(RefusedError, match=why):
        forced.permitted(asked, ["acme"])


@pytest.mark.parametrize("asked", NO_COMMANDS)
def test_what_is_no_command_of_zeoctl(asked):
    """A shell, another program, or nothing at all: not for this key."""
    with pytest.raises((UsageError, RefusedError)):
        forced.permitted(asked, ["acme"])


def test_a_line_that_names_no_storage():
    """A key is never good for everything because a name was forgotten."""
    with pytest.raises(UsageError):
        forced.permitted("zeoctl status acme", [])


def test_the_options_are_those_of_the_verbs():
    """Each listed option is one that its verb has."""
    for verb, options in forced.VERBS.items():
        parser = zeoctl.build_parser((verb,))
        sub = next(a for a in parser._actions if a.choices).choices[verb]
        known = {name for action in sub._actions for name in action.option_strings}
        assert options <= known, verb


@pytest.fixture
def central(place):
    """Return a database server whose software is this Python's."""
    found = declare(place / "zc", acme={}, globex={})
    ensure(found, Notes())
    python = found.places.release_python
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s "$@"\n')
    python.chmod(0o755)
    return found


@pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())
def test_a_key_of_ssh(central, place):
    """A real key runs zeoctl for its storage, and nothing else however it asks."""
    options = f'restrict,command="{central.places.zeoctl_ssh} acme"'
    with sshd.running(place / "ssh") as server:
        conf = server.client(options=options)

        def ask(*words):
            return subprocess.run(
                ["ssh", "-F", conf, "there", *words],
                capture_output=True, text=True, check=False, timeout=60,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

        done = ask("zeoctl", "status", "acme", "--json", "--quiet")
        assert done.returncode == 0, done.stderr
        assert list(json.loads(done.stdout)["storages"]) == ["acme"]
        done = ask("zeoctl", "status", "globex", "--json")
        assert done.returncode == 3
        assert json.loads(done.stdout)["error"]["exit"] == 3
        mark = place / "mark"
        for words in (
            ["touch", str(mark)],
            ["zeoctl", "status", "acme", ";", "touch", str(mark)],
            ["zeoctl", "status", f"$(touch {mark})"],
            ["zeoctl", "status", "acme\ntouch", str(mark)],
        ):
            assert ask(*words).returncode in {2, 3}, words
        assert ask().returncode == 2
        assert not mark.exists()
        central.places.release_python.unlink()
        done = ask("zeoctl", "status", "acme", "--json")
        assert done.returncode == 3
        assert "software is not there" in json.loads(done.stdout)["error"]["message"]
