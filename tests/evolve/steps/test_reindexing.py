"""Reindexing in some indexes of repoze.catalog, hypatia and ZCatalog."""

from __future__ import annotations

from typing import Any

import pytest
import transaction
from support.evolvesites import CATALOGS, Note, content, database, fill
from ZODB.serialize import referencesf

from karl.recipe.evolve.steps import StepError, UnknownIndexError, reindex
from karl.recipe.evolve.steps.catalogs import counts, shadow_name


@pytest.fixture(params=sorted(CATALOGS))
def data(request, tmp_path):
    """A site with a catalog of either kind."""
    return fill(tmp_path / "Data.fs", 2000, CATALOGS[request.param]())


def serials(connection: Any) -> dict[bytes, bytes]:
    """Return when each object of the database was last changed."""
    storage = connection.db().storage
    return {
        record.oid: record.tid
        for entry in storage.iterator()
        for record in entry
        if record.data
    }


def parts(index: Any) -> set[bytes]:
    """Return the oids of all objects that an index consists of."""
    found = set()
    waiting = [index]
    while waiting:
        item = waiting.pop()
        if item._p_oid in found:
            continue
        found.add(item._p_oid)
        referenced = item._p_jar.db().storage.load(item._p_oid)[0]
        waiting += [item._p_jar.get(oid) for oid in referencesf(referenced)]
    return found


def test_only_named_indexes_are_changed(data):
    """Reindexing changes objects of the named index, and no other object at all."""
    with database(data) as root:
        site = root["site"]
        for note in site.notes.values():
            note.website = "https://" + note.website
            note.title = "changed"
        transaction.commit()
        connection = root._p_jar
        before = serials(connection)
        allowed = parts(site.catalog["website"])
        pairs = [(note.docid, note) for note in site.notes.values()]
        result = reindex(site.catalog, pairs, ["website"])
        transaction.commit()
        after = serials(connection)
        touched = {oid for oid in after if after[oid] != before.get(oid)}
        assert touched & set(before)
        assert touched & set(before) <= allowed
    assert result.indexes == {"website": 2000}
    assert result.skipped == 0
    told = content(data)["indexes"]
    assert set(told["website"]["values"].values()) >= {"https://www1.example"}
    assert "changed" not in told["title"]["forward"]


def test_other_indexes_are_not_even_loaded(data):
    """Reindexing documents that the index knows loads nothing of other indexes."""
    with database(data) as root:
        others = [
            oid
            for name in ("title", "words", "text")
            for oid in parts(root["site"].catalog[name])
        ]
    with database(data) as root:
        catalog = root["site"].catalog
        connection = root._p_jar
        notes = [(note.docid, note) for note in root["site"].notes.values()][:50]
        reindex(catalog, notes, ["website"])
        loaded = [
            oid
            for oid in others
            if (item := connection._cache.get(oid)) is not None and item._p_state == 0
        ]
        assert not loaded


def test_unknown_indexes_are_refused_first(data):
    """An unknown index is told by name, and nothing is changed."""
    with database(data) as root:
        site = root["site"]
        pairs = ((note.docid, note) for note in site.notes.values())
        with pytest.raises(UnknownIndexError, match="no index wbsite") as caught:
            reindex(site.catalog, pairs, ["website", "wbsite"])
        assert "website" in caught.value.tip
        assert not root._p_jar._registered_objects


@pytest.mark.parametrize("indexes", ["website", []])
def test_indexes_are_a_list_of_names(data, indexes):
    """One text, or no name at all, is an error."""
    with database(data) as root, pytest.raises(StepError, match="index"):
        reindex(root["site"].catalog, [], indexes)


def test_unknown_documents_are_counted(data):
    """A docid that no index knows is not added, and told."""
    with database(data) as root:
        stranger = Note(1)
        result = reindex(root["site"].catalog, [(999_999, stranger)], ["website"])
        assert result.skipped == 1
        assert result.indexes == {"website": 0}
        assert 999_999 not in root["site"].catalog["website"].docids()


def test_docids_are_resolved(data):
    """Docids alone need a function that finds their objects."""
    with database(data) as root:
        site = root["site"]
        find = {note.docid: note for note in site.notes.values()}.__getitem__
        assert reindex(site.catalog, [1, 8], ["title"], resolve=find).skipped == 0
        with pytest.raises(StepError, match="docid 1"):
            reindex(site.catalog, [1], ["title"])


def test_a_new_index_is_filled(data):
    """An index that knows no document yet gets those that the other indexes know."""
    with database(data) as root:
        site = root["site"]
        kind = type(site.catalog["title"])
        site.catalog["visits"] = kind("visits")
        pairs = [(note.docid, note) for note in site.notes.values()]
        reindex(site.catalog, pairs, ["visits"])
        assert counts(site.catalog) == dict.fromkeys(site.catalog, 2000)


def test_an_index_being_rebuilt_is_kept_up_to_date(data):
    """Reindexing in an index does so in the one that grows beside it."""
    with database(data) as root:
        site = root["site"]
        new = site.catalog[shadow_name("title")] = type(site.catalog["title"])("title")
        reindex(site.catalog, [(1, site.notes["n0000000"])], ["title"])
        assert list(new.docids()) == [1]


class Tool:
    """What reindex() asks of a ZCatalog; it cannot be installed beside the others."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    _p_jar = None

    def indexes(self) -> list[str]:
        return ["website", "title"]

    def getrid(self, path: str) -> int | None:
        return 7 if path == "/site/a" else None

    def resolve_path(self, path: str) -> str:
        return f"object at {path}"

    def catalog_object(self, *arguments: Any, **options: Any) -> None:
        self.calls.append((arguments, options))


def test_a_zcatalog_is_given_the_names():
    """A ZCatalog reindexes known paths in the named indexes, without metadata."""
    tool = Tool()
    result = reindex(tool, ["/site/a", "/site/b"], ["website"])
    assert tool.calls == [
        (
            ("object at /site/a", "/site/a"),
            {"idxs": ["website"], "update_metadata": 0},
        )
    ]
    assert (result.indexes, result.skipped) == ({"website": 1}, 1)
    with pytest.raises(UnknownIndexError):
        reindex(tool, ["/site/a"], ["wbsite"])
