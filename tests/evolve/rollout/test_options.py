"""The recipe: what it reads, what it writes, and what it leaves alone."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from karl.recipe.evolve.rollout import history, options
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.places import Places, RunPlaces
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError

GIVEN = {"root": "../sites/acme-prod", "source": "../acme", "index": "acme"}


def read(**changes: str) -> Rollouts:
    """Read the options of a part."""
    given = {**GIVEN, **{name.replace("_", "-"): v for name, v in changes.items()}}
    place = {"buildout": {"directory": "/srv/karl/buildouts"}}
    return options.read(place, "rollout", given)


def test_defaults():
    """What is not given is beside what is."""
    found = read()
    assert (found.base, found.source) == ("/srv/karl", "/srv/karl/acme")
    assert (found.pool, found.indexes) == ("/srv/karl/pool", "/srv/karl/indexes")
    assert found.buildout == "buildouts/acme-prod.cfg"
    assert found.site_root == found.places.root
    assert found.tag_of("1.2") == "1.2"
    assert read(tag="v{version}").tag_of("1.2") == "v1.2"


def test_far():
    """Of a site on another machine, the paths there are not of this machine."""
    found = read(host="web1", remote_base="/opt/karl/")
    assert str(found.there.buildout) == "/opt/karl/bin/buildout"
    assert str(found.site_root) == "/opt/karl/sites/acme-prod"
    assert read(host="web1", remote_base="/x", remote_root="/y").remote_root == "/y"


@pytest.mark.parametrize(
    "source", ["git@host:acme.git", "https://host/acme.git", "ssh://host/acme.git"]
)
def test_repository_elsewhere(source):
    """A URL stays as it is."""
    assert read(source=source).source == source


def test_all_errors_at_once():
    """Everything that is wrong is told in one message."""
    wrong = {
        "source": "-x", "tag": "fixed", "index": "a/b", "extends": "karl",
        "folder": "../x", "buildout": "/x", "version_option": "version",
        "host": "-oProxyCommand=x", "remote_base": "srv", "url": "file:///etc",
        "roote": "x",
    }  # fmt: skip
    with pytest.raises(UsageError) as caught:
        read(**wrong)
    for name in wrong:
        assert name.replace("_", "-") in caught.value.message


def test_what_is_missing():
    """What must be given is told, and what goes with what."""
    place = {"buildout": {"directory": "/srv/karl/buildouts"}}
    with pytest.raises(UsageError) as caught:
        options.read(place, "rollout", {"host": "web1"})
    for name in ("root", "source", "index", "remote-base"):
        assert name in caught.value.message


def test_declaration(tmp_path):
    """What was written is read again; what is no declaration is told."""
    places = Places(tmp_path)
    with pytest.raises(RefusedError, match="There is no"):
        Rollouts.load(places)
    places.declaration.parent.mkdir()
    found = read(host="web1", remote_base="/opt/karl")
    places.declaration.write_text(found.to_text())
    assert Rollouts.load(places) == found
    for text in ("{", "[]", '{"format": 2}', '{"format": 1}'):
        places.declaration.write_text(text)
        with pytest.raises(DamagedError, match="cannot be understood"):
            Rollouts.load(places)


def buildout(place: Path, **changes: str) -> tuple[int, str]:
    """Run zc.buildout; return its exit status and all that it printed."""
    config = configparser.RawConfigParser()
    config["buildout"] = {"parts": "rollout", "newest": "false", "offline": "true"}
    given = {"root": "acme-prod", "source": "acme", "index": "acme", **changes}
    config["rollout"] = {"recipe": "karl.recipe.evolve:rollout", **given}
    with (place / "x.cfg").open("w") as stream:
        config.write(stream)
    done = subprocess.run(
        [sys.executable, "-c", "import zc.buildout.buildout as b; b.main()", "-c",
         place / "x.cfg"],
        check=False, capture_output=True, text=True, cwd="/",
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_buildout(tmp_path):
    """A real buildout writes the command and nothing but what belongs to it."""
    code, said = buildout(tmp_path)
    assert code == 0, said
    assert "Unused options" not in said
    root = tmp_path / "acme-prod"
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    written = {name for name in found if not name.startswith(("lib/", "share/"))}
    assert written == {
        "bin/rollout", "etc/rollout.json", "var/lock/tools.lock",
        "var/lock/switch.lock",
    }  # fmt: skip
    journal = root / "var" / "rollouts" / "1.0" / "journal.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("")
    code, said = buildout(tmp_path, tag="v{version}")
    assert code == 0, said
    assert journal.exists()
    done = subprocess.run(
        [root / "bin" / "rollout", "1.0", "--json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 8, done.stderr
    assert json.loads(done.stdout)["error"]["exit"] == 8
    code, said = buildout(tmp_path, tag="fixed")
    assert code == 1
    assert "Traceback" not in said
    assert "it lacks {version}" in said


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "done"}',
        '{"event": "done", "facts": [1], "skipped": ""}',
        '{"event": "done", "facts": {"published": 1}, "skipped": "", "step": "x"}',
        '{"event": "done", "facts": {}, "skipped": "", "step": []}',
        '{"time": 0}',
    ],
)
def test_a_journal_that_was_altered(tmp_path, line):
    """It is called damaged, with what to do; a line that was cut off is left out."""
    places = RunPlaces(tmp_path)
    places.journal.write_text('{"event": "done", "fac')
    assert history.load(places) == history.History()
    places.journal.write_text(line)
    with pytest.raises(DamagedError, match="cannot be understood"):
        history.load(places)
