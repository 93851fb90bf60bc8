"""A double of the commands that ``refresh-staging`` drives, made to fail anywhere.

Production's data came from release 1.0; the staging site has 1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.upgradeworld import World, live_of, make

from karl.recipe.evolve.declaration.model import Refresh
from karl.recipe.evolve.upgrade.history import Run
from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.evolve.upgrade.orchestrator import start
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.reporter import SilentReporter

#: What is asked for.
REQUEST = Request(refresh=True)

_BEGINNING: dict[str, Any] = {
    "copies": {
        "1": {"status": "live", "ro": False, "writes": 7, "common": 7, "parent": 0,
              "adopted": 7, "evolved": True, "served": True},
    },
    "revisions": {"1": {"release": "1.1", "copy": 1, "was_live": True, "note": ""}},
    "current": 1,
    "workers": 1,
    "mode": "normal",
    "inhibited": False,
    "accepted": 7,
}  # fmt: skip


class RefreshWorld(World):
    """A staging site, its database server, and production's backup there."""

    @property
    def database_is_here(self) -> bool:
        """The files of the copies are on this host."""
        return True

    def evolve_run(
        self,
        version: str,
        words: Sequence[str],
        take: Callable[[Mapping[str, Any]], None],
        *,
        limit: float | None = None,
    ) -> int:
        """Do what ``evolve-run`` would to the files of a copy."""
        assert version == "1.1"

        def act(state: Any) -> int:
            data = words[words.index("--data") + 1]
            copy = state["copies"][Path(data).parent.name]
            assert copy["status"] == "ready"
            assert not copy["served"], "what is served was evolved or scrubbed"
            if words[0] == "--call":
                assert copy["evolved"], "new software meets old data"
            done = {"--evolve": "evolved", "--call": "scrubbed", "--pack": "packed"}
            if words[0] in done:
                copy[done[words[0]]] = True
            return 0

        return int(self._command(f"evolve-run {words[0]}", act))

    def _zeo_status(self, state: Any, words: Sequence[str]) -> Any:
        found = super()._zeo_status(state, words)
        for row in found["copies"]:
            row["withheld"] = state["copies"][str(row["number"])].get("withheld", False)
        return found

    def _zeo_restore(self, state: Any, words: Sequence[str]) -> Any:
        assert words[:3] == ("--from", "live", "--to-new-copy")
        number = max(map(int, state["copies"])) + 1
        data = Path(self.declared.root) / "copies" / str(number) / "Data.fs"
        found = {"number": number, "backup": "x/y", "data": str(data)}
        if "--dry-run" in words:
            data.parents[1].mkdir(exist_ok=True)
            return found
        withheld = [n for n, copy in state["copies"].items() if copy.get("withheld")]
        assert not withheld or "--again" in words
        for each in withheld:
            del state["copies"][each]
        blobs = data.with_name("blobs")
        blobs.mkdir(parents=True, exist_ok=True)
        data.touch()
        state["copies"][str(number)] = {
            "status": "ready", "ro": False, "writes": 3, "common": 0, "parent": 0,
            "evolved": False, "served": False, "withheld": True,
        }  # fmt: skip
        return {**found, "blobs": str(blobs), "database": f"acme-{number}"}

    def _zeo_serve(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][words[0]]
        if copy.get("withheld"):
            if "--scrubbed" not in words:
                raise RefusedError("It is withheld.")
            assert copy["evolved"]
            assert copy.get("scrubbed"), "it is served as it was"
            assert copy["packed"], "what it was is served with it"
            copy["withheld"] = False
        return super()._zeo_serve(state, words)


def staging(root: Path) -> RefreshWorld:
    """Return a new staging site at a folder."""
    refresh = Refresh("live", (("acme.scrubbing:scrub",),))
    declared = make(root, refresh=refresh).declared
    world = RefreshWorld(declared, SilentReporter())
    world.change(_BEGINNING)
    return world


def refresh(world: World) -> Run:
    """Bring production's data."""
    run = start(world, REQUEST)[1]
    assert run is not None
    return run


def check_refreshed(world: World) -> None:
    """Assert that production's data are live, scrubbed, and the site's own kept."""
    state = world.state
    live = live_of(state)
    copy = state["copies"][live]
    assert live != "1"
    assert (copy["evolved"], copy["scrubbed"], copy["packed"]) == (True, True, True)
    assert not copy["ro"]
    row = state["revisions"][str(state["current"])]
    assert (row["release"], row["copy"]) == ("1.1", int(live))
    assert state["workers"] == state["current"]
    assert (state["mode"], state["inhibited"]) == ("normal", False)
    assert [n for n, each in state["copies"].items() if each["served"]] == [live]
    assert state["copies"]["1"]["status"] == "former"
    assert not [n for n, each in state["copies"].items() if each.get("withheld")]


def check_as_it_was(world: World) -> None:
    """Assert that the site has what it had, and that nothing else is left."""
    state = world.state
    assert list(state["copies"]) == ["1"]
    copy = state["copies"]["1"]
    assert (copy["status"], copy["served"], copy["ro"]) == ("live", True, False)
    assert copy["writes"] == state["accepted"]
    assert (state["current"], state["workers"]) == (1, 1)
    assert (state["mode"], state["inhibited"]) == ("normal", False)
    assert all(row["was_live"] for row in state["revisions"].values())
