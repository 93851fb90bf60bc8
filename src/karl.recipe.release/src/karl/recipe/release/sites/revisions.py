"""Revisions: what was, is or may be live, as it stands on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.layout import RevisionLayout, SiteLayout

_NUMBER = re.compile(r"[1-9][0-9]*\Z")
_FORMAT = 1


@dataclass(frozen=True)
class Binding:
    """The database that a release works with.

    :ivar database: label of the database copy, or None.
    :ivar zodb_conf: text of the ``zodb.conf`` that binds it.
    """

    database: str | None
    zodb_conf: str

    @property
    def sha256(self) -> str:
        """Sha256 of ``zodb.conf``."""
        return hashlib.sha256(self.zodb_conf.encode()).hexdigest()


@dataclass(frozen=True)
class Revision:
    """What ``revision.json`` says.

    :ivar number: its number; never used for another one.
    :ivar release: version of the release.
    :ivar release_sha256: of the release's ``release.json``.
    :ivar database: label of the database copy, or None.
    :ivar zodb_conf_sha256: of ``zodb.conf``.
    :ivar previous: the revision that was live when this one was written.
    :ivar when: when it was written, ISO 8601.
    :ivar by: who had it written.
    :ivar host: on which machine.
    :ivar note: what they had to say about it.
    :ivar accepted_damage: the release was damaged, and somebody accepted that.
    """

    number: int
    release: str
    release_sha256: str
    database: str | None
    zodb_conf_sha256: str
    previous: int | None
    when: str
    by: str
    host: str
    note: str = ""
    accepted_damage: bool = False

    def to_text(self) -> str:
        """Return the content of ``revision.json``."""
        return files.canonical_json({"format": _FORMAT, **asdict(self)})

    def binds(self, binding: Binding) -> bool:
        """Tell whether this revision has exactly that binding."""
        return (self.database, self.zodb_conf_sha256) == (
            binding.database,
            binding.sha256,
        )

    @classmethod
    def from_mapping(cls, found: Mapping[str, Any]) -> Revision:
        """Return what the parsed ``revision.json`` says."""
        return cls(
            number=int(found["number"]),
            release=str(found["release"]),
            release_sha256=str(found["release_sha256"]),
            database=_text_or_none(found["database"]),
            zodb_conf_sha256=str(found["zodb_conf_sha256"]),
            previous=None if found["previous"] is None else int(found["previous"]),
            when=str(found["when"]),
            by=str(found["by"]),
            host=str(found["host"]),
            note=str(found["note"]),
            accepted_damage=bool(found["accepted_damage"]),
        )


def numbers(site: SiteLayout) -> tuple[int, ...]:
    """Return the numbers of all revisions on disk, lowest first.

    Names that are not numbers are not ours and are left out.
    """
    try:
        with os.scandir(site.revisions) as found:
            return tuple(
                sorted(
                    int(entry.name)
                    for entry in found
                    if _NUMBER.match(entry.name) and entry.is_dir(follow_symlinks=False)
                )
            )
    except FileNotFoundError:
        return ()


def current_number(site: SiteLayout) -> int | None:
    """Return the number of the live revision; None before the first switch.

    :raises RefusedError: ``current`` is not a symlink to a revision.
    """
    try:
        text = os.readlink(site.current)
    except FileNotFoundError:
        return None
    except OSError:
        text = ""
    number = os.path.basename(text)
    if not _NUMBER.match(number) or text != current_text(site, int(number)):
        raise RefusedError(
            f"{site.current} is not a symlink to a revision.",
            "Nothing here made it so: see what it is, move it away, and switch again.",
        )
    return int(number)


def current_text(site: SiteLayout, number: int) -> str:
    """Return the text of ``current`` when that revision is live."""
    return os.path.relpath(site.revision(number).root, site.root)


def release_text(site: SiteLayout, number: int, release: str) -> str:
    """Return the text of a revision's symlink to its release."""
    return os.path.relpath(site.release(release).root, site.revision(number).root)


def load(site: SiteLayout, number: int) -> Revision:
    """Read a revision and compare everything in it with its record.

    :raises RefusedError: there is no such revision.
    :raises DamagedError: a part is missing, unreadable or was changed.
    """
    layout = site.revision(number)
    if not layout.root.is_dir():
        raise RefusedError(
            f"There is no revision {number}.", "See switch-version --list."
        )
    try:
        found = json.loads(layout.record.read_text(encoding="utf-8"))
        revision = Revision.from_mapping(found)
        link = os.readlink(layout.release)
        binding = files.sha256_of(layout.zodb_conf)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(number, f"it cannot be read ({error!r})") from None
    if revision.number != number:
        raise _damaged(number, f"its record is that of revision {revision.number}")
    if link != release_text(site, number, revision.release):
        raise _damaged(number, f"its release is not {revision.release} but {link}")
    if binding != revision.zodb_conf_sha256:
        raise _damaged(number, "its zodb.conf was changed")
    return revision


def binding_of(site: SiteLayout, revision: Revision) -> Binding:
    """Return the binding of a revision that was just loaded."""
    text = site.revision(revision.number).zodb_conf.read_bytes().decode()
    return Binding(revision.database, text)


def write(site: SiteLayout, revision: Revision, binding: Binding) -> None:
    """Write a revision beside, make it durable, and give it its name.

    :raises RefusedError: the number is taken.
    """
    final = site.revision(revision.number)
    if os.path.lexists(final.root):
        raise RefusedError(
            f"{final.root} exists already.",
            "It is nothing of ours: see what it is and move it away.",
        )
    files.make_directory(site.revisions)
    partial = RevisionLayout(files.partial_name(final.root))
    files.seam("mkdir", partial.root)
    partial.root.mkdir()
    try:
        files.write_new(partial.zodb_conf, binding.zodb_conf, files.SEALED_FILE)
        files.write_new(partial.record, revision.to_text(), files.SEALED_FILE)
        files.seam("symlink", partial.release)
        os.symlink(
            release_text(site, revision.number, revision.release), partial.release
        )
        files.fsync_directory(partial.root)
        partial.root.chmod(files.SEALED_DIRECTORY)
        files.rename(partial.root, final.root)
    except BaseException:
        with contextlib.suppress(OSError):
            files.remove_tree(partial.root)
        raise


def remove(site: SiteLayout, number: int) -> None:
    """Remove a revision: first its name, at once, then its content."""
    root = site.revision(number).root
    partial = files.partial_name(root)
    files.rename(root, partial)
    files.remove_tree(partial)


def make_current(site: SiteLayout, number: int) -> None:
    """Make a revision the live one, by one rename."""
    files.swing_symlink(site.current, current_text(site, number))


def _damaged(number: int, what: str) -> DamagedError:
    return DamagedError(
        f"Revision {number} is damaged: {what}.",
        "Switch to a release by its version: that writes a new revision.",
    )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
