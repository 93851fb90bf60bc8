"""From the options of a buildout to what is declared; every error at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration import optionnames, values
from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import (
    MOMENTS,
    MOST_WORKERS,
    Address,
    Refresh,
    Serving,
    SiteDeclaration,
    Timeouts,
)
from karl.recipe.evolve.declaration.reading import Reading
from karl.recipe.release.base import optionreading, optionvalues

_DAY = 86400.0

#: Says that another site's data may be seen as they are.
_NO_SCRUB = ("none",)

#: Bytes that supervisord adds to the path of its socket for a moment.
_SUPERVISORS_OWN = 9


def read(buildout: Any, part: str, options: Any) -> SiteDeclaration:
    """Return what a part declares.  Nothing is written, and nobody is asked.

    :param part: name of the part.
    :param options: its options.
    :raises UsageError: tells everything that is wrong with them at once.
    """
    directory = Path(buildout["buildout"]["directory"])
    reading = Reading(optionreading.given(options), directory, optionnames.DEFAULTS)
    found = _declared(reading)
    _check(reading, found)
    reading.refuse()
    return found


def _declared(reading: Reading) -> SiteDeclaration:
    if not reading.text("root"):
        reading.complain("the option root is missing")
    root = reading.read("root", values.root(reading.base)) or "/nowhere/site"
    places = EvolveLayout(Path(root))
    zeo_command = reading.read("zeo-command", values.command)
    storage = reading.read("storage", _storage)
    if zeo_command and not storage:
        storage = places.root.name
        if storage != storage.lower():
            reading.complain("the option storage is missing")
    if storage and not zeo_command:
        reading.complain("storage needs zeo-command: how zeoctl is reached")
    return SiteDeclaration(
        root=root,
        name=places.root.name,
        storage=storage,
        zeo_command=zeo_command,
        serving=_serving(reading, places),
        hooks={moment: reading.read(moment, values.commands) for moment in MOMENTS},
        cron=reading.read("cron", values.cron),
        timeouts=_timeouts(reading),
        evolve_packages=reading.read("evolve-packages", values.modules),
        evolve_context=reading.read("evolve-context", optionvalues.line),
        refresh=_refresh(reading, storage),
    )


def _refresh(reading: Reading, storage: str) -> Refresh | None:
    """Return whose data come here; somebody has to say what is done to them first."""
    source = reading.read("refresh-from", _storage)
    scrub = reading.read("scrub", values.commands)
    if not source:
        if scrub:
            reading.complain("scrub needs refresh-from: whose data come here")
        return None
    if not storage:
        reading.complain("refresh-from needs zeo-command: how zeoctl is reached")
    if source == storage:
        reading.complain("refresh-from: a storage cannot be refreshed from itself")
    if not scrub:
        reading.complain(
            "refresh-from needs scrub: what makes another site's data fit to be seen "
            "here, such as its mail addresses; none, if nothing has to be done"
        )
    if _NO_SCRUB in scrub and len(scrub) > 1:
        reading.complain("scrub: none does not go with commands")
    return Refresh(source, () if scrub == (_NO_SCRUB,) else scrub)


def _serving(reading: Reading, places: EvolveLayout) -> Serving:
    read, base = reading.read, reading.base

    def address(text: str) -> Address:
        if text:
            return values.address(base)(text)
        return Address(path=str(places.socket))

    def application(text: str) -> str:
        file, mark, name = text.partition("#")
        found = optionvalues.path(base)(file) or str(places.site.application_config)
        return f"{found}{mark}{name}"

    page = read("mode-page", optionvalues.path(base))
    control = read("process-control", optionvalues.one_of("supervisord", "systemd"))
    return Serving(
        address=read("address", address),
        workers=read("workers", optionvalues.whole(1, MOST_WORKERS)),
        threads=read("threads", optionvalues.whole(1, 256)),
        application=read("application", application),
        health_paths=read("health-path", values.url_paths),
        mode_page=str(places.mode_page) if page else "",
        retry_after=read("retry-after", optionvalues.whole(1, 86400)),
        safe_posts=read("safe-posts", values.url_paths),
        control=control,
        supervisord=read("supervisord", values.program(base)),
        systemctl=read("systemctl", values.command),
        user=read("user", optionvalues.account),
        request_timeout=read("request-timeout", optionvalues.whole(1, 86400)),
    )


def _timeouts(reading: Reading) -> Timeouts:
    def seconds(name: str, least: float = 1.0) -> float:
        return reading.read(name, optionvalues.decimal(least, 7 * _DAY))

    return Timeouts(
        start=seconds("start-timeout"),
        stop=seconds("stop-timeout"),
        health=seconds("health-timeout"),
        hook=seconds("hook-timeout"),
        jobs=seconds("jobs-timeout", 0.0),
        storage=seconds("storage-timeout"),
        evolve=seconds("evolve-timeout"),
        window=seconds("window-limit", 0.0),
    )


def _check(reading: Reading, found: SiteDeclaration) -> None:
    """Complain about what each option allows, but not all together."""
    serving = found.serving
    public = reading.read("public", optionvalues.truth)
    address = serving.address
    if not values.is_local(address) and not public:
        reading.complain(
            f"address: other machines can reach {address}; if they are to, say "
            "public = true"
        )
    if not serving.health_paths:
        reading.complain("health-path names no path")
    if not serving.systemctl:
        reading.complain("systemctl names no program")
    if serving.control == "supervisord":
        if serving.workers < 2:
            reading.complain(
                "workers: supervisord closes the socket when its last process ends, so "
                "that requests fail while one is restarted: have 2 at least, or "
                "process-control = systemd"
            )
        if ":" in address.host:
            reading.complain(
                "address: supervisord cannot listen on an IPv6 address; "
                "process-control = systemd can"
            )
        _check_socket(reading, found.places.supervisor_socket, room=_SUPERVISORS_OWN)
    if address.path:
        _check_socket(reading, Path(address.path), room=0)


def _check_socket(reading: Reading, path: Path, *, room: int) -> None:
    length, limit = len(os.fsencode(path)), optionvalues.SOCKET_LIMIT - room
    if length > limit:
        reading.complain(
            f"root: the path of the Unix socket {path} has {length} bytes, and the "
            f"system takes {limit}: choose a shorter root"
        )


def page(buildout: Any, options: Any) -> Path | None:
    """Return the file that the option mode-page names.

    :raises UsageError: it cannot be a path.
    """
    base = Path(buildout["buildout"]["directory"])
    found = optionvalues.path(base)(str(options.get("mode-page", "")).strip())
    return Path(found) if found else None


def _storage(text: str) -> str:
    """Return *text* if a storage can be called so, or if it is empty."""
    return text and optionvalues.storage(text)
