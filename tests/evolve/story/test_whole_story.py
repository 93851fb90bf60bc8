"""A customer's site from its first release to the next and back, with visitors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.samplesites import Samples, cloned
from support.waiting import eventually
from ZODB.FileStorage.FileStorage import FileIterator

from tour.answers import Answer, read_answers
from tour.crowd import visited
from tour.visitors import Plan, Visitor, content

DOCUMENTS = 3000

#: What a site has, told by its own software.
CONTENT = """
import hashlib, json, sys
from pathlib import Path
from pyramid.traversal import resource_path
from karl.intranet.content import site_of
from karl.intranet.database import opened

documents, people, files, classes = {}, {}, {}, {}

def walk(folder):
    for child in folder.values():
        path = resource_path(child)
        if child.docid is not None:
            documents[child.docid] = path
        if child.kind == "person":
            people[path] = child.website
        if child.kind == "community":
            classes[path] = getattr(child, "acme_classification", None)
        if child.kind == "file":
            with child.blob.open("r") as stream:
                files[path] = hashlib.sha256(stream.read()).hexdigest()
        if hasattr(child, "values"):
            walk(child)

with opened(Path(sys.argv[1]) / "zodb.conf", read_only=True) as database:
    with database.transaction() as connection:
        site = site_of(connection.root())
        walk(site)
        index = site.catalog["website"]
        print(json.dumps({
            "paths": sorted(documents.values()),
            "people": people,
            "files": files,
            "classes": classes,
            "mapped": dict(site.documents.docid_to_address) == documents,
            "unequal": [
                name
                for name, each in site.catalog.items()
                if set(each.docids()) != set(documents)
            ],
            "indexed": {
                path: index._rev_index.get(docid, "")
                for docid, path in documents.items()
                if path in people
            },
        }))
"""


@dataclass(frozen=True)
class Times:
    """When writes were refused for sure, and when they could be, in epoch seconds."""

    begun: float
    shut: float
    opened: float
    ended: float

    @classmethod
    def of(cls, run: dict[str, Any]) -> Times:
        """Take them from what ``evolve`` told of a run."""
        steps = {step["name"]: step for step in run["steps"]}

        def when(name: str, *, done: bool) -> float:
            step = steps[name]
            return float(run["began"] + step["at"] + (step["seconds"] if done else 0))

        return cls(
            when("mode", done=False),
            when("mode", done=True),
            when("normal", done=False),
            when("normal", done=True),
        )


class Story:
    """What happened, as visitors saw it."""

    def __init__(self, samples: Samples, plan: Plan) -> None:
        self.samples, self.plan = samples, plan

    def answers(self) -> list[Answer]:
        """Every answer until now."""
        return read_answers(self.plan.answers)

    def accepted(self) -> list[Answer]:
        """Every write until now that was accepted."""
        return [answer for answer in self.answers() if answer.accepted]

    def let_them_write(self) -> None:
        """Wait until some more writes were accepted."""
        wanted = len(self.accepted()) + 6
        eventually(lambda: len(self.accepted()) >= wanted, seconds=60)

    def content(self) -> Any:
        """What the live database has."""
        current = self.samples.site() / "current"
        release = (current / "release").resolve().name
        return self.samples.python(release, CONTENT, current.resolve())


@pytest.fixture
def samples() -> Iterator[Samples]:
    """Acme's site with release 1.0 and a few thousand documents; 1.1 is built."""
    with cloned() as made:
        made.buildout("zeo-central")
        made.run([made.site("zeo-central") / "bin/switch-version", "1"])
        made.zeoctl("init", "acme-prod")
        made.zeoctl("start", "acme-prod")
        address = f"site:address={made.port}"
        made.buildout("acme-prod", address)
        made.do("acme-prod/bin/evolve", "1.0")
        made.do("acme-prod/bin/site", "start")
        fill = made.site() / "current/release/bin/karl-fill"
        made.run([fill, str(DOCUMENTS), "--file-size", "3000", "--quiet"])
        made.buildout("acme-prod", address, "site:version=1.1")
        yield made


@pytest.mark.slow
def test_the_whole_story(samples, tmp_path):
    """Nobody who reads notices; whoever wrote is never told what is not so."""
    story = Story(samples, Plan(samples.url, str(tmp_path / "load")))
    before = story.content()
    assert len(before["paths"]) == DOCUMENTS
    size, blobs = stored(samples.copy(1))
    with visited(story.plan) as answers:
        story.let_them_write()
        rehearsed = samples.do("acme-prod/bin/evolve", "1.1", "--rehearse")
        upgraded = samples.do("acme-prod/bin/evolve", "1.1")
        left = kept(samples.copy(1), size, blobs)
        story.let_them_write()
        check_new(story, before)
        assert kept(samples.copy(1), size, blobs) == left
        refused = samples.do("acme-prod/bin/evolve", "--rollback", code=3)
        back = samples.do("acme-prod/bin/evolve", "--rollback", "--discard-writes")
        story.let_them_write()
    assert rehearsed["predicted_window"] > 0
    window, second = Times.of(upgraded), Times.of(back)
    check_answers(answers, [window, second])
    written = [answer for answer in answers if answer.accepted]
    kept_writes = [each for each in written if each.end < window.opened]
    lost = [each for each in written if window.opened <= each.end < second.opened]
    told = re.search(r"would lose (\d+) transactions", refused["error"]["message"])
    assert told
    assert 0 < int(told[1]) <= len(lost)
    assert left.transactions == len(kept_writes)
    check_old(story, before, [*kept_writes, *(set(written) - {*kept_writes, *lost})])
    # What was given up is kept: in the copy that was live meanwhile.
    number = upgraded["to"]["copy"]
    given_up = transactions(samples.copy(number), after=left.tid)
    assert given_up >= len(lost)


@dataclass(frozen=True)
class Left:
    """What a copy's file has beyond what it had.

    :ivar tid: of its last transaction.
    :ivar digest: of the whole file.
    """

    transactions: int
    tid: bytes
    digest: str


def stored(copy: Path) -> tuple[tuple[int, str], dict[Path, str]]:
    """Return size and digest of a copy's data, and the digest of each blob."""
    data = (copy / "Data.fs").read_bytes()
    blobs = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (copy / "blobs").rglob("*.blob")
    }
    assert len(blobs) > DOCUMENTS // 20
    return (len(data), hashlib.sha256(data).hexdigest()), blobs


def kept(copy: Path, was: tuple[int, str], blobs: dict[Path, str]) -> Left:
    """Check that a copy has all that it had, byte for byte; return what it has more."""
    size, digest = was
    data = (copy / "Data.fs").read_bytes()
    assert hashlib.sha256(data[:size]).hexdigest() == digest
    assert stored(copy)[1].items() >= blobs.items()
    found = [
        each.tid for each in FileIterator(str(copy / "Data.fs"), pos=size) if each.tid
    ]
    return Left(len(found), found[-1], hashlib.sha256(data).hexdigest())


def transactions(copy: Path, *, after: bytes) -> int:
    """Return how many transactions a copy has that are newer."""
    found = FileIterator(str(copy / "Data.fs"))
    return sum(each.tid > after for each in found)


def check_answers(answers: list[Answer], windows: list[Times]) -> None:
    """Check that reads were answered, and writes accepted or refused at their time."""
    assert [each for each in answers if each.error] == []
    reads = [each for each in answers if each.kind != "write"]
    assert {each.kind for each in reads} == {"read", "search"}
    assert {each.status for each in reads} == {200}
    writes = [each for each in answers if each.kind == "write"]
    assert {each.status for each in writes} == {200, 503}
    for window in windows:
        within = [
            each
            for each in writes
            if window.shut < each.start and each.end < window.opened
        ]
        assert len(within) > 1
        assert {each.status for each in within} == {503}
    for each in writes:
        if each.status == 503:
            assert int(each.retry_after) > 0
            assert any(w.begun < each.end and each.start < w.ended for w in windows)


def check_new(story: Story, before: Any) -> None:
    """Check that the evolved data are right, and that nothing got lost on the way."""
    accepted = story.accepted()
    found = story.content()
    check_content(story, found, accepted)
    assert {path: found["people"][path] for path in before["people"]} == {
        path: website if not website or "://" in website else f"https://{website}"
        for path, website in before["people"].items()
    }
    assert found["people"] != before["people"]
    assert set(found["classes"].values()) == {"internal"}
    check_kept(before, found)


def check_old(story: Story, before: Any, accepted: list[Answer]) -> None:
    """Check that everything is as it was, and that nothing got lost on the way."""
    found = story.content()
    check_content(story, found, accepted)
    assert found["people"] == before["people"]
    assert set(found["classes"].values()) == {None}
    check_kept(before, found)
    assert len(found["paths"]) == DOCUMENTS + len(accepted)


def check_kept(before: Any, found: Any) -> None:
    """Check that all documents and files of the beginning are there."""
    assert set(before["paths"]) <= set(found["paths"])
    assert before["files"].items() <= found["files"].items()


def check_content(story: Story, found: Any, accepted: list[Answer]) -> None:
    """Check that catalog and documents agree, and that every write is there."""
    assert found["mapped"]
    assert found["unequal"] == []
    assert found["indexed"] == found["people"]
    assert {each.made.rstrip("/") for each in accepted} <= set(found["paths"])
    visitor = Visitor(story.samples.url)
    for each in accepted[:: max(1, len(accepted) // 20)]:
        page = visitor.ask(f"/search?q={each.word}").body.decode()
        assert f'href="{each.made}"' in page
    for each in [each for each in accepted if "/files/" in each.made][:5]:
        body = visitor.ask(f"{each.made}@@download").body.decode()
        assert body.strip() == content(each.word).strip()
