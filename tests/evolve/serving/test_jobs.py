"""Cron jobs of a site, which do not begin while it is being upgraded."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from support.waiting import eventually

from karl.recipe.evolve.declaration.model import Account, CronJob
from karl.recipe.evolve.rendering import cron
from karl.recipe.evolve.serving import modefile


def test_a_job_runs(still):
    """In normal mode a job is run as it is: its words, output and exit status."""
    done = still.run("run-if-normal", "--", "sh", "-c", 'echo "$1" --json; exit 7', "x",
                     "a  b")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, "a  b --json\n", "")
    assert still.run("run-if-normal", "true").returncode == 0


def test_inhibited(still):
    """An inhibited job does not begin, and cron hears nothing of it."""
    assert still.do("inhibit", "--why", "upgrade")["changed"] is True
    assert still.do("inhibit")["changed"] is False
    done = still.run("run-if-normal", "--", "sh", "-c", "echo x; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told = json.loads(still.run("status", "--json").stdout)["inhibited"]
    assert told["why"] == "upgrade"
    assert still.do("allow") == {
        "changed": True, "inhibited": None, "text": "Cron jobs begin.",
    }  # fmt: skip
    assert still.do("allow")["changed"] is False
    assert still.run("run-if-normal", "--", "false").returncode == 1


@pytest.mark.parametrize("mode", ["read-only", "maintenance"])
def test_other_modes(still, mode):
    """Nor does one begin in another mode than normal."""
    still.do("mode", mode)
    assert still.run("run-if-normal", "--", "false").returncode == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"why": 1}'])
def test_a_damaged_file(still, content):
    """A file that nobody understands still keeps jobs from beginning."""
    still.places.inhibit.write_text(content)
    assert still.run("run-if-normal", "--", "false").returncode == 0
    assert modefile.inhibition(still.places) is not None


def test_waiting_for_a_job(still):
    """Whoever inhibits jobs can wait until none runs any more."""
    end = still.root / "end"
    wait = f"touch {still.root}/begun; while [ ! -e {end} ]; do sleep 0.05; done"
    command = [still.places.site_command, "run-if-normal", "--", "sh", "-c", wait]
    with subprocess.Popen(command) as job:
        eventually((still.root / "begun").exists)
        done = still.run("inhibit", "--wait", "0.3", "--json")
        assert done.returncode == 5
        assert still.run("run-if-normal", "--", "false").returncode == 0
        waiting = subprocess.Popen(
            [still.places.site_command, "inhibit", "--wait", "60", "--json"],
            stdout=subprocess.PIPE,
        )
        assert waiting.poll() is None
        end.touch()
        assert job.wait(30) == 0
        output, _ = waiting.communicate(timeout=30)
        assert json.loads(output)["inhibited"]


def test_a_job_that_cannot_be_run(still):
    """A program that is missing is told, so that cron mails it."""
    done = still.run("run-if-normal", "--", "/nowhere/program")
    assert done.returncode == 7
    assert "/nowhere/program" in done.stderr


def test_the_crontab(still, tmp_path):
    """A line of cron runs its words, whatever characters they have."""
    import dataclasses

    words = ("sh", "-c", 'echo "$0" "$1"', "100%", "it's $HOME; `x`")
    site = dataclasses.replace(
        still.declared,
        cron=(CronJob("5 3 * * 1-5", words), CronJob("@daily", ("true",))),
    )
    lines = cron.render(site, Account("kim", "kim")).splitlines()
    times, command = lines[-2].split(" kim ", 1)
    assert times == "5 3 * * 1-5"
    assert lines[-1].startswith("@daily kim ")
    assert shlex.split(command)[:3] == [
        str(still.places.site_command), "run-if-normal", "--",
    ]  # fmt: skip
    # cron takes the backslash before a % away.
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(r"\%", "%")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "100% it's $HOME; `x`\n"
