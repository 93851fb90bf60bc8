"""Who starts the processes of a site, and starts them again when they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.release.base.reporter import Reporter


@dataclass(frozen=True)
class Control:
    """What a controller knows of a process.

    :ivar state: its word for it, such as ``RUNNING``; may be empty.
    :ivar pid: None: it does not run.
    :ivar given_up: it is not going to be started again by itself.
    """

    state: str
    pid: int | None
    given_up: bool = False


class Controller(Protocol):
    """supervisord or systemd."""

    def start(self, reporter: Reporter) -> None:
        """Have every process started; those that run stay.  Waits for none.

        :raises KarlError: that could not be done.
        """

    def stop(self, reporter: Reporter) -> bool:
        """Stop every process and wait until all have ended; tell if any ran.

        :raises UnfinishedError: one has not ended in time.
        """

    def runs(self) -> bool:
        """Tell whether the site is started, whatever its processes do."""

    def workers(self) -> Mapping[int, Control]:
        """Return what is known of each process, by number."""

    def replace(self, number: int) -> None:
        """End a process, if it runs, and have it started anew; wait for its end.

        :raises UnfinishedError: it has not ended in time.
        """

    def outdated(self) -> str:
        """Return what a restart cannot bring about, a sentence; empty: nothing."""


def of(site: SiteDeclaration) -> Controller:
    """Return the controller that a site declares."""
    if site.serving.control == "systemd":
        from karl.recipe.evolve.serving.systemd import Systemd

        return Systemd(site)
    from karl.recipe.evolve.serving.supervisor import Supervisor

    return Supervisor(site)
