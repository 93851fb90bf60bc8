"""Work that is left for the background, while the site is in use."""

from __future__ import annotations

import sys
import threading

import pytest
import transaction
from support.evolvesites import (
    CATALOGS,
    WORDS,
    content,
    database,
    event,
    events,
    fill,
    index_content,
    install,
    run,
    sessions,
)
from ZODB.POSException import ConflictError

from karl.recipe.evolve.running.deferring import run_deferred
from karl.recipe.evolve.running.evolving import evolve
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.session import session_of
from karl.recipe.evolve.steps import Rebuild
from karl.recipe.evolve.steps.catalogs import Docids, shadow_name

REBUILD = """
    from product.base import OfSite, Rebuild

    class NewText(Rebuild, OfSite):
        \"""The text index is built anew, with titles.\"""

        index = "text"

        def new_index(self, root):
            old = root["site"].catalog["text"]
            return type(old)(everything)

        def invariants(self, root):
            if not root["site"].catalog["text"].apply("note"):
                yield "The titles are not found."

    def everything(note, default):
        return f"{note.title} {note.text}"

    evolve = NewText()
"""


@pytest.fixture
def packages(packages):
    """Two packages; the second rebuilds the text index in the background."""
    install(
        packages,
        "addon",
        {
            "__init__": (packages / "addon" / "__init__.py").read_text(),
            "evolve1": REBUILD,
        },
        requires=("product",),
    )
    return packages


def found(data, word):
    """Return the docids that the text index finds."""
    with database(data, read_only=True) as root:
        return sorted(root["site"].catalog["text"].apply(word))


@pytest.fixture
def importable(packages, monkeypatch):
    """Let this process import the packages, as a site would."""
    monkeypatch.syspath_prepend(str(packages))
    yield packages
    for name in [n for n in sys.modules if n.partition(".")[0] in {"product", "addon"}]:
        del sys.modules[name]


def test_an_index_is_rebuilt_after_cut_over(importable, data):
    """At cut-over the old index serves; the background fills and swaps the new one."""
    result = run(importable, "--data", data, "--evolve", "--json")
    assert result.returncode == 0, result.stdout
    told = event(run(importable, "--data", data, "--json"), "status")
    assert [(d["package"], d["version"]) for d in told["deferred"]] == [("addon", 1)]
    assert all(p["state"] == "current" for p in told["packages"])
    assert found(data, "note") == []
    assert len(found(data, "alpha")) == 237
    with database(data) as root:  # the site goes on
        site = root["site"]
        site.add(2000)
        note = site.notes["n0000008"]
        note.text = "changed meanwhile"
        site.catalog.reindex_doc(note.docid, note)
        gone = site.notes.pop("n0000009")
        del site.documents[gone.docid]
        site.catalog.unindex_doc(gone.docid)
        transaction.commit()
    result = run(importable, "--data", data, "--deferred", "--json", "--pause", 0)
    assert result.returncode == 0, result.stdout
    end = event(result, "step_end")
    assert (end["seen"], end["changed"]) == (1000, 998)
    assert len(found(data, "note")) == 1000
    assert found(data, "meanwhile") == [8 * 7 + 1]
    assert 9 * 7 + 1 not in found(data, "note")
    assert shadow_name("text") not in content(data)["indexes"]
    assert content(data)["keys"] == ["repoze.evolution", "site"]
    again = run(importable, "--data", data, "--deferred", "--json")
    assert event(again, "end")["result"] == "nothing to do"


def test_a_killed_background_goes_on(importable, tmp_path):
    """Killed in the middle, the background goes on after its last batch."""
    data = fill(tmp_path / "Data.fs", 350)
    assert run(importable, "--data", data, "--evolve").returncode == 0
    for _ in range(2):
        killed = run(importable, "--data", data, "--deferred", DIE_AT="after 1")
        assert killed.returncode == -9
    result = run(importable, "--data", data, "--deferred", "--json", "--pause", "0")
    assert event(result, "step_begin")["resumed"]
    assert event(result, "step_end")["seen"] == 350
    assert len(found(data, "note")) == 350


def test_a_dry_run_leaves_no_work(importable, data):
    """Checked beforehand, it tells how many documents the new index will have."""
    result = run(importable, "--data", data, "--check", "--json")
    told = [e for e in events(result) if e["event"] == "would_change"]
    assert [(e["changes"], e["seen"]) for e in told] == [(666, 1000), (1000, 1000)]
    assert run(importable, "--data", data, "--dry-run").returncode == 0
    assert shadow_name("text") not in content(data)["indexes"]


class Renewed(Rebuild):
    """The text index is built anew."""

    index = "text"

    def objects(self, root):
        return root["site"].notes

    def catalog(self, root):
        return root["site"].catalog

    def documents(self, root):
        return root["site"].documents

    def new_index(self, root):
        return type(root["site"].catalog["text"])("text")


class Given(Package):
    """A package whose step is there already."""

    def step(self, version: int) -> PendingStep:
        return PendingStep(self, version, Renewed())


PACKAGES = [Given("given", "given", 1)]


def _site(database_, stop, failures):
    # A site that adds, changes and removes notes all the time.
    manager = transaction.TransactionManager()
    connection = database_.open(manager)
    number = 5000
    try:
        while not stop.is_set():
            try:
                manager.begin()
                site = connection.root()["site"]
                _write(site, number)
                manager.commit()
            except ConflictError:
                manager.abort()
            number += 1
            stop.wait(0.003)
    except Exception as error:  # noqa: BLE001 - told by the test
        failures.append(error)
    finally:
        manager.abort()
        connection.close()


def _write(site, number):
    name = f"n{number * 37 % 600:07}"
    if number % 3 == 0:
        site.add(number)
    elif name in site.notes:
        note = site.notes[name]
        if number % 3 == 1:
            note.text = f"{WORDS[number % 8]} rewritten"
            site.catalog.reindex_doc(note.docid, note)
        else:
            del site.notes[name]
            del site.documents[note.docid]
            site.catalog.unindex_doc(note.docid)


@pytest.mark.parametrize("kind", sorted(CATALOGS))
def test_the_new_index_agrees_with_a_busy_site(tmp_path, kind):
    """Rebuilt while the site writes, the new index is what a fresh one would be."""
    data = fill(tmp_path / "Data.fs", 600, CATALOGS[kind]())
    stop = threading.Event()
    failures = []
    with sessions(data) as database_:
        with session_of(database_) as session:
            evolve(session, PACKAGES)
        site = threading.Thread(target=_site, args=(database_, stop, failures))
        site.start()
        try:
            with session_of(database_) as session:
                run_deferred(session, PACKAGES, pause=0.01)
        finally:
            stop.set()
            site.join()
        assert not failures
    with database(data) as root:
        site = root["site"]
        index = site.catalog["text"]
        assert shadow_name("text") not in site.catalog
        fresh = type(index)("text")
        for note in site.notes.values():
            fresh.index_doc(note.docid, note)
        assert sorted(Docids(index)) == sorted(site.documents)
        assert index_content(index) == index_content(fresh)
        assert sorted(index.apply("rewritten")) == sorted(fresh.apply("rewritten"))


def test_strangers_are_taken_out(tmp_path):
    """Documents that are gone do not stay in the new index."""
    with database(fill(tmp_path / "Data.fs", 20)) as root:
        step = Renewed()
        step.prepare(root)
        new = root["site"].catalog[shadow_name("text")]
        for note in root["site"].notes.values():
            step.change(note)
        del root["site"].documents[8]
        assert list(step.strangers(root)) == [8]
        step.forget(root, [8])
        assert list(step.strangers(root)) == []
        assert len(new.docids()) == 19
