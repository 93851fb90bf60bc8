"""The tour: everything together, as somebody who evaluates the suite sees it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from support.schemas import validated

from karl.recipe.release.base.files import link_or_copy, remove_tree
from tour import command, ending
from tour.answers import Answer, Counts


@pytest.fixture
def tour(checkout, tmp_path):
    """Run the tour, with a pool of its own that begins with what the checkout has."""
    pool = tmp_path / "pool"
    shutil.copytree(
        checkout / "pool", pool, copy_function=link_or_copy,
        ignore=shutil.ignore_patterns(".*"), symlinks=True,
    )  # fmt: skip
    work = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))

    line = [sys.executable, "-I", checkout / "tour" / "__main__.py", "--pool", pool]
    where = {"cwd": "/", "env": {**os.environ, "HOME": str(tmp_path)}, "text": True}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*line, *words], check=False, capture_output=True, timeout=900, **where
        )

    def begun(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*line, *words], stderr=subprocess.PIPE, **where)

    run.folder, run.begun = work / "w", begun
    yield run
    remove_tree(work)


@pytest.mark.slow
def test_everything_happens_as_it_is_told(tour):
    """No request fails in all of it, and nothing is left behind."""
    done = tour("--work", str(tour.folder), "--documents", "300", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = validated("tour", ["--json"], done.stdout)
    assert len(found["rows"]) == command.CHAPTERS
    visitors = found["visitors"]
    assert visitors["failed"] == 0
    assert min(visitors["reads"], visitors["accepted"], visitors["refused"]) > 0
    assert found["window"] > 0
    assert "holds the lock" in done.stderr
    assert "A rollback would lose" in done.stderr
    assert "the same bytes as in this repository" in done.stderr
    assert not tour.folder.exists()
    numbers = re.findall(rf"^ ?(\d+)/{command.CHAPTERS} ", done.stderr, re.MULTILINE)
    assert [int(each) for each in numbers] == list(range(1, command.CHAPTERS + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chapter", "how"),
    [(4, signal.SIGTERM), (5, signal.SIGINT), (9, signal.SIGHUP), (10, signal.SIGINT)],
)
def test_interrupted_it_leaves_nothing(tour, chapter, how):
    """Whatever ends it, and whenever, no process and no folder of it is left."""
    words = ("--work", str(tour.folder), "--documents", "50")
    with tour.begun(*words) as child:
        for line in child.stderr:
            if line.startswith(f"{chapter:2}/"):
                break
        time.sleep(4)
        child.send_signal(how)
        told = child.stderr.read()
    assert child.returncode == 130, told
    assert not tour.folder.exists()
    assert not list(ending.strays(tour.folder))


#: Tells that it runs, and does not end when it is told to.
DEAF = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(600)
"""


def test_what_an_interrupted_command_leaves_is_ended(tmp_path):
    """A process that the tour has started is ended, even if it will not; no other."""
    deaf = [sys.executable, "-c", DEAF]
    environment = {**os.environ, **ending.mark(tmp_path)}
    ours = subprocess.Popen(deaf, env=environment, stdout=subprocess.PIPE)
    other = subprocess.Popen(deaf, cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        for each in (ours, other):
            assert each.stdout.readline()
        ending.end_strays(tmp_path, patience=0.2)
        assert ours.wait(timeout=60) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for each in (ours, other):
            each.kill()
            each.communicate()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--work", "{there}"], 3, "is there already"),
        (["--work", "/tmp/" + "x" * 60], 3, "too long for Unix sockets"),
        (["--documents", "many"], 2, "must be a whole number"),
        (["--documents", "0"], 2, "1 or more"),
        (["everywhere"], 2, "Unrecognized arguments"),
    ],
)
def test_what_it_refuses(words, code, told, tmp_path, capsys):
    """What cannot be is told in a line, and nothing is made."""
    assert command.main([word.format(there=tmp_path) for word in words]) == code
    assert told in capsys.readouterr().err


def test_a_failed_request_is_counted():
    """A page that was not found, and a change that failed, are both told."""
    answers = [
        Answer(kind, "/", 0, 1, status, error=error)
        for kind, status, error in (
            ("read", 200, ""), ("search", 503, ""), ("read", 0, "reset"),
            ("write", 200, ""), ("write", 503, ""), ("write", 500, ""),
            ("write", 200, "it is not what was written"),
        )
    ]  # fmt: skip
    found = [each.failed for each in answers]
    assert found == [False, True, True, False, False, True, True]
    assert Counts.of(answers) == Counts(reads=3, failed=4, accepted=1, refused=1)


def test_every_option_is_documented(checkout):
    """The page has each option, and each chapter by its title."""
    page = (checkout / "docs" / "tutorial" / "tour.md").read_text()
    told = command.parser().format_help()
    options = set(re.findall(r"--[a-z]+", told)) - {"--help"}
    assert options <= set(re.findall(r"--[a-z]+", page))
    titles = re.findall(r"^## \d+\. (.+)$", page, re.MULTILINE)
    source = (checkout / "tour" / "command.py").read_text()
    assert len(titles) == command.CHAPTERS
    assert all(f'"{title}"' in source for title in titles)


def test_the_table_is_shown_as_it_is_printed(checkout):
    """README and the page show one table, which has a row for each chapter."""
    pages = [checkout / "README.md", checkout / "docs" / "tutorial" / "tour.md"]
    shown = [
        re.search(
            r"^what was done .+?(?=^```)", page.read_text(), re.MULTILINE | re.DOTALL
        )
        for page in pages
    ]
    assert shown[0]
    assert shown[1]
    assert shown[0][0] == shown[1][0]
    titles = re.findall(r"^## \d+\. (.+)$", pages[1].read_text(), re.MULTILINE)
    rows = re.split(r"\n\n", shown[0][0])[0].splitlines()[1:]
    assert [row.split("  ")[0] for row in rows] == titles
