"""A site on another machine: what is sent there, and what if that cannot be done."""

from __future__ import annotations

import json
import shlex

import pytest
from support import sshd
from support.rollouts import write_script
from support.waiting import eventually

from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.places import Places
from karl.recipe.evolve.rollout.programs import Programs
from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.reporter import SilentReporter

#: Commands there, in the middle of which a connection gets lost.
LONG = ("test", "sha256sum", "tar")


def index(world, name):
    """Return the lock file of an index there."""
    return world.far / "indexes" / name / "pylock.toml"


def test_shipped(far):
    """What the other machine lacks is sent, is checked there, and is sent once."""
    found = far.run("1.1")
    wheel = "acme_thing-1.1-py3-none-any.whl"
    assert found["shipped"] == ["karl/1.0", "acme/1.1", wheel]
    assert far.pool(far.far) == {wheel}
    for name in ("karl/1.0", "acme/1.1"):
        ours = far.base / "indexes" / name / "pylock.toml"
        assert index(far, name).read_bytes() == ours.read_bytes()
    assert not list(far.far.rglob(".partial-*"))
    assert far.calls[0] == "buildout site:version=1.1"
    assert not list(far.root.glob("releases"))
    (step,) = [step for step in far.run("1.1")["steps"] if step["name"] == "ship"]
    assert step["skipped"] == "web1 has it all"


def test_altered_on_the_way(far):
    """Bytes that arrive as others get no place there."""
    write_script(
        far.folder / "noisy",
        '#!/bin/sh\nshift\ncase "$1" in\n'
        'tar*) sed s/created-by/CREATED-by/ | sh -c "$1" ;;\n'
        '*) exec sh -c "$1" ;;\nesac\n',
    )
    far.declare(ssh=str(far.folder / "noisy"))
    told = far.error("1.1", code=4)
    assert "indexes/acme/1.1/pylock.toml: FAILED" in told
    assert far.pool(far.far) == set()
    assert not index(far, "acme/1.1").exists()
    far.declare()
    assert far.run("1.1")["complete"]


def test_damaged_there(far):
    """What karl-index there tells of damage is its answer, whatever it ends with."""
    programs = Programs(Rollouts.load(Places(far.root)), SilentReporter())
    told = json.dumps({"intact": False, "indexes": {"acme/1.1": []}, "built": []})
    assert programs.result("karl-index", 4, told)["intact"] is False
    with pytest.raises(KarlError, match="no answer that can be read"):
        programs.result("karl-index", 0, told)


def test_other_index_there(far):
    """An index of the same name with other content there is not replaced."""
    path = index(far, "karl/1.0")
    path.parent.mkdir(parents=True)
    ours = far.base / "indexes" / "acme/1.0" / "pylock.toml"
    text = ours.read_text().replace("acme/1.0", "karl/1.0")
    path.write_text(text)
    assert "web1 has another karl/1.0" in far.error("1.1", code=3)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "lost", [*(pytest.param(each, marks=pytest.mark.slow) for each in LONG), "mv"]
)
def test_lost(far, lost):
    """A connection that is lost is told as that; the next run goes on."""
    write_script(
        far.folder / "losing",
        f'#!/bin/sh\nshift\ncase "$1" in {lost}*) exit 255 ;;\n'
        '*) exec sh -c "$1" ;;\nesac\n',
    )
    far.declare(ssh=str(far.folder / "losing"))
    assert "web1 could not be reached" in far.error("1.1", code=8)
    assert not index(far, "acme/1.1").exists()
    far.declare()
    assert far.run("1.1")["complete"]


@pytest.mark.slow
@pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())
def test_real_ssh(far, tmp_path):
    """Through a real ssh; if that is cut while evolve runs, the next run waits."""
    with sshd.running(tmp_path / "sshd") as server:
        far.declare(ssh=shlex.join(["ssh", "-F", str(server.client())]))
        far.told(pause=3)
        child = far.start("1.1", "--no-rehearsal", "--json")
        eventually(lambda: "evolve 1.1" in far.calls and far.state["run"], seconds=120)
        assert server.cut()
        told = child.communicate(timeout=60)[0]
        assert child.returncode == 8, told
        found = far.run("1.1", "--no-rehearsal")
    assert found["complete"]
    assert far.calls == ["buildout site:version=1.1", "evolve 1.1"]
    assert far.state["live"] == "1.1"
