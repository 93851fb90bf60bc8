"""Filling a site with made-up people, communities, pages and files."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from karl.intranet import catalog
from karl.intranet.content import (
    Community,
    Content,
    Folder,
    Profile,
    Site,
    StoredFile,
    WikiPage,
)
from karl.intranet.countries import COUNTRIES
from karl.intranet.names import free_name, name_for
from karl.intranet.sample import words

LATEST = datetime(2026, 6, 1, tzinfo=UTC)
PER_COMMUNITY = 60


@dataclass(frozen=True)
class Sizes:
    """How large documents are: words of a page, and average bytes of a file."""

    page_words: int = 150
    file_bytes: int = 20_000


class Filling:
    """An iteration that adds ``count`` documents to ``site``, one a turn.

    The same seed on the same site gives the same documents. Of every twenty, one
    is a person's profile and two are files; the others are wiki pages. A new
    community is opened for every sixty.
    """

    def __init__(
        self, site: Site, count: int, seed: int, sizes: Sizes | None = None
    ) -> None:
        self.site = site
        self.count = count
        self.sizes = sizes or Sizes()
        self.random = random.Random(seed)  # noqa: S311 - made-up data, no secrets
        self.authors: list[str] = []
        self.community: Community | None = None
        self.companies = [self._coined() for _ in range(24)]
        self.previous_title = ""

    def __iter__(self) -> Iterator[Content]:
        for number in range(self.count):
            yield self._document(number)

    def _document(self, number: int) -> Content:
        if number % PER_COMMUNITY == 0:
            return self._open_community()
        turn = number % 20
        if turn in {1, 11}:
            return self._person()
        if turn in {7, 17}:
            return self._file()
        return self._page()

    def _add(self, folder: Folder, content: Content) -> Content:
        content.created = LATEST - timedelta(minutes=self.random.randrange(1_000_000))
        content.modified = content.created
        folder.add(free_name(content.title, folder), content)
        catalog.index(content)
        return content

    def _open_community(self) -> Content:
        topic = self.random.choice(words.TOPICS)
        group = self.random.choice(words.GROUPS)
        place = COUNTRIES[self.random.choice(list(COUNTRIES))]
        title = f"{topic.capitalize()} {group}, {place}"
        description = f"{self._sentence(topic)} {self._sentence(topic)}"
        self.community = Community(title, description)
        self.previous_title = ""
        return self._add(self.site["communities"], self.community)

    def _person(self) -> Content:
        first = self.random.choice(words.FIRST_NAMES)
        last = self.random.choice(words.LAST_NAMES)
        # Half of the people work where others do, too.
        coined = self.random.choice(
            (self._coined(), self.random.choice(self.companies))
        )
        company = f"{coined}.example"
        mailbox = f"{name_for(first)}.{name_for(last)}"
        profile = Profile(
            first,
            last,
            email=f"{mailbox}@{company}",
            website=self._website(company),
            country=self.random.choice(list(COUNTRIES)),
            position=self.random.choice(words.POSITIONS),
            biography=self._sentence(self.random.choice(words.TOPICS)),
        )
        self.authors = [*self.authors[-50:], profile.title]
        return self._add(self.site["people"], profile)

    def _website(self, company: str) -> str:
        """People enter what they like: with a scheme, without, or nothing."""
        form = self.random.choice(
            ("{0}", "www.{0}", "www.{0}/team", "https://www.{0}", "http://{0}/", "")
        )
        return form.format(company)

    def _page(self) -> Content:
        topic = self.random.choice(words.TOPICS)
        title, text = self._title(topic), self._text(topic)
        if self.previous_title and self.random.random() < 0.4:  # noqa: PLR2004
            text += f"\n\nSee also [[{self.previous_title}]]."
        self.previous_title = title
        page = WikiPage(
            title,
            text,
            tags=tuple(sorted({topic, self.random.choice(words.TOPICS)})),
            author=self.random.choice(self.authors) if self.authors else "",
        )
        return self._add(self._folder("wiki"), page)

    def _file(self) -> Content:
        topic = self.random.choice(words.TOPICS)
        extension, media_type = self.random.choice(words.FILE_TYPES)
        title = self._title(topic)
        stored = StoredFile(title, f"{name_for(title)}.{extension}", media_type)
        length = int(self.random.uniform(0.2, 1.8) * self.sizes.file_bytes)
        stored.write(io.BytesIO(self.random.randbytes(length)))
        return self._add(self._folder("files"), stored)

    def _folder(self, name: str) -> Folder:
        if self.community is None:
            self._open_community()
        folder: Folder = self.community[name]  # type: ignore[index]
        return folder

    def _title(self, topic: str) -> str:
        title = self.random.choice(words.DOCUMENTS).format(topic=topic)
        return f"{title[0].upper()}{title[1:]} ({self._coined().capitalize()})"

    def _coined(self) -> str:
        """A word that nobody knows: of a place, a project, a company."""
        return "".join(self.random.choices(words.SYLLABLES, k=3))

    def _sentence(self, topic: str) -> str:
        choice = self.random.choice
        target = choice(words.OBJECTS).format(topic=topic)
        sentence = (
            f"{choice(words.SUBJECTS)} {choice(words.VERBS)} {target}"
            f" {choice(words.CLOSINGS)}."
        )
        return sentence[0].upper() + sentence[1:]

    def _text(self, topic: str) -> str:
        paragraphs: list[str] = []
        count = 0
        while count < self.sizes.page_words:
            sentences = [
                self._sentence(topic) for _ in range(self.random.randint(2, 4))
            ]
            if self.random.random() < 0.3:  # noqa: PLR2004 - every third or so
                paragraphs.append(f"== {self.random.choice(words.HEADINGS)}")
            if self.random.random() < 0.2:  # noqa: PLR2004 - every fifth or so
                paragraphs.append("\n".join(f"* {line}" for line in sentences))
            else:
                code = self._coined().capitalize()
                paragraphs.append(" ".join(sentences) + f" Project code **{code}**.")
            count += sum(len(sentence.split()) for sentence in sentences)
        return "\n\n".join(paragraphs)
