"""The recipe in real runs of zc.buildout: whatever happens, a site's state stays."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

BUILDOUT = "import zc.buildout.buildout as b; b.main()"


def run(place: Path, parts: str = "evolve", **options: str) -> tuple[int, str]:
    """Run zc.buildout; return its exit status and all that it printed."""
    config = configparser.RawConfigParser()
    config["buildout"] = {"parts": parts, "newest": "false", "offline": "true"}
    given = {name.replace("_", "-"): value for name, value in options.items()}
    config["evolve"] = {"recipe": "karl.recipe.evolve", "root": "acme-prod", **given}
    with (place / "x.cfg").open("w") as stream:
        config.write(stream)
    done = subprocess.run(
        [sys.executable, "-c", BUILDOUT, "-c", place / "x.cfg"],
        check=False, capture_output=True, text=True, cwd="/",
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_options_come_and_go(place):
    """Changed options and a part that is dropped leave mode, journal and commands."""
    code, said = run(place)
    assert code == 0, said
    assert "Unused options" not in said
    root = place / "acme-prod"
    journal = root / "var" / "upgrades" / "1" / "journal.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("precious")
    site = root / "bin" / "site"
    subprocess.run([site, "mode", "maintenance"], check=True, capture_output=True)
    installed = (place / ".installed.cfg").read_text()
    assert re.search(r"^__buildout_installed__ =\s*$", installed, re.MULTILINE)
    code, said = run(place, workers="5", address="8080", cron="@daily x")
    assert code == 0, said
    code, said = run(place, parts="")
    assert code == 0, said
    assert journal.read_text() == "precious"
    done = subprocess.run([site, "mode", "--json"], check=True, capture_output=True)
    assert json.loads(done.stdout)["mode"] == "maintenance"
    assert json.loads((root / "etc" / "upgrade.json").read_text())["cron"]


def test_errors_are_told_before_anything_is_written(place):
    """All of them, in one run, and no folder is made."""
    code, said = run(place, workers="0", adress="1", before_evolve="'")
    assert code == 1
    assert "Traceback" not in said
    for word in ("workers = '0'", "is address meant?", "before-evolve"):
        assert said.count(word) == 1
    assert not (place / "acme-prod").exists()
    code, said = run(place, mode_page="missing.html")
    assert code == 1
    assert "missing.html" in said
    assert not (place / "acme-prod" / "etc").exists()
