"""Driving commands that answer, fail, are cut off, or tell nonsense."""

from __future__ import annotations

import dataclasses
import json

import pytest
from support.upgradeworld import make

from karl.recipe.evolve.upgrade.answers import OutcomeUnknownError
from karl.recipe.evolve.upgrade.programs import Events, Programs
from karl.recipe.release.base.errors import (
    DamagedError,
    KarlError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import SilentReporter


def programs(tmp_path, script):
    """Return programs whose ``zeoctl`` is a shell script."""
    path = tmp_path / "zeoctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    declared = make(tmp_path / "site", zeo_command=(str(path),)).declared
    return Programs(declared, SilentReporter(), tmp_path / "errors", pauses=(0, 0))


def answer(result):
    return f"echo '{json.dumps({'storages': {'acme': result}})}'"


def test_an_answer(tmp_path):
    """What a verb tells is returned; what it says besides is kept elsewhere."""
    found = programs(tmp_path, f"echo banner >&2; {answer({'number': 3})}")
    assert found.zeo("serve", "3") == {"number": 3}
    assert (tmp_path / "errors").read_text() == "banner\n"


def test_words(tmp_path):
    """Verbs that change something wait for another command for a while."""
    log = tmp_path / "words"
    found = programs(tmp_path, f'echo "$*" >> {log}; {answer({})}')
    found.zeo("retire", "3")
    found.zeo("status")
    assert log.read_text().splitlines() == [
        "retire acme 3 --json --quiet --wait 60",
        "status acme --json --quiet",
    ]


@pytest.mark.parametrize(
    ("code", "error"), [(3, RefusedError), (4, DamagedError), (8, UnreachableError)]
)
def test_a_failure_is_told_as_it_was_meant(tmp_path, code, error):
    """The error of a command is ours, with its sentence, tip and exit code."""
    told = {"error": {"message": "It is odd.", "next": "Mend it.", "exit": code}}
    found = programs(tmp_path, f"{answer(told)}; exit {code}")
    with pytest.raises(error, match="zeoctl adopt: It is odd") as caught:
        found.zeo("adopt", "3")
    assert caught.value.tip == "Mend it."
    assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize(
    "script",
    [
        "exit 255",
        "kill -9 $$",
        "echo nonsense",
        "exit 0",
        "echo '{}'; exit 0",
        "echo '[1]'",
        f"{answer({'number': 3})}; exit 255",
        f"{answer({'number': 3})}; exit 1",
    ],
)
def test_an_unknown_outcome(tmp_path, script):
    """A command that was cut off is tried again, and then nobody knows."""
    log = tmp_path / "log"
    found = programs(tmp_path, f"echo again >> {log}; {script}")
    with pytest.raises(OutcomeUnknownError) as caught:
        found.zeo("adopt", "3")
    assert caught.value.exit_code == 8
    assert "--abort" in caught.value.tip
    assert log.read_text().count("again") == 3


def test_a_lost_connection_that_comes_back(tmp_path):
    """If it works when asked for again, all is well."""
    mark = tmp_path / "mark"
    script = f"[ -e {mark} ] || {{ touch {mark}; exit 255; }}; {answer({'live': None})}"
    assert programs(tmp_path, script).zeo("status") == {"live": None}


def test_what_was_cut_off_is_waited_for(tmp_path):
    """Asked for again, a verb waits as long as it may take; then as ever."""
    log, mark = tmp_path / "words", tmp_path / "mark"
    found = programs(
        tmp_path,
        f'echo "$*" >> {log}; [ -e {mark} ] || {{ touch {mark}; exit 255; }}; '
        f"{answer({})}",
    )
    found.zeo("stage")
    found.zeo("catch-up", "2")
    waits = [line.rpartition(" ")[2] for line in log.read_text().splitlines()]
    assert waits == ["60", "3600", "60"]


def test_a_server_that_was_waited_for_in_vain(tmp_path):
    """It is asked once each time, so that the rest is soon told; until it answers."""
    log, mark = tmp_path / "log", tmp_path / "mark"
    script = f"echo again >> {log}; [ -e {mark} ] || exit 255; {answer({})}"
    found = programs(tmp_path, script)
    for tries in (3, 4, 5):
        with pytest.raises(OutcomeUnknownError):
            found.zeo("retire", "2")
        assert log.read_text().count("again") == tries
    mark.touch()
    assert found.zeo("status") == {}
    mark.unlink()
    with pytest.raises(OutcomeUnknownError):
        found.zeo("status")
    assert log.read_text().count("again") == 6 + 3


def test_it_takes_too_long(tmp_path):
    """A command that does not end is ended, and nobody knows what it did."""
    found = programs(tmp_path, "exec sleep 60")
    with pytest.raises(OutcomeUnknownError, match="took too long"):
        found.zeo("backup", timeout=0.1)


def test_done_but_not_all(tmp_path):
    """Exit code 6 with a result is a result."""
    found = programs(tmp_path, f"{answer({'backup': 'x', 'text': 'lacks'})}; exit 6")
    assert found.zeo("backup")["backup"] == "x"


def test_a_command_of_the_site_that_tells_nothing(tmp_path):
    """Output that is no answer is a failure, whatever the exit code."""
    found = programs(tmp_path, "true")
    command = found.places.layout.site_command
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\necho done\n")
    command.chmod(0o755)
    with pytest.raises(KarlError, match="no answer that can be read"):
        found.site("restart")


def test_only_one_word_is_a_server_here(tmp_path):
    """A command that leads elsewhere never has files that we may write to."""
    found = programs(tmp_path, "true")
    assert found.database_is_here
    away = make(tmp_path / "other", zeo_command=("ssh", "zeo@db1", "/srv/zeoctl"))
    assert not away.database_is_here


def test_events_are_taken_when_they_are_whole(tmp_path):
    """A line that is still being written is taken later."""
    path = tmp_path / "events"
    taken = []
    events = Events(path, taken.append)
    path.write_text('{"event": "one"}\n{"eve')
    events.read()
    assert taken == [{"event": "one"}]
    with path.open("a") as stream:
        stream.write('nt": "two"}\nnonsense\n')
    events.read()
    assert taken == [{"event": "one"}, {"event": "two"}]


def test_evolve_run_is_told_what_the_buildout_says(tmp_path):
    """Packages and context come first, so that every action of it knows them."""
    found = programs(tmp_path, "true")
    found.declared = dataclasses.replace(
        found.declared, evolve_packages=("acme.old", "b"), evolve_context="site"
    )
    interpreter = found.places.interpreter("1.1")
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text('#!/bin/sh\nprintf \'{"words": "%s"}\\n\' "$*"\n')
    interpreter.chmod(0o755)
    taken = []
    assert found.evolve_run("1.1", ["--status"], taken.append) == 0
    command = found.places.layout.evolve_run_command
    assert taken == [
        {
            "words": f"-I -B {command} --package=acme.old --package=b --context=site "
            "--status --json"
        }
    ]
