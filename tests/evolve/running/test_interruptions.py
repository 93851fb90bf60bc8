"""Runs that are killed or stopped, and gone on with."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.evolvesites import (
    command,
    content,
    event,
    events,
    fill,
    run,
    sessions,
    surroundings,
)

from karl.recipe.evolve.running.errors import UnfinishedError
from karl.recipe.evolve.running.evolving import evolve
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.session import session_of
from karl.recipe.evolve.steps import Step

KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A database that is copied for each test."""
    return fill(tmp_path_factory.mktemp("untouched") / "Data.fs", 450)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_run_goes_on_where_it_was(packages, untouched, tmp_path, when):
    """Killed at any commit, again and again, it ends as an undisturbed run does."""
    calm = tmp_path / "calm.fs"
    shutil.copy(untouched, calm)
    assert run(packages, "--data", calm, "--evolve").returncode == 0
    expected = content(calm)
    choose = random.Random(when)
    data = tmp_path / "killed.fs"
    shutil.copy(untouched, data)
    kills = 0
    while True:
        die = f"{when} {choose.randint(1, 3)}"
        status = run(packages, "--data", data, "--evolve", DIE_AT=die).returncode
        if status != KILLED:
            break
        kills += 1
    assert status == 0
    assert kills > 3
    assert content(data) == expected


def test_a_killed_run_is_told_by_status(packages, untouched, tmp_path):
    """After a kill, status says what was being done, with exit code 6."""
    data = tmp_path / "Data.fs"
    shutil.copy(untouched, data)
    killed = run(packages, "--data", data, "--evolve", DIE_AT="after 4")
    assert killed.returncode == KILLED
    status = run(packages, "--data", data, "--json")
    assert status.returncode == 6
    assert event(status, "status")["run"]["phase"] == "changing product 1"
    assert event(status, "status")["run"]["seen"] == 300
    killed = run(packages, "--data", data, "--evolve", DIE_AT="after 9")
    assert killed.returncode == KILLED
    assert "reindexing" in run(packages, "--data", data).stdout


def test_sigterm_ends_after_the_object_in_hand(packages, tmp_path):
    """SIGTERM keeps what was done, exits with 6, and the next run goes on."""
    data = fill(tmp_path / "Data.fs", 450)
    module = packages / "product" / "evolve1.py"
    text = module.read_text()
    slow = "    def change(self, note):\n        import time; time.sleep(0.005)\n"
    module.write_text(text.replace("    def change(self, note):\n", slow))
    process = subprocess.Popen(
        command(packages, "--data", data, "--evolve", "--json"),
        env=surroundings(packages),
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if "progress" in line:
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stdout.read()
    assert process.wait() == 6
    assert '"exit": 6' in rest
    process.stdout.close()
    module.write_text(text)
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 0
    assert next(e for e in events(result) if e["event"] == "step_begin")["resumed"]
    assert {note["visits"] for note in content(data)["notes"].values()} == {1, 2}


def test_sigterm_ends_a_plain_function_at_once(packages, tmp_path):
    """A plain function is ended there and then, and nothing of it is kept."""
    (packages / "product" / "evolve1.py").write_text(
        'import time\ndef evolve(root):\n    root["half"] = 1\n    time.sleep(600)\n'
    )
    data = fill(tmp_path / "Data.fs", 10)
    process = subprocess.Popen(
        command(packages, "--data", data, "--evolve", "--json"),
        env=surroundings(packages),
        stdout=subprocess.PIPE,
        text=True,
    )
    while "step_begin" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 6
    process.stdout.close()
    assert content(data)["keys"] == ["site"]


class Stopping(Step):
    """Count visits, in batches of some size, until told to stop."""

    indexes = ("title",)

    def __init__(self, batch: int, by_key: bool) -> None:
        self.batch = batch
        self.by_key = by_key
        self.stops: list[int] = []
        self.stop = None
        self.met = 0

    def objects(self, root):
        notes = root["site"].notes
        return notes if self.by_key else (note for note in notes.values())

    def catalog(self, root):
        return root["site"].catalog

    def change(self, note):
        self.met += 1
        if self.met in self.stops:
            self.stop.requested = True
        note.visits += 1
        note.title = f"{note.title} again"
        return True


class Given(Package):
    """A package whose step is there already."""

    def step(self, version: int) -> PendingStep:
        return PendingStep(self, version, STEPS[version - 1])


STEPS: list[Step] = []


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    count=st.integers(0, 40),
    batches=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    by_key=st.booleans(),
    stops=st.lists(st.integers(1, 120), max_size=6),
)
def test_every_object_is_changed_once_a_step(
    tmp_path_factory, count, batches, by_key, stops
):
    """Whatever the batches and the stops, each step meets each object once."""
    data = fill(tmp_path_factory.mktemp("stops") / "Data.fs", count)
    STEPS[:] = [Stopping(batch, by_key) for batch in batches]
    package = Given("given", "given", len(STEPS))
    for _ in range(len(stops) * len(batches) + 1):
        with sessions(data) as database, session_of(database) as session:
            for step in STEPS:
                step.stop = session.stop
                step.stops = stops
            try:
                evolve(session, [package])
                break
            except UnfinishedError:
                continue
    told = content(data)
    assert {note["visits"] for note in told["notes"].values()} <= {len(batches)}
    titles = {note["docid"]: note["title"] for note in told["notes"].values()}
    assert told["indexes"]["title"]["values"] == titles
    assert [step.met for step in STEPS] == [count] * len(STEPS)
    assert told["versions"] == {"given": len(batches)}
    assert told["keys"] == ["repoze.evolution", "site"]
