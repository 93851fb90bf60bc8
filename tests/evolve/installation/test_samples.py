"""The sample buildouts: what their recipes make of their options."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: Reads every part of each file as a run of zc.buildout does, and writes nothing.
READ = """
import json, sys
from zc.buildout.buildout import Buildout

found = {}
folder, *names = sys.argv[1:]
for name in names:
    buildout = Buildout(f"{folder}/{name}.cfg", [], False)
    parts = buildout["buildout"]["parts"].split()
    for part in parts:
        buildout[part]
    recipe = buildout["evolve"].recipe if "evolve" in parts else None
    found[name] = {
        "parts": parts,
        "site": json.loads(recipe.site.to_text()) if recipe else None,
        "release": dict(buildout["release"]),
    }
print(json.dumps(found))
"""

SITES = ("acme-dev", "acme-prod", "acme-staging", "globex-prod", "zeo-central")
SERVED = ("acme-prod", "acme-staging", "globex-prod")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """What each buildout declares, in a checkout where nothing was made yet."""
    place = tmp_path_factory.mktemp("checkout")
    shutil.copytree(
        ROOT / "buildouts", place / "buildouts", ignore=shutil.ignore_patterns(".*")
    )
    done = subprocess.run(
        [sys.executable, "-c", READ, place / "buildouts", *SITES],
        check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    files = {path.name.removesuffix(".cfg") for path in place.glob("buildouts/*.cfg")}
    assert files == {*SITES, "base", "acme"}
    return place, json.loads(done.stdout.splitlines()[-1])


def test_sites_with_visitors_are_served_centrally(samples):
    """Each has two processes, a port of its own, and a storage of the server."""
    place, found = samples
    for name in SERVED:
        site = found[name]["site"]
        assert site["storage"] == name
        assert site["zeo_command"] == [f"{place}/sites/zeo-central/bin/zeoctl"]
        assert site["serving"]["control"] == "supervisord"
        assert site["serving"]["workers"] == 2
        assert site["serving"]["address"]["host"] == "127.0.0.1"
        assert "filestorage" not in found[name]["release"].get("zodb-conf", "")
        hook = found[name]["release"]["after-switch"]
        assert hook.endswith('/bin/site" restart --if-running')
    ports = {found[name]["site"]["serving"]["address"]["port"] for name in SERVED}
    assert len(ports) == len(SERVED)


def test_a_developer_needs_no_server(samples):
    """The developer's site has a file of its own, one process, and no compiler."""
    _, found = samples
    site, release = found["acme-dev"]["site"], found["acme-dev"]["release"]
    assert site["zeo_command"] == []
    assert site["serving"]["workers"] == 1
    assert "filestorage" in release["zodb-conf"]
    assert release["system-linked"] == release["after-switch"] == ""


def test_who_has_what_besides(samples):
    """Staging is given scrubbed data, production is rolled out to."""
    _, found = samples
    refresh = found["acme-staging"]["site"]["refresh"]
    assert refresh["source"] == "acme-prod"
    assert refresh["scrub"] == [["acme.site.scrubbing:scrub"]]
    assert found["acme-prod"]["site"]["refresh"] is None
    assert [name for name in SITES if "rollout" in found[name]["parts"]] == [
        "acme-prod"
    ]
    assert "evolve" not in found["zeo-central"]["parts"]
