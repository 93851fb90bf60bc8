"""The persistent objects of the site, and how they hang together.

    Site
      communities/<name>          Community
          wiki/<name>             WikiPage
          files/<name>            StoredFile (its bytes are a ZODB blob)
      people/<name>               Profile

Every object is a location: ``__parent__`` and ``__name__`` are its way up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from pyramid.traversal import resource_path
from repoze.catalog.document import DocumentMap
from ZODB.blob import Blob

from karl.intranet.catalog import new_catalog

SITE_KEY = "site"


def now() -> datetime:
    """The present moment; every stored time is UTC."""
    return datetime.now(UTC).replace(microsecond=0)


class Content(Persistent):
    """A titled object with a place in the site."""

    __name__: str | None = None
    __parent__: Any = None
    kind = "content"
    docid: int | None = None

    def __init__(self, title: str) -> None:
        self.title = title
        self.created = now()
        self.modified = self.created

    @property
    def sort_title(self) -> str:
        """What lists of such content are ordered by."""
        return self.title.casefold()


class Folder(Content):
    """Content that holds other content by name."""

    kind = "folder"

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._children = OOBTree()
        self._count = Length()

    def __getitem__(self, name: str) -> Any:
        return self._children[name]

    def __contains__(self, name: object) -> bool:
        return name in self._children

    def __iter__(self) -> Iterator[str]:
        return iter(self._children)

    def __len__(self) -> int:
        return int(self._count())

    def __bool__(self) -> bool:
        """An empty folder is still a folder."""
        return True

    @property
    def children(self) -> OOBTree:
        """The children by name, for walks that may be long."""
        return self._children

    def values(self) -> Iterator[Any]:
        """The children, ordered by name."""
        return iter(self._children.values())

    def add(self, name: str, child: Content) -> Content:
        """Put ``child`` here; ``name`` must be free."""
        if name in self._children:
            message = f"{name!r} is already taken in {resource_path(self)}"
            raise KeyError(message)
        child.__name__ = name
        child.__parent__ = self
        self._children[name] = child
        self._count.change(1)
        return child


class Site(Folder):
    """The top of the tree, with the catalog of all that is below."""

    kind = "site"

    def __init__(self) -> None:
        super().__init__("Home")
        self.catalog = new_catalog()
        self.documents = DocumentMap()
        self.add("communities", Communities())
        self.add("people", People())


class Communities(Folder):
    """All communities."""

    def __init__(self) -> None:
        super().__init__("Communities")


class People(Folder):
    """The directory of people."""

    def __init__(self) -> None:
        super().__init__("People")


class Community(Folder):
    """A group of people with a wiki and files."""

    kind = "community"

    def __init__(self, title: str, description: str = "") -> None:
        super().__init__(title)
        self.description = description
        self.add("wiki", Wiki())
        self.add("files", Files())


class Wiki(Folder):
    """The wiki pages of a community."""

    def __init__(self) -> None:
        super().__init__("Wiki")


class Files(Folder):
    """The files of a community."""

    def __init__(self) -> None:
        super().__init__("Files")


class WikiPage(Content):
    """A page of wiki text."""

    kind = "page"

    def __init__(
        self, title: str, text: str = "", tags: tuple[str, ...] = (), author: str = ""
    ) -> None:
        super().__init__(title)
        self.text = text
        self.tags = tags
        self.author = author


class StoredFile(Content):
    """An uploaded file."""

    kind = "file"

    def __init__(self, title: str, filename: str, media_type: str) -> None:
        super().__init__(title)
        self.filename = filename
        self.media_type = media_type
        self.size = 0
        self.blob = Blob()

    def write(self, stream: BinaryIO, limit: int | None = None) -> None:
        """Store the bytes of ``stream``; ValueError if they exceed ``limit``."""
        size = 0
        with self.blob.open("w") as target:
            while chunk := stream.read(1 << 16):
                size += len(chunk)
                if limit is not None and size > limit:
                    message = f"more than {limit} bytes"
                    raise ValueError(message)
                target.write(chunk)
        self.size = size


class Profile(Content):
    """A person; the website is empty or an address with its scheme."""

    kind = "person"

    def __init__(  # noqa: PLR0913 - one argument per stored field
        self,
        first_name: str,
        last_name: str,
        *,
        email: str = "",
        website: str = "",
        country: str = "",
        position: str = "",
        biography: str = "",
    ) -> None:
        super().__init__(f"{first_name} {last_name}".strip())
        self.first_name = first_name
        self.last_name = last_name
        self.email = email
        self.website = website
        self.country = country
        self.position = position
        self.biography = biography

    @property
    def sort_title(self) -> str:
        """People are listed by their last name."""
        return f"{self.last_name} {self.first_name}".casefold()


def site_of(persistent: Any) -> Site:
    """The site of the database that ``persistent`` (often the root) lives in."""
    site: Site = persistent._p_jar.root()[SITE_KEY]
    return site
