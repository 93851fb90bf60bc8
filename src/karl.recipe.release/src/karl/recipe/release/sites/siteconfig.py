"""What the commands of a site know of it: ``etc/site.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.files import canonical_json
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.names import checked_label

_FORMAT = 1


@dataclass(frozen=True)
class SiteConfig:
    """What the buildout says of a site.

    :ivar site: the site's name, such as ``acme-prod``.
    :ivar zodb_conf: text of the ``zodb.conf`` that the first revision carries.
    :ivar database: label of the database copy that it binds; None for no database.
    :ivar after_switch: commands, as argument lists, run after each switch.
    :ivar keep: how many revisions pruning keeps, unless it is told a number.
    :ivar smoke_timeout: seconds that the smoke test of a release may take.
    :ivar hook_timeout: seconds that each of the commands may take.
    """

    site: str
    zodb_conf: str = ""
    database: str | None = None
    after_switch: tuple[tuple[str, ...], ...] = ()
    keep: int = 5
    smoke_timeout: float = 120.0
    hook_timeout: float = 300.0

    def __post_init__(self) -> None:
        """Check every value.

        :raises UsageError: a value is not of the form it must have.
        """
        checked_label(self.site)
        if self.database is not None:
            checked_label(self.database)
        if self.keep < 1:
            _refuse("keep", "a whole number, 1 or more")
        if not 0 < self.smoke_timeout < float("inf"):
            _refuse("smoke-timeout", "a number of seconds above 0")
        if not 0 < self.hook_timeout < float("inf"):
            _refuse("hook-timeout", "a number of seconds above 0")
        for command in self.after_switch:
            if not command or not command[0] or any("\0" in word for word in command):
                _refuse("after-switch", "commands that begin with a program")

    def to_text(self) -> str:
        """Return the content of ``etc/site.json``."""
        return canonical_json(
            {
                "format": _FORMAT,
                "site": self.site,
                "zodb_conf": self.zodb_conf,
                "database": self.database,
                "after_switch": [list(command) for command in self.after_switch],
                "keep": self.keep,
                "smoke_timeout": self.smoke_timeout,
                "hook_timeout": self.hook_timeout,
            }
        )

    @classmethod
    def from_mapping(cls, found: Mapping[str, Any]) -> SiteConfig:
        """Return what the parsed ``etc/site.json`` says.

        Keys that we do not know are another command's and are left alone.
        """
        database = found["database"]
        return cls(
            site=str(found["site"]),
            zodb_conf=str(found["zodb_conf"]),
            database=None if database is None else str(database),
            after_switch=tuple(
                tuple(str(word) for word in command)
                for command in found["after_switch"]
            ),
            keep=int(found["keep"]),
            smoke_timeout=float(found["smoke_timeout"]),
            hook_timeout=float(found["hook_timeout"]),
        )

    @classmethod
    def load(cls, site: SiteLayout) -> SiteConfig:
        """Read ``etc/site.json``.

        :raises RefusedError: there is none: this is no site of ours.
        :raises DamagedError: it cannot be understood.
        """
        tip = "Run the site's buildout again: it writes this file."
        try:
            found = json.loads(site.config.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise RefusedError(
                f"{site.root} is not a site: it has no {site.config.name}.", tip
            ) from None
        except ValueError as error:
            raise DamagedError(f"{site.config} is not JSON: {error}.", tip) from None
        try:
            return cls.from_mapping(found)
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise DamagedError(
                f"{site.config} does not describe a site: {error!r}.", tip
            ) from None


def _refuse(option: str, wanted: str) -> None:
    raise UsageError(
        f"The option {option} is not {wanted}.", "Correct it in the buildout."
    )
