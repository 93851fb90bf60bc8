from __future__ import annotations

import json
import sys

import pytest
from support.siteinvariants import check_settled

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import UnfinishedError
from karl.recipe.release.sites import revisions, sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig

_WRITE = """
import json, os, sys
ours = {key: text for key, text in os.environ.items() if key.startswith("KARL_")}
with open(sys.argv[1], "a") as stream:
    stream.write(json.dumps(ours) + "\\n")
"""
_TELL = (sys.executable, "-c", _WRITE)


@pytest.fixture
def configure(site):
    """Give the site other commands after a switch."""

    def configure_site(*commands, **options):
        sitetools.install(site, SiteConfig("acme-prod", "", None, commands, **options))

    return configure_site


def test_hooks_learn_what_happened(to, back, configure, tmp_path):
    """Commands run after each switch and rollback, told by KARL_ variables."""
    told = tmp_path / "told"
    configure((*_TELL, str(told)))
    to("1.0")
    result = to("1.1")
    assert result.hooks == "done"
    back()
    first, second, third = map(json.loads, told.read_text().splitlines())
    assert first["KARL_SITE"] == "acme-prod"
    assert first["KARL_PREVIOUS_REVISION"] == ""
    assert (second["KARL_RELEASE"], second["KARL_REVISION"]) == ("1.1", "2")
    assert second["KARL_PREVIOUS_RELEASE"] == "1.0"
    assert second["KARL_ACTION"] == "switch"
    assert (third["KARL_ACTION"], third["KARL_REVISION"]) == ("rollback", "1")
    assert third["KARL_PREVIOUS_REVISION"] == "2"


def test_no_shell_reads_the_commands(to, configure, tmp_path):
    """An argument is an argument, whatever characters it has."""
    name = tmp_path / "a b; touch $(id)'"
    configure(("/usr/bin/touch", str(name)))
    to("1.0")
    assert name.exists()


def test_a_failing_hook_leaves_the_switch_and_says_how_to_go_back(
    site, to, configure, tmp_path
):
    """Exit code 6: it is live; later commands do not run; the tip says what to do."""
    to("1.0")
    late = tmp_path / "late"
    configure(("/bin/sh", "-c", "echo broken; exit 3"), ("/usr/bin/touch", str(late)))
    with pytest.raises(UnfinishedError, match="--rollback --to 1") as caught:
        to("1.1")
    assert "broken" in str(caught.value)
    assert caught.value.exit_code == 6
    assert revisions.current_number(site) == 2
    assert not late.exists()
    check_settled(site)


def test_the_same_command_again_finishes_the_hooks(site, to, configure, tmp_path):
    """After the cause is repaired, the no-op switch runs the commands after all."""
    flag = tmp_path / "repaired"
    told = tmp_path / "told"
    configure(("/usr/bin/test", "-e", str(flag)), (*_TELL, str(told)))
    to("1.0", hooks=False)
    with pytest.raises(UnfinishedError):
        to("1.1")
    with pytest.raises(UnfinishedError):
        to("1.1")
    flag.touch()
    result = to("1.1")
    assert (result.plan.action, result.hooks) == ("hooks", "done")
    assert json.loads(told.read_text())["KARL_PREVIOUS_REVISION"] == "1"
    assert not to("1.1").changed
    check_settled(site)


def test_hooks_that_a_kill_left_out_are_run_by_the_next_run(
    site, to, configure, tmp_path, monkeypatch
):
    """Killed between the rename and the commands: the same command runs them."""
    told = tmp_path / "told"
    to("1.0")
    configure((*_TELL, str(told)))

    class Killed(BaseException):
        pass

    def killed(*args):
        raise Killed

    monkeypatch.setattr("karl.recipe.release.sites.hooks.run_hooks", killed)
    monkeypatch.setattr("karl.recipe.release.sites.switching.Switching._undo", killed)
    with pytest.raises(Killed):
        to("1.1")
    monkeypatch.undo()
    assert to("1.1").plan.action == "hooks"
    assert told.exists()
    check_settled(site)


def test_hooks_can_be_left_to_the_caller(to, configure, tmp_path):
    """--no-hooks: another program restarts the workers in its own order."""
    told = tmp_path / "told"
    configure((*_TELL, str(told)))
    assert to("1.0", hooks=False).hooks == "skipped"
    assert not to("1.0").changed
    assert not told.exists()


def test_a_hook_that_hangs_is_ended(to, configure):
    """A command may take hook_timeout seconds, no more."""
    configure(("/bin/sleep", "60"), hook_timeout=0.2)
    with pytest.raises(
        UnfinishedError, match=r"sleep took longer than 0\.2 s.*hook-timeout"
    ):
        to("1.0")


def test_a_hook_that_does_not_exist(to, configure):
    """A missing program is a failed command, after the switch."""
    configure(("/no/such/program",))
    with pytest.raises(UnfinishedError, match="no/such/program"):
        to("1.0")


def test_a_log_that_cannot_be_finished_is_told(site, to, monkeypatch):
    """If only the outcome cannot be written, the switch stands and exit is 6."""
    to("1.0")
    seen = []

    def fail_second(action, path):
        if action == "journal":
            seen.append(path)
            if len(seen) == 2:
                raise OSError("no space")

    monkeypatch.setattr(files, "seam", fail_second)
    with pytest.raises(UnfinishedError, match="revision log"):
        to("1.1")
    monkeypatch.undo()
    assert revisions.current_number(site) == 2
    to("1.0")
    check_settled(site)
