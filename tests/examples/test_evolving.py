"""Evolving data that release 3.30 has really written."""

from __future__ import annotations

import json
import subprocess

import pytest

PROFILES = """
import json, sys
from pathlib import Path
from karl.intranet.content import site_of
from karl.intranet.database import opened
from repoze.catalog.query import Eq
with opened(Path(sys.argv[1]) / "zodb.conf", read_only=True) as database:
    with database.transaction() as connection:
        site = site_of(connection.root())
        people = list(site["people"].values())
        websites = {person.title: person.website for person in people}
        found = {
            person.title: person.docid
            in site.catalog.query(Eq("website", person.website))[1]
            for person in people
            if person.website
        }
        classes = [
            getattr(c, "acme_classification", None)
            for c in site["communities"].values()
        ]
print(json.dumps([websites, found, classes]))
"""

CHANGED = """
import json, sys
from collections import Counter
from ZODB.FileStorage import FileStorage
from ZODB.utils import get_pickle_metadata
storage = FileStorage(sys.argv[1], read_only=True)
for transaction in storage.iterator():
    last = Counter(get_pickle_metadata(record.data)[1] for record in transaction)
print(json.dumps(last))
storage.close()
"""


@pytest.fixture(params=["karl-3.31", "acme-1.1"])
def newer(request, releases):
    """A release that has evolve steps for what 3.30 wrote."""
    return releases[request.param]


def test_profiles_and_their_index(releases, newer, filled, evolve):
    """Every website gets its scheme, and is found by it."""
    before, found, _ = json.loads(releases["karl-3.30"].script(PROFILES, filled.folder))
    assert all(found.values())
    assert any(site and "://" not in site for site in before.values())
    assert any(site.startswith("http://") for site in before.values())
    evolve(newer, filled)
    after, found, _ = json.loads(newer.script(PROFILES, filled.folder))
    assert found
    assert all(found.values())
    assert after == {
        name: site if "://" in site or not site else f"https://{site}"
        for name, site in before.items()
    }


def test_only_one_index_changes(releases, filled, evolve, python):
    """Evolving stores profiles, one field index and the versions: nothing else."""
    evolve(releases["karl-3.31"], filled)
    changed = json.loads(releases["karl-3.31"].script(CHANGED, filled.data))
    assert changed.pop("Profile") > 0
    assert changed.pop("PersistentMapping") == 1
    # The parts of the field index; its count goes down and up again.
    assert set(changed) <= {
        "OOBTree", "OOBucket", "IOBTree", "IOBucket", "IFTreeSet", "Length",
    }  # fmt: skip
    assert sum(changed.values()) < 40


def test_evolving_twice(releases, newer, filled, evolve):
    """A database that is current is left as it is."""
    wanted = dict.fromkeys(evolve(newer, filled), 1)
    before = filled.data.read_bytes()
    assert evolve(newer, filled) == wanted
    assert filled.data.read_bytes() == before


def test_status(releases, filled, evolve):
    """The status says what is pending, what is current, and what is too new."""
    old, new = releases["acme-1.0"], releases["acme-1.1"]
    command = ("evolve_status", "--revision", filled.folder)
    assert old.run(*command).returncode == 0
    pending = new.run(*command, "--json", check=False)
    assert pending.returncode == 3
    assert [
        (p["distribution"], p["database"], p["pending"], p["state"])
        for p in json.loads(pending.stdout)
    ] == [("acme.site", None, [1], "pending"), ("karl.intranet", 0, [1], "pending")]
    evolve(new, filled)
    assert new.run(*command).returncode == 0
    newer = old.run(*command, check=False)
    assert newer.returncode == 4
    assert newer.stdout.count("newer") == 2


def test_reading_versions_leaves_the_database_alone(releases, filled):
    """Asking for the status writes nothing, even where nothing is recorded."""
    before = filled.data.read_bytes()
    releases["acme-1.1"].run("evolve_status", "--revision", filled.folder, check=False)
    assert filled.data.read_bytes() == before


def test_old_release_refuses_new_data(releases, filled, evolve):
    """A release does not serve a database that a newer one has evolved."""
    evolve(releases["karl-3.31"], filled)
    old = releases["karl-3.30"]
    done = subprocess.run(
        old.command(
            "serve", "--revision", filled.folder, "--config", filled.config,
            "--bind", f"unix:{filled.folder / 'socket'}",
        ),
        env=old.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert "evolved by a newer release of karl.intranet" in done.stderr


def test_new_pages_rely_on_it(serve, releases, filled, evolve):
    """After evolving, the new release shows whose website is where."""
    release = releases["karl-3.31"]
    with serve(release, filled) as browser:
        health = json.loads(browser.get("/healthz").text)
        assert health["evolved"] is False
    evolve(release, filled)
    with serve(release, filled) as browser:
        assert json.loads(browser.get("/healthz").text)["evolved"] is True
        page = browser.get("/people/").text
        assert '<th scope="col">Website</th>' in page
        assert 'href="https://www.' in page
        person = browser.send(
            "/people/@@add", first_name="A", last_name="B", website="new.example"
        )
        assert 'href="https://new.example"' in person.text
        refused = browser.send(
            "/people/@@add", first_name="A", last_name="B", website="ftp://x.example"
        )
        assert refused.status == 422
        assert "That is not the address of a website." in refused.text


def test_communities_are_classified(serve, releases, filled, evolve):
    """Acme's step makes old communities internal; new ones are so from the start."""
    release = releases["acme-1.1"]
    filled.configure("acme.site")
    evolve(release, filled)
    classes = json.loads(release.script(PROFILES, filled.folder))[2]
    assert classes == ["internal"] * 4
    with serve(release, filled) as browser:
        new = browser.send("/communities/@@add", title="Board", description="")
        assert '<a class="acme-classification internal"' in new.text
        changed = browser.send(
            "/communities/board/@@classify", classification="confidential"
        )
        assert '<a class="acme-classification confidential"' in changed.text
        wiki = browser.get("/communities/board/wiki/").text
        assert ">Confidential</a>" in wiki
