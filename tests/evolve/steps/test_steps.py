"""Steps as such: what they say of themselves, and how they run in one transaction."""

from __future__ import annotations

import pytest
import transaction
from support.evolvesites import CATALOGS, content, database, fill, sessions

from karl.recipe.evolve.running.evolving import evolve
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.session import session_of
from karl.recipe.evolve.steps import Rebuild, Step, StepError


class Shout(Step):
    """Titles are in capitals.

    All of them.
    """

    indexes = ("title",)
    batch = 100

    def objects(self, root):
        return root["site"].notes

    def catalog(self, root):
        return root["site"].catalog

    def change(self, note):
        note.title = note.title.upper()
        return True

    def invariants(self, root):
        if root["site"].notes["n0000000"].title == "NOTE 0 ":
            yield "There is a blank."


def test_the_docstring_says_what_it_is():
    """Title and description are the docstring's, unless they are given."""
    assert Shout.title == "Titles are in capitals"
    assert Shout.description == "All of them."

    class Named(Shout):
        title = "Named"

    assert (Named.title, Named.description) == ("Named", "")

    class Bare(Step):
        pass

    assert Bare.title == "Bare"


@pytest.mark.parametrize("kind", sorted(CATALOGS))
def test_a_step_is_what_repoze_evolution_calls(tmp_path, kind):
    """Called with the root, it does all in the present transaction."""
    data = fill(tmp_path / "Data.fs", 350, CATALOGS[kind]())
    before = content(data)
    with database(data) as root:
        Shout()(root)
        transaction.abort()
    assert content(data) == before
    with database(data) as root:
        Shout()(root)
        transaction.commit()
    after = content(data)
    assert after["indexes"]["title"]["values"][1] == "NOTE 0"
    assert after["keys"] == ["site"]
    with database(data) as root:
        root["site"].notes["n0000000"].title = "note 0 "
        with pytest.raises(StepError, match="There is a blank"):
            Shout()(root)


def test_a_rebuilt_index_is_there_at_once_under_repoze_evolution(tmp_path):
    """Called with the root, a rebuilding step fills the new index and puts it in."""

    class Renewed(Rebuild):
        index = "text"

        def objects(self, root):
            return root["site"].notes

        def catalog(self, root):
            return root["site"].catalog

        def new_index(self, root):
            return type(root["site"].catalog["text"])("title")

    with database(fill(tmp_path / "Data.fs", 30)) as root:
        Renewed()(root)
        assert len(root["site"].catalog["text"].apply("note")) == 30
        assert sorted(root["site"].catalog) == ["text", "title", "website", "words"]
        Renewed.index = "texts"
        with pytest.raises(StepError, match="no index 'texts'"):
            Renewed()(root)


@pytest.mark.parametrize(
    ("missing", "message"),
    [("catalog", "names indexes, but no catalog"), ("docid", "has no docid")],
)
def test_what_is_missing_is_told(tmp_path, missing, message):
    """A step with indexes needs a catalog, and its objects docids."""

    class Lacking(Shout):
        """Lacks something."""

        def objects(self, root):
            if missing == "docid":
                for note in root["site"].notes.values():
                    del note.docid
                    yield note

        if missing == "catalog":
            catalog = Step.catalog

    steps = [Lacking()]

    class Given(Package):
        def step(self, version):
            return PendingStep(self, version, steps[version - 1])

    data = fill(tmp_path / "Data.fs", 3)
    with (
        sessions(data) as database_,
        session_of(database_) as session,
        pytest.raises(StepError, match=message),
    ):
        evolve(session, [Given("given", "given", 1)])


def test_objects_must_be_of_the_database(tmp_path):
    """What is not stored by itself cannot be reindexed later, and is told."""

    class Loose(Shout):
        """Walks over copies."""

        def objects(self, root):
            from support.evolvesites import Note

            return [Note(1)]

    with (
        database(fill(tmp_path / "Data.fs", 3)) as root,
        pytest.raises(StepError, match="is not an object of this database"),
    ):
        Loose()(root)


def test_large_objects_make_small_batches(tmp_path):
    """A transaction ends earlier if it has loaded much."""

    class Heavy(Shout):
        """Loads much."""

        batch_bytes = 10_000
        batch = 1000
        indexes = ()

        def change(self, note):
            return not note.text

    class Given(Package):
        def step(self, version):
            return PendingStep(self, version, Heavy())

    data = fill(tmp_path / "Data.fs", 300)
    with database(data) as root:
        for note in root["site"].notes.values():
            note.text = "x" * 1000
        transaction.commit()
    with sessions(data) as database_:
        with session_of(database_) as session:
            evolve(session, [Given("given", "given", 1)])
        notes = [
            entry.description
            for entry in database_.storage.iterator()
            if b"objects" in entry.description
        ]
    assert 15 < len(notes) <= 40
