"""What the buildout declares, as values: checked, frozen, kept in etc/upgrade.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.release.base import declared
from karl.recipe.release.base.files import canonical_json

_FORMAT = 1

#: Before and after which hooks are run.
PHASES = ("read-only", "evolve", "cut-over", "rollback")

#: Every moment at which hooks are run: ``before-read-only`` ...
MOMENTS = tuple(f"{when}-{phase}" for phase in PHASES for when in ("before", "after"))

#: No site has more processes.
MOST_WORKERS = 64

#: An argument list: a program and its arguments, read by no shell.
Command = tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """Where a site listens: a Unix socket, or a host and a port.

    :ivar path: of the Unix socket; empty for TCP.
    :ivar host: an IP address, or ``localhost``; an IPv6 one without brackets.
    """

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Serving:
    """The processes of a site.

    :ivar address: where the site listens.
    :ivar workers: how many processes serve it.
    :ivar threads: of each process.
    :ivar application: ini file of PasteDeploy, with ``#name`` of its application.
    :ivar health_paths: paths that answer with status 200 if all is well; the
        first is asked; none of them is ever answered for the application.
    :ivar mode_page: HTML file that is sent with a refusal; empty: our own.
    :ivar retry_after: seconds after which a browser should try again.
    :ivar safe_posts: paths to which one may post while the site is read-only.
    :ivar control: who starts the processes: ``supervisord`` or ``systemd``.
    :ivar supervisord: the program, a path, or a name to be found on the PATH.
    :ivar systemctl: the command.
    :ivar user: whom the processes run as; empty: who runs the buildout.
    :ivar request_timeout: seconds after which a process that does nothing is
        taken for dead.
    """

    address: Address
    workers: int = 2
    threads: int = 4
    application: str = ""
    health_paths: tuple[str, ...] = ("/healthz",)
    mode_page: str = ""
    retry_after: int = 60
    safe_posts: tuple[str, ...] = ()
    control: str = "supervisord"
    supervisord: str = "supervisord"
    systemctl: Command = ("systemctl",)
    user: str = ""
    request_timeout: int = 60


@dataclass(frozen=True)
class Timeouts:
    """How long something may take, in seconds.

    :ivar start: until a process answers its health check.
    :ivar stop: until a process has answered its last requests and ended.
    :ivar health: one health check.
    :ivar hook: one hook.
    :ivar jobs: waiting for cron jobs that run.
    :ivar storage: one command of the database server.
    :ivar evolve: all evolve steps.
    :ivar window: from the beginning of the read-only window to the cut-over,
        after which an upgrade gives up by itself; 0: no limit.
    """

    start: float = 60.0
    stop: float = 30.0
    health: float = 10.0
    hook: float = 300.0
    jobs: float = 300.0
    storage: float = 3600.0
    evolve: float = 86400.0
    window: float = 0.0


@dataclass(frozen=True)
class CronJob:
    """A cron job of the site, which does not begin while jobs are inhibited.

    :ivar times: five fields, or a word such as ``@daily``.
    :ivar command: no shell reads it.
    """

    times: str
    command: Command


@dataclass(frozen=True)
class Account:
    """Whom the processes run as.

    :ivar group: the user's own.
    """

    user: str
    group: str


@dataclass(frozen=True)
class Refresh:
    """Where a site gets its data from, and what makes them fit to be seen there.

    :ivar source: the other site's storage, whose backup is taken.
    :ivar scrub: commands; a word such as ``package.module:function`` is a function of
        the site's release. Empty: it was said that nothing has to be done.
    """

    source: str
    scrub: tuple[Command, ...]


@dataclass(frozen=True)
class SiteDeclaration:
    """A site, as its commands know it.

    :ivar root: its folder, a real path.
    :ivar name: of the site, such as ``acme-prod``; names its systemd units.
    :ivar storage: what ``zeoctl`` calls its database; empty: no storage of a
        database server, so that ``evolve`` cannot work on it.
    :ivar zeo_command: ``zeoctl`` with what leads to it, such as ``ssh zeo@db1``.
    :ivar evolve_packages: dotted names of packages that evolve, besides those that
        releases say by themselves.
    :ivar evolve_context: the key in the root of what plain evolve functions are called
        with; empty: the root itself.
    :ivar refresh: how ``refresh-staging`` brings another site's data here; None: it
        does not.
    :ivar hooks: commands by moment, such as ``before-read-only``; each moment is
        there.
    """

    root: str
    name: str
    storage: str
    zeo_command: Command
    serving: Serving
    hooks: Mapping[str, tuple[Command, ...]] = field(
        default_factory=lambda: dict.fromkeys(MOMENTS, ())
    )
    cron: tuple[CronJob, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    evolve_packages: tuple[str, ...] = ()
    evolve_context: str = ""
    refresh: Refresh | None = None

    @property
    def evolve_options(self) -> list[str]:
        """What every ``evolve-run`` of the site is told."""
        words = [f"--package={name}" for name in self.evolve_packages]
        return [
            *words,
            *([f"--context={self.evolve_context}"] if self.evolve_context else []),
        ]

    @property
    def places(self) -> EvolveLayout:
        """Where everything is."""
        return EvolveLayout(Path(self.root))

    def to_text(self) -> str:
        """Return the content of ``etc/upgrade.json``."""
        return canonical_json({"format": _FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def load(cls, places: EvolveLayout) -> SiteDeclaration:
        """Read ``etc/upgrade.json``.

        :raises RefusedError: there is none: this is no site of ours.
        :raises DamagedError: it cannot be understood.
        """
        return declared.load(
            places.declaration,
            "a site with processes",
            "Run the site's buildout again: it writes this file.",
            _declared,
        )


def _declared(found: dict[str, Any]) -> SiteDeclaration:
    if found.pop("format") != _FORMAT:
        raise ValueError("it is of another format")
    serving = found["serving"]
    return SiteDeclaration(
        **{
            **found,
            "zeo_command": tuple(found["zeo_command"]),
            "serving": Serving(
                **{
                    **serving,
                    "address": Address(**serving["address"]),
                    "health_paths": tuple(serving["health_paths"]),
                    "safe_posts": tuple(serving["safe_posts"]),
                    "systemctl": tuple(serving["systemctl"]),
                }
            ),
            "hooks": {
                moment: tuple(tuple(command) for command in found["hooks"][moment])
                for moment in MOMENTS
            },
            "cron": tuple(
                CronJob(each["times"], tuple(each["command"])) for each in found["cron"]
            ),
            "timeouts": Timeouts(**found["timeouts"]),
            "evolve_packages": tuple(found["evolve_packages"]),
            "refresh": _refresh(found["refresh"]),
        }
    )


def _refresh(found: dict[str, Any] | None) -> Refresh | None:
    if found is None:
        return None
    return Refresh(found["source"], tuple(tuple(each) for each in found["scrub"]))
