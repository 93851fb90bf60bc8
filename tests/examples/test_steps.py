"""The evolve steps of the sample packages, run as a site runs them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "examples"
LIBRARY = CHECKOUT / "src" / "karl.recipe.evolve" / "src"

CONTENT = """
import json, sys
from pathlib import Path
from karl.intranet.content import site_of
from karl.intranet.database import opened
with opened(Path(sys.argv[1]) / "zodb.conf", read_only=True) as database:
    with database.transaction() as connection:
        site = site_of(connection.root())
        people = {
            person.title: [person.website, person.email, str(person.modified)]
            for person in site["people"].values()
        }
        indexes = {
            name: sorted((docid, str(value)) for docid, value in values.items())
            for name, values in (
                (name, getattr(index, "_rev_index", {}))
                for name, index in site.catalog.items()
            )
        }
        keys = sorted(connection.root())
print(json.dumps([people, indexes, keys]))
"""

STORED = """
import json, sys
from collections import Counter
from ZODB.FileStorage import FileStorage
from ZODB.utils import get_pickle_metadata
storage = FileStorage(sys.argv[1], read_only=True)
stored = [
    get_pickle_metadata(record.data)[1]
    for transaction in storage.iterator()
    if transaction.tid.hex() > sys.argv[2]
    for record in transaction
]
print(json.dumps([Counter(stored), storage.lastTransaction().hex()]))
storage.close()
"""

BREAK = """
import sys
from pathlib import Path
from karl.intranet.content import site_of
from karl.intranet.database import opened
with opened(Path(sys.argv[1]) / "zodb.conf") as database:
    with database.transaction() as connection:
        site = site_of(connection.root())
        person = next(p for p in site["people"].values() if "://" in p.website)
        site.catalog["website"].unindex_doc(person.docid)
        print(person.title)
"""

NAIVE = """
import sys
from pathlib import Path
from karl.intranet.database import opened
from naive.evolve1 import evolve
with opened(Path(sys.argv[1]) / "zodb.conf") as database:
    with database.transaction() as connection:
        evolve(connection.root())
"""

SCRUB = """
import sys
from pathlib import Path
from acme.site.scrubbing import scrub
from karl.intranet.database import opened
with opened(Path(sys.argv[1]) / "zodb.conf") as database:
    with database.transaction() as connection:
        scrub(connection.root())
"""


def content(release, revision):
    """People, the values in the indexes, and the keys of the root."""
    return json.loads(release.script(CONTENT, revision.folder))


def of(events, kind):
    """The events of a kind."""
    return [event for event in events if event["event"] == kind]


@pytest.fixture
def evolve_run(releases):
    """Run evolve-run with a release on a revision."""

    def run(name, revision, *arguments):
        conf = revision.folder / "zodb.conf"
        return releases[name].evolve_run("--zodb-conf", conf, *arguments)

    return run


def test_only_what_must_change_changes(releases, filled, evolve_run):
    """Stored are profiles without a scheme, the parts of one index, and versions."""
    before, indexes, _ = content(releases["karl-3.30"], filled)
    _, last = json.loads(releases["karl-3.31"].script(STORED, filled.data, "0"))
    told = evolve_run("karl-3.31", filled, "--evolve")
    assert told[-1]["code"] == 0
    after, reindexed, keys = content(releases["karl-3.31"], filled)
    changed = [name for name in before if before[name][0] != after[name][0]]
    (pass_over_catalog,) = of(told, "reindex_end")
    assert pass_over_catalog["indexes"] == {"website": len(changed)}
    assert {**indexes, "website": 0} == {**reindexed, "website": 0}
    assert [row[1:] for row in before.values()] == [row[1:] for row in after.values()]
    stored, _ = json.loads(releases["karl-3.31"].script(STORED, filled.data, last))
    assert stored.pop("Profile") == len(changed)
    assert set(stored) <= {
        "PersistentMapping", "OOBTree", "OOBucket", "IOBTree", "IOBucket", "IFTreeSet",
        "Length",
    }  # fmt: skip
    assert keys == ["repoze.evolution", "site"]


def test_the_product_evolves_before_its_customization(filled, evolve_run):
    """Both steps are done in this order, and the catalog knows all documents after."""
    told = evolve_run("acme-1.1", filled, "--evolve")
    assert [
        (s["package"], s["title"], s["kind"]) for s in of(told, "plan")[0]["steps"]
    ] == [
        ("karl.intranet", "Websites in profiles become whole addresses", "declared"),
        ("acme.site", "Communities are classified", "declared"),
    ]
    ends = of(told, "step_end")
    assert [end["seen"] for end in ends] == [20, 4]
    assert 0 < ends[0]["changed"] < 20
    assert ends[1]["changed"] == 4
    (counted,) = of(told, "counts")
    assert counted["before"] == counted["after"]
    assert set(counted["after"]["indexes"].values()) == {counted["after"]["documents"]}


def test_checks_read_only(filled, evolve_run):
    """What a check foretells is what the steps do; checking changes nothing."""
    before = filled.data.read_bytes()
    foretold = [
        e["changes"]
        for e in of(evolve_run("acme-1.1", filled, "--check"), "would_change")
    ]
    assert evolve_run("acme-1.1", filled, "--dry-run")[-1]["code"] == 0
    assert filled.data.read_bytes() == before
    told = evolve_run("acme-1.1", filled, "--evolve")
    assert [end["changed"] for end in of(told, "step_end")] == foretold


def test_a_profile_that_is_not_found_is_told(releases, filled, evolve_run):
    """A profile that the index lacks breaks an invariant, by its name."""
    name = releases["karl-3.30"].script(BREAK, filled.folder).strip()
    told = evolve_run("karl-3.31", filled, "--evolve")
    assert told[-1]["code"] == 4
    (sentence, *_) = of(told, "verified")[0]["broken"]
    assert sentence.startswith(f"{name} is not found by the website ")


def test_the_naive_step_does_more(releases, filled, evolve_run, tmp_path):
    """The benchmark's naive step leads to the same websites, and to much besides."""
    release = releases["karl-3.31"]
    other = filled.copy(tmp_path / "other")
    evolve_run("karl-3.31", filled, "--evolve")
    release.with_folders(CHECKOUT / "benchmarks").script(NAIVE, other.folder)
    ours, theirs = content(release, filled), content(release, other)
    assert ours[1]["website"] == theirs[1]["website"]
    assert ours[1]["recency"] != theirs[1]["recency"]
    assert {name: row[0] for name, row in ours[0].items()} == {
        name: row[0] for name, row in theirs[0].items()
    }


def test_scrubbed(releases, filled, evolve_run):
    """Nobody's true mail address is left, and nothing else is changed."""
    evolve_run("acme-1.1", filled, "--evolve")
    release = releases["acme-1.1"]
    before, indexes, _ = content(release, filled)
    assert any(email for _, email, _ in before.values())
    release.with_folders(LIBRARY).script(SCRUB, filled.folder)
    after, same, _ = content(release, filled)
    emails = [email for _, email, _ in after.values() if email]
    assert len(emails) == sum(bool(email) for _, email, _ in before.values())
    assert all(email.endswith("@acme.invalid") for email in emails)
    assert len(set(emails)) == len(emails)
    assert indexes == same
    assert {n: [row[0], row[2]] for n, row in before.items()} == {
        n: [row[0], row[2]] for n, row in after.items()
    }


def test_only_steps_need_the_library():
    """No other module of a sample package imports it, and none requires it."""
    found = set()
    for file in EXAMPLES.rglob("src/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                if node.module.startswith("karl.recipe"):
                    found.add(str(file.relative_to(EXAMPLES)))
                assert not node.module.endswith(".scrubbing")
                assert ".evolve." not in node.module.removeprefix("karl.recipe.evolve.")
    assert found == {
        "acme.site/1.1/src/acme/site/evolve/evolve1.py",
        "acme.site/1.1/src/acme/site/scrubbing.py",
        "karl.intranet/3.31/src/karl/intranet/evolve/evolve1.py",
    }
    for file in EXAMPLES.glob("*/*/pyproject.toml"):
        assert "karl.recipe" not in file.read_text().partition("dependencies")[2]
