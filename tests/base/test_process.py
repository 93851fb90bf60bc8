from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import ProcessError, TimeLimitError

#: Starts a grandchild, tells its number, and waits for it.
_FAMILY = 'sleep 60 & echo $! > "$0"; echo waiting; wait'

#: Runs a family in this module's way; the beat makes every case quick.
_RUN = (
    "import sys; from karl.recipe.release.base import process;"
    "process.run(sys.argv[1:], beat=lambda _: print('beat', flush=True))"
)


def _grandchild(told: Path) -> int:
    deadline = time.monotonic() + 20
    while not (told.exists() and told.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(told.read_text())


def _ends(number: int) -> bool:
    """Tell whether a process is gone, or a zombie, within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state.split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_too_long_ends_the_whole_family(tmp_path):
    """What a program started ends with it, and the error tells the limit."""
    told = tmp_path / "told"
    with pytest.raises(TimeLimitError, match=r"^sh took longer than 0\.5 s") as caught:
        process.run(["sh", "-c", _FAMILY, told], timeout=0.5)
    assert _ends(_grandchild(told))
    assert "waiting" in caught.value.output


def test_a_heartbeat_that_fails_ends_the_whole_family(tmp_path):
    """An exception of ours, such as Ctrl-C, leaves nothing running."""
    told = tmp_path / "told"

    def fail(elapsed: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(["sh", "-c", _FAMILY, told], beat=fail)
    assert _ends(_grandchild(told))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_us_ends_the_whole_family(tmp_path, number):
    """Interrupted, told to end or without a terminal: nothing goes on behind it."""
    told = tmp_path / "told"
    # Whoever runs the tests may have it ignored, as nohup does.
    how = "default_int_handler" if number == signal.SIGINT else "SIG_DFL"
    heard = f"import signal; signal.signal({number:d}, signal.{how}); {_RUN}"
    argv = [sys.executable, "-c", heard, "sh", "-c", _FAMILY, told]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "beat\n"
        ours.send_signal(number)
        assert ours.wait(timeout=20) == -number
    assert _ends(_grandchild(told))


def test_killed_we_take_the_program_along():
    """Even kill -9 leaves no program behind that would work on in our files."""
    argv = [sys.executable, "-c", _RUN, "sleep", "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "beat\n"
        path = Path(f"/proc/{ours.pid}/task/{ours.pid}/children")
        [number] = map(int, path.read_text().split())
        ours.kill()
    assert _ends(number)


def test_what_a_finished_program_leaves_running_lives_on(tmp_path):
    """A restart script may start a daemon."""
    told = tmp_path / "told"
    process.run(["sh", "-c", 'sleep 60 & echo $! > "$0"', told])
    number = _grandchild(told)
    os.kill(number, signal.SIGKILL)
    with pytest.raises(ProcessError, match="status 3"):
        process.run(["sh", "-c", 'sleep 60 & echo $! > "$0"; exit 3', told], timeout=9)
    os.kill(_grandchild(told), signal.SIGKILL)


def test_the_heart_beats_about_every_second():
    """A program that takes long is told of meanwhile, with or without a limit."""
    for timeout in (None, 30.0):
        beats: list[float] = []
        process.run(["sleep", "2.5"], beat=beats.append, timeout=timeout)
        assert [round(beat) for beat in beats] == [1, 2]


def test_standard_error_can_be_kept_apart(tmp_path):
    """What a program says on standard error is then no part of its answer."""
    errors = tmp_path / "errors.txt"
    told = process.run(["sh", "-c", "echo answer; echo trouble >&2"], errors=errors)
    assert told == "answer\n"
    assert errors.read_text() == "trouble\n"


def test_without_the_kernels_word_the_end_of_a_program_is_noticed(monkeypatch):
    """Where no descriptor tells that a program has ended, it is looked after."""

    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert process.run(["sh", "-c", "sleep 0.1; echo told"]) == "told\n"
    with pytest.raises(TimeLimitError):
        process.run(["sleep", "60"], timeout=0.2)
