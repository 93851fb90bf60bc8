"""What zeoctl prints as JSON and the files to read are as their schemas say."""

from __future__ import annotations

import json

import pytest
from support.schemas import problems
from support.zeofaults import quick
from support.zeoservers import fill

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.commands import zeoctl
from karl.recipe.zeoserver.servers import supervisor

#: What each verb that changes something is asked for. Copy 1 is live, 2 is staged, 3 is
#: there and served, 4 is retired.
PLANNED = {
    "start": (),
    "stop": (),
    "restart": (),
    "read-only": (),
    "writable": (),
    "backup": (),
    "restore": ("--to-new-copy",),
    "stage": ("--again",),
    "catch-up": ("2",),
    "serve": ("3",),
    "unserve": ("3",),
    "adopt": ("3", "--discard-writes"),
    "retire": ("3",),
    "prune": ("--keep", "0"),
    "init": ("--new-copy",),
    "import": ("--new-copy", "--data"),
}


@pytest.fixture
def site(box):
    """A storage with a copy of each kind, and a backup that was tried."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")
    with made.client("site") as db:
        fill(db, 20, blobs=2)
        # While a copy is staged there is no plan of it.
        assert quick(made, "pack", "site", "--dry-run")["storages"]["site"]["plan"]
        quick(made, "backup", "site")
        quick(made, "stage", "site")
        fill(db, 20)
    quick(made, "init", "site", "--new-copy")
    quick(made, "serve", "site", "3", "--read-only")
    quick(made, "init", "site", "--new-copy")
    quick(made, "retire", "site", "4")
    quick(made, "verify-backup", "site", "--drill")
    return made


def test_plans_and_files_are_as_their_schemas_say(site):
    """Every verb's plan has its form, and does nothing; so has every file to read."""
    places = site.storage_places("site")
    state = places.state.read_bytes()
    data = site.root / "Data.fs"
    data.write_bytes(places.copy(3).data.read_bytes())
    for verb, words in PLANNED.items():
        named = [*words, str(data)] if verb == "import" else words
        told = quick(site, verb, "site", *named, "--dry-run")["storages"]["site"]
        assert told["dry_run"]
        # What is served already is not served anew.
        assert bool(told["plan"]) == (verb not in {"writable", "serve"}), verb
    assert places.state.read_bytes() == state

    (chain,) = (path for path in places.repository.root.iterdir() if path.is_dir())
    (verified,) = chain.glob("*.verified.json")
    record = verified.with_name(verified.name.replace(".verified", ""))
    for name, path in {
        "storage.state": places.state,
        "storage.sizes": places.sizes,
        "backup.record": record,
        "backup.verified": verified,
    }.items():
        assert problems(name, json.loads(path.read_text())) == []
        assert problems(name, {}) != []


def test_no_plan_is_forgotten():
    """The test above asks every verb that can only tell what it would do."""
    parser = zeoctl.build_parser()
    (verbs,) = (each for each in parser._actions if each.dest == "verb")
    able = {
        name
        for name, verb in verbs.choices.items()
        if "--dry-run" in verb.format_help()
    }
    assert able - {"certificate", "pack"} == set(PLANNED)
