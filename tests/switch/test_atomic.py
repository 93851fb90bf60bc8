from __future__ import annotations

import subprocess
import sys
import textwrap

from support.siteinvariants import check_settled, snapshot

from karl.recipe.release.base.locks import locked
from karl.recipe.release.sites import revisions

#: Reads through ``current`` until it is told to stop; counts what it could not.
_READER = textwrap.dedent(
    """
    import os, sys
    current, stop = sys.argv[1:]
    reads = failures = 0
    seen = set()
    print("ready", flush=True)
    while reads < 100_000 or not os.path.exists(stop):
        for _ in range(500):
            reads += 1
            try:
                seen.add(os.readlink(current))
                with open(current + "/release/release.json", "rb") as stream:
                    stream.read(1)
            except OSError:
                failures += 1
    print(reads, failures, len(seen))
    """
)


def test_a_reader_never_sees_current_missing_or_dangling(site, to, tmp_path):
    """While switches go on, 100,000 reads through current all succeed."""
    to("1.0")
    stop = tmp_path / "stop"
    with subprocess.Popen(
        [sys.executable, "-c", _READER, site.current, stop],
        stdout=subprocess.PIPE, text=True,
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        for version in ("1.1", "1.2", "1.0"):
            to(version)
        # The switch itself, as often as can be: what surrounds it takes longer.
        for number in range(3000):
            revisions.make_current(site, number % 4 + 1)
        stop.touch()
        reads, failures, seen = map(int, reader.stdout.read().split())
    revisions.make_current(site, 4)
    assert reads >= 100_000
    assert failures == 0
    assert seen == 4
    check_settled(site)


def test_two_at_once_one_is_refused(site, run, to):
    """While one command holds the lock, the other ends with 5, nothing changed."""
    to("1.0")
    before = snapshot(site)
    with locked(site.switch_lock, "switch"):
        for words in (
            ["1.1"], ["--rollback"], ["--prune", "--yes"], ["--pin", "1"],
            ["--unpin", "1"], ["--discard", "1"], ["1.1", "--prepare"],
        ):  # fmt: skip
            code, _, errors = run(*words)
            assert code == 5, words
            assert "holds the lock" in errors
        code, output, _ = run("--list")
        assert code == 0
        assert "1.0" in output
    assert snapshot(site) == before


def test_of_many_at_once_each_waits_its_turn(site, to):
    """With ``--wait`` commands follow one another; no number is lost or doubled."""
    to("1.0")
    command = [site.bin / "switch-version", "--wait", "60", "-q", "--configured"]
    started = [
        subprocess.Popen([*command, version], stdout=subprocess.DEVNULL)
        for version in ("1.1", "1.2", "1.0", "1.1")
    ]
    assert [child.wait() for child in started] == [0, 0, 0, 0]
    check_settled(site)
