"""What the page about the status page tells to type, is typed."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess

import pytest
from support.zeoservers import boxes

from karl.recipe.evolve.upgrade import command as evolve
from karl.recipe.zeoserver.commands import zeoctl
from karl.recipe.zeoserver.declaration import options

PAGE = "docs/how-to/status-page.md"
FOLDER = "/srv/www/status"


@pytest.fixture
def box():
    """Return a database server with one storage."""
    with boxes() as make:
        yield make("acme-prod")


def test_the_sites_are_read(page, tmp_path):
    """The part on the page names a folder and a command that lead to evolve."""
    parser = configparser.RawConfigParser()
    parser.read_string(page(PAGE).blocks("ini")[0])
    part = {**parser["zeoserver"], "root": "/srv/zeo-central", "storages": "acme-prod"}
    buildout = {"buildout": {"directory": str(tmp_path)}, "acme-prod": {}}
    found = options.read(buildout, "zeoserver", part)
    assert found.sites == (
        ("/srv/acme-prod/bin/evolve",),
        ("ssh", "acme@app1", "/srv/globex-prod/bin/evolve"),
    )


def test_the_page_is_written_as_told(page, box, tmp_path):
    """The commands write the page; who is not of its folder's group cannot read it."""
    text = "\n".join(page(PAGE).blocks("console"))
    lines = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    folder = tmp_path / "status"
    typed = 0
    for line in lines:
        words = shlex.split(line.replace(FOLDER, str(folder)))
        if words[:2] == ["sudo", "install"]:
            mode = words[words.index("-m") + 1]
            words = ["install", "-d", "-m", mode, words[-1]]
        elif words[0] != "bin/zeoctl":
            continue
        subprocess.run(words, cwd=box.root, check=True, capture_output=True)
        typed += 1
    assert typed == 3
    assert box.places.report.is_file()
    written = folder / "index.html"
    assert written.stat().st_mode & 0o777 == 0o640
    assert written.stat().st_gid == folder.stat().st_gid


def test_what_is_repeated_is_understood(page):
    """The lines for cron, systemd and ssh are commands that there are."""
    text = page(PAGE).text
    cron = re.search(r"\*/10 \* \* \* \* karl \S+/zeoctl (.+) >/dev/null\n", text)
    unit = re.search(r"ExecStart=\S+/bin/zeoctl (.+)\n", text)
    key = re.search(r'command="\S+/bin/evolve (.+?)"', text)
    assert cron
    assert unit
    assert key
    for found in (cron, unit):
        words = shlex.split(found[1])
        assert zeoctl.build_parser().parse_args(words).output == f"{FOLDER}/index.html"
    assert evolve.build_parser().parse_args(shlex.split(key[1])).version == "report"


def test_the_timer_is_read(page, tmp_path):
    """systemd takes the timer and the service."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    timer, service = page(PAGE).blocks("ini")[1:]
    (tmp_path / "karl-status.timer").write_text(timer)
    service = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", service)
    (tmp_path / "karl-status.service").write_text(service.replace("karl", "root"))
    done = subprocess.run(
        [program, "verify", tmp_path / "karl-status.timer"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "karl-status" not in done.stdout + done.stderr, done.stderr
