"""The recipe in real runs of zc.buildout: whatever happens, databases stay."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from karl.recipe.release.base.files import link_or_copy
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.layouts.central import CentralLayout

ROOT = Path(__file__).parents[3]
BUILDOUT = "import zc.buildout.buildout as b; b.main()"
WRITTEN = "zeoserver.cfg"


def buildout(cfg: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run zc.buildout with a configuration."""
    return subprocess.run(
        [sys.executable, "-c", BUILDOUT, "-c", cfg, *arguments],
        check=False, capture_output=True, text=True, cwd="/",
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip


@dataclass
class Box:
    """A folder with the buildout of a database server; its release is not made."""

    root: Path
    part: dict[str, str] = field(default_factory=dict)
    storages: dict[str, dict[str, str]] = field(default_factory=dict)
    parts: str = "zeoserver"

    @property
    def places(self) -> CentralLayout:
        return CentralLayout(self.root / "zc")

    def run(self) -> subprocess.CompletedProcess[str]:
        """Write the configuration and run zc.buildout with it."""
        config = configparser.RawConfigParser()
        config["buildout"] = {
            "parts": self.parts, "newest": "false", "offline": "true",
        }  # fmt: skip
        names = "\n".join(self.storages)
        config["zeoserver"] = {
            "recipe": "karl.recipe.zeoserver", "root": "zc", "storages": names,
            **self.part,
        }  # fmt: skip
        for name, options in self.storages.items():
            config[name] = options
        with (self.root / WRITTEN).open("w") as stream:
            config.write(stream)
        return buildout(self.root / WRITTEN)

    def good(self) -> str:
        """Run zc.buildout, which must succeed without a warning of its own."""
        done = self.run()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Unused options" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def bad(self) -> str:
        """Run zc.buildout, which must fail, and return what it said."""
        done = self.run()
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def precious(self, name: str) -> dict[str, tuple[int, float]]:
        """Return all of a storage, to be compared: inodes and times."""
        return {
            str(path): (path.lstat().st_ino, path.lstat().st_mtime)
            for path in self.places.storage(name).root.rglob("*")
        }


@pytest.fixture
def box(place: Path) -> Box:
    """A box whose two storages have data."""
    made = Box(place, storages={"acme": {"keep": "5"}, "globex": {}})
    made.good()
    for name in made.storages:
        places = made.places.storage(name)
        for path in (places.copy(1).data, places.repository.root / "x", places.journal):
            path.parent.mkdir(exist_ok=True)
            path.write_text("precious")
        states.save(
            places, StorageState({1: CopyState(1, Status.LIVE, "init", 0.0)}, {})
        )
    return made


@pytest.mark.slow
def test_whatever_changes_data_stays(box):
    """No change of the buildout deletes or touches a database, a backup or a state."""
    before = {name: box.precious(name) for name in ("acme", "globex")}

    def check() -> None:
        box.good()
        assert {name: box.precious(name) for name in before} == before

    box.part |= {"backup-at": "never", "zeo-log-level": "error"}
    box.storages["acme"] |= {"zeo-address": "8100", "keep": "1"}
    check()
    check()
    box.storages["initech"] = {}
    check()
    del box.storages["acme"]
    check()
    box.part["root"] = "elsewhere/zc"
    check()
    box.parts = ""
    check()


def test_errors_are_told_before_anything_is_written(place):
    """All of them, in one run, and no folder is made."""
    box = Box(
        place,
        {
            "zeo-adress": "8100",
            "monitor-address": "8101",
            "storages": "acme globex nobody",
        },
        {"acme": {"keep": "0"}, "globex": {"zeo-address": "0.0.0.0:8100"}},
    )
    said = box.bad()
    for part in (
        "is zeo-address meant?",
        "there is no section [nobody]",
        "monitor-address is not supported",
        "[acme] keep = '0'",
        "[globex] zeo-address: other machines can reach",
    ):
        assert said.count(part) == 1, said
    assert not box.places.root.exists()


def test_a_refused_run_leaves_everything(box):
    """A served storage that is dropped: an error, and all is as it was."""
    served = StorageState({1: CopyState(1, Status.LIVE, "init", 0.0)}, {"a": 1})
    states.save(box.places.storage("acme"), served)
    before = box.precious("acme")
    declared = box.places.declaration.read_text()
    del box.storages["acme"]
    assert "unserve" in box.bad()
    assert box.precious("acme") == before
    assert box.places.declaration.read_text() == declared


def test_options_that_hold_for_all_are_no_unused_ones(box):
    """Every option is read, wherever it stands; buildout is told of no path."""
    box.part |= {"backups": f"{box.root}/{{storage}}-backups", "client-cache": "x"}
    box.storages["acme"] |= {"pack-at": "never", "client-host": ""}
    box.good()
    installed = (box.root / ".installed.cfg").read_text()
    assert re.search(r"^__buildout_installed__ =\s*$", installed, re.MULTILINE)


@pytest.mark.slow
def test_the_database_server_of_this_checkout(place):
    """``zeo-central.cfg`` as it is: its release, its commands, and nothing twice."""
    pool = place / "pool"
    pool.mkdir()
    shutil.copytree(ROOT / "buildouts", place / "buildouts",
                    ignore=shutil.ignore_patterns(".*"))  # fmt: skip
    for index in ("zeo/1", "toolchain/1"):
        shutil.copytree(ROOT / "indexes" / index, place / "indexes" / index,
                        ignore=shutil.ignore_patterns("simple"))  # fmt: skip
    lock = (place / "indexes" / "zeo" / "1" / "pylock.toml").read_text()
    for wheel in set(re.findall(r'^name = "(.+\.whl)"$', lock, re.MULTILINE)):
        if (ROOT / "pool" / wheel).is_file():
            link_or_copy(str(ROOT / "pool" / wheel), str(pool / wheel))
    cfg = place / "buildouts" / "zeo-central.cfg"
    done = buildout(cfg)
    assert done.returncode == 0, done.stdout + done.stderr
    root = place / "sites" / "zeo-central"
    subprocess.run([root / "bin" / "switch-version", "1"], check=True,
                   capture_output=True)  # fmt: skip

    def status() -> dict[str, object]:
        done = subprocess.run(
            [root / "bin" / "zeoctl", "status", "--json"], cwd="/", check=True,
            env={"PYTHONPATH": "", "PATH": "/usr/bin:/bin"}, capture_output=True,
        )  # fmt: skip
        return json.loads(done.stdout)["storages"]

    assert sorted(status()) == ["acme-prod", "acme-staging", "globex-prod"]
    scripts = {path.name for path in (root / "current/release/bin").iterdir()}
    assert {"repozo", "fstail", "fsrefs", "supervisord", "supervisorctl"} <= scripts
    assert "zeoctl" not in scripts  # ZEO's own

    def seen() -> dict[str, tuple[int, float]]:
        return {
            str(path): (path.lstat().st_ino, path.lstat().st_mtime)
            for path in root.rglob("*")
            if path.suffix != ".lock"
        }

    before = seen()
    done = buildout(cfg)
    assert done.returncode == 0, done.stderr
    assert "Wrote" not in done.stdout + done.stderr
    assert seen() == before
