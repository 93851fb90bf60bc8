"""A double of the commands that an upgrade drives: fast, and made to fail anywhere.

It keeps what the real ones keep, in one file, and refuses what they refuse.  All the
time users write: whenever the site and its database accept it.  What was accepted is
counted, so that a lost write is seen.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from support import faults
from support.upgrades import killing

from karl.recipe.evolve.declaration.model import Address, Serving, SiteDeclaration
from karl.recipe.evolve.upgrade.answers import OutcomeUnknownError
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.reporter import SilentReporter

AnyWorld = TypeVar("AnyWorld", bound="World")

_BEGINNING: dict[str, Any] = {
    "copies": {
        "1": {"status": "live", "ro": False, "writes": 7, "common": 7, "parent": 0,
              "evolved": False, "served": True},
    },
    "revisions": {"1": {"release": "1.0", "copy": 1, "was_live": True, "note": ""}},
    "current": 1,
    "workers": 1,
    "mode": "normal",
    "inhibited": False,
    "accepted": 7,
    "hooks": [],
}  # fmt: skip


@dataclass
class World(Programs):
    """A site and its database server.

    :ivar fault: called with each command and whether it was done; it may raise, or
        kill the process.
    :ivar users: whether there are any.
    :ivar calls: the commands that were run in this process.
    """

    fault: Callable[[str, bool], None] = lambda what, done: None
    users: bool = True
    calls: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Where the state is."""
        return Path(self.declared.root) / "world.json"

    @property
    def state(self) -> Any:
        """What is true now."""
        return json.loads(self.file.read_text())

    def change(self, state: Any) -> None:
        """Make a state true."""
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(state))
        partial.replace(self.file)

    def _command(self, what: str, act: Callable[[Any], Any]) -> Any:
        """Let users write, and run a command; its faults are before and after it."""
        self.calls.append(what)
        state = self.state
        if self.users:
            _users_write(state)
            self.change(state)
        self.fault(what, False)
        result = act(state)
        self.change(state)
        self.fault(what, True)
        return result

    # The commands.

    def zeo(self, verb: str, *words: str, timeout: float | None = None) -> Any:
        """Do what ``zeoctl`` would; try again what was cut off, once."""
        name = f"_zeo_{verb.replace('-', '_')}"
        for last in (False, True):
            try:
                return self._command(
                    f"zeo {verb}", lambda state: getattr(self, name)(state, words)
                )
            except OutcomeUnknownError:
                if last:
                    raise
        raise AssertionError

    def site(self, verb: str, *words: str, timeout: float | None = None) -> Any:
        """Do what ``bin/site`` would."""
        name = f"_site_{verb}"
        return self._command(
            f"site {verb}", lambda state: getattr(self, name)(state, words)
        )

    def switch(self, *words: str, timeout: float | None = None) -> Any:
        """Do what ``bin/switch-version`` would."""
        what = next(word for word in words if word.startswith("--"))
        if "--dry-run" in words:
            return self._command("switch --dry-run", lambda state: {})
        name = f"_switch_{what.strip('-')}"
        return self._command(
            f"switch {what}", lambda state: getattr(self, name)(state, words)
        )

    def evolve_ahead(self, version: str, words: Sequence[str]) -> None:
        """Start nothing: what evolves is done at once, when it is needed."""
        self._command("evolve-run --when-told", lambda state: None)

    def evolve_run(
        self,
        version: str,
        words: Sequence[str],
        take: Callable[[Mapping[str, Any]], None],
        *,
        limit: float | None = None,
    ) -> int:
        """Do what ``evolve-run`` would."""
        return int(
            self._command(
                f"evolve-run {words[0]}",
                lambda state: _evolve_run(state, version, words, take),
            )
        )

    # zeoctl.

    def _zeo_status(self, state: Any, words: Sequence[str]) -> Any:
        live = live_of(state)
        copies = state["copies"].items()
        return {
            "live": {
                "number": int(live),
                "mode": "read-only" if state["copies"][live]["ro"] else "writable",
            },
            "doing": None,
            "servers": [
                {"number": int(n), "serves": True}
                for n, copy in copies
                if copy["served"]
            ],
            "staged": [int(n) for n, copy in copies if copy["status"] == "staged"],
            "copies": [{"number": int(n), "status": c["status"]} for n, c in copies],
        }

    def _zeo_client_conf(self, state: Any, words: Sequence[str]) -> Any:
        number = live_of(state)
        assert state["copies"][number]["served"]
        return {"database": f"acme-{number}", "zodb_conf": f"acme-{number}"}

    def _zeo_backup(self, state: Any, words: Sequence[str]) -> Any:
        return {"backup": "x/y"}

    def _zeo_stage(self, state: Any, words: Sequence[str]) -> Any:
        staged = [n for n, c in state["copies"].items() if c["status"] == "staged"]
        if staged and "--again" not in words:
            raise RefusedError("A copy is staged already.")
        for number in staged:
            del state["copies"][number]
        number = str(max(map(int, [*state["copies"], *staged])) + 1)
        live = live_of(state)
        writes = state["copies"][live]["writes"]
        state["copies"][number] = {
            "status": "staged", "ro": False, "writes": writes, "common": writes,
            "parent": int(live), "evolved": state["copies"][live]["evolved"],
            "served": False,
        }  # fmt: skip
        return {
            "number": int(number),
            "database": f"acme-{number}",
            "data": f"copy {number}",
            "blobs": "",
        }

    def _zeo_catch_up(self, state: Any, words: Sequence[str]) -> Any:
        copy, live = state["copies"][words[0]], state["copies"][live_of(state)]
        if copy["status"] != "staged" or copy["served"]:
            raise RefusedError("Only a staged copy that is not served.")
        if copy["evolved"] != live["evolved"]:
            raise RefusedError("The copy was written to.")
        if "--final" in words and not live["ro"]:
            raise RefusedError("The live copy is writable.")
        copy["writes"] = copy["common"] = live["writes"]
        if "--tid" in words and copy["writes"] != int(words[-1], 16):
            raise RefusedError("It ends with another transaction.")
        return {"added": 100}

    def _zeo_read_only(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][_named(state, words)]
        copy["ro"] = True
        return {"tid": f"{copy['writes']:016x}"}

    def _zeo_writable(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][_named(state, words)]
        if copy["status"] in {"former", "retired"}:
            raise RefusedError("It stays read-only.")
        copy["ro"] = False
        return {}

    def _zeo_serve(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][words[0]]
        served = [n for n, c in state["copies"].items() if c["served"]]
        if copy["status"] == "retired":
            raise RefusedError("It is retired.")
        if len(served) == 2 and words[0] not in served:
            raise RefusedError("Both addresses are in use.")
        if "--read-only" in words and copy["served"] and not copy["ro"]:
            raise RefusedError("It is served, and writable.")
        copy["ro"] |= "--read-only" in words
        copy["served"] = True
        name = f"acme-{words[0]}"
        return {"zodb_conf": name, "database": name, "address": "somewhere"}

    def _zeo_unserve(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][words[0]]
        if copy["status"] == "live":
            raise RefusedError("It is live.")
        copy["served"] = False
        return {}

    def _zeo_adopt(self, state: Any, words: Sequence[str]) -> Any:
        number, live = words[0], live_of(state)
        if number == live:
            return {"discarded": 0}
        new, old = state["copies"][number], state["copies"][live]
        if not new["served"] or new["status"] == "retired":
            raise RefusedError("It is not served.")
        common = old["adopted"] if new["status"] == "former" else new["common"]
        lost = old["writes"] - common
        if lost and "--discard-writes" not in words:
            raise RefusedError(f"{lost} transactions would be lost.")
        if "--dry-run" not in words:
            old.update(status="former", ro=True)
            new.update(status="live", ro=False, adopted=new["writes"])
        return {"discarded": lost}

    def _zeo_retire(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["copies"][words[0]]
        if copy["status"] == "live":
            raise RefusedError("It is live.")
        copy.update(status="retired", served=False, ro=True)
        return {}

    def _zeo_prune(self, state: Any, words: Sequence[str]) -> Any:
        assert state["copies"][words[-1]]["status"] == "retired"
        del state["copies"][words[-1]]
        return {}

    # site.

    def _site_mode(self, state: Any, words: Sequence[str]) -> Any:
        before, state["mode"] = state["mode"], words[0]
        return {"before": before, "changed": before != words[0]}

    def _site_inhibit(self, state: Any, words: Sequence[str]) -> Any:
        before, state["inhibited"] = state["inhibited"], True
        return {"changed": not before}

    def _site_allow(self, state: Any, words: Sequence[str]) -> Any:
        before, state["inhibited"] = state["inhibited"], False
        return {"changed": before}

    def _site_try(self, state: Any, words: Sequence[str]) -> Any:
        _check_serves(state, words[0])
        return {}

    def _site_restart(self, state: Any, words: Sequence[str]) -> Any:
        _check_serves(state, str(state["current"]))
        state["workers"] = state["current"]
        return {"workers": [1]}

    def _site_status(self, state: Any, words: Sequence[str]) -> Any:
        worker = {
            "number": 1, "pid": 1, "revision": state["workers"], "healthy": True,
            "problem": "",
        }  # fmt: skip
        inhibited = {"why": "x"} if state["inhibited"] else None
        mode = {"mode": state["mode"]}
        return {"mode": mode, "inhibited": inhibited, "workers": [worker]}

    # switch-version.

    def _switch_list(self, state: Any, words: Sequence[str]) -> Any:
        rows = [
            {
                "number": int(number), "release": row["release"], "note": row["note"],
                "database": f"acme-{row['copy']}", "was_live": row["was_live"],
                "current": int(number) == state["current"],
            }
            for number, row in state["revisions"].items()
        ]  # fmt: skip
        previous = state["revisions"].get(str(state["current"]), {}).get("previous")
        names = ("1.0", "1.1", "1.0.1")
        return {
            "current": state["current"],
            "rollback_to": previous,
            "revisions": rows,
            "releases": [{"release": name, "problem": ""} for name in names],
        }

    def _switch_prepare(self, state: Any, words: Sequence[str]) -> Any:
        copy = state["revisions"].get(str(state["current"]), {}).get("copy")
        if "--database" in words:
            database = words[words.index("--database") + 1]
            conf = Path(words[words.index("--zodb-conf") + 1]).read_text()
            assert conf == database
            copy = int(database.removeprefix("acme-"))
        release, note = words[1], words[-1]
        for number, row in state["revisions"].items():
            same = (row["release"], row["copy"]) == (release, copy)
            if same and not row["was_live"]:
                return {"revision": int(number)}
        number = max(map(int, state["revisions"]), default=0) + 1
        state["revisions"][str(number)] = {
            "release": release, "copy": copy, "was_live": False, "note": note,
            "previous": state["current"],
        }  # fmt: skip
        return {"revision": number}

    def _switch_activate(self, state: Any, words: Sequence[str]) -> Any:
        assert not state["revisions"][words[1]]["was_live"]
        state["revisions"][words[1]]["was_live"] = True
        state["current"] = int(words[1])
        return {}

    def _switch_rollback(self, state: Any, words: Sequence[str]) -> Any:
        assert state["revisions"][words[2]]["was_live"]
        state["current"] = int(words[2])
        return {}

    def _switch_discard(self, state: Any, words: Sequence[str]) -> Any:
        assert not state["revisions"][words[1]]["was_live"]
        del state["revisions"][words[1]]
        return {}


def live_of(state: Any) -> str:
    (number,) = (n for n, copy in state["copies"].items() if copy["status"] == "live")
    return str(number)


def _named(state: Any, words: Sequence[str]) -> str:
    return words[1] if words[:1] == ("--copy",) else live_of(state)


def _users_write(state: Any) -> None:
    """Commit, if the site, its processes and their database accept it."""
    if state["workers"] is None:
        return
    revision = state["revisions"][str(state["workers"])]
    copy = state["copies"][str(revision["copy"])]
    if state["mode"] == "normal" and copy["served"] and not copy["ro"]:
        assert copy["status"] == "live", "what is not live was written to"
        copy["writes"] += 1
        state["accepted"] += 1


def _check_serves(state: Any, revision: str) -> None:
    """Assert that software and data of a revision belong together."""
    row = state["revisions"][revision]
    copy = state["copies"][str(row["copy"])]
    assert copy["served"]
    assert copy["evolved"] == (row["release"] == "1.1"), "old meets new"


def _evolve_run(
    state: Any,
    version: str,
    words: Sequence[str],
    take: Callable[[Mapping[str, Any]], None],
) -> int:
    left = [{"package": "acme", "version": 1, "position": None}]
    if words[0] == "--deferred":
        assert state["mode"] == "normal", "the background begins in the window"
        state["copies"][live_of(state)]["deferred"] = False
        step = {"package": "acme", "version": 1, "title": "x", "kind": "deferred"}
        take({"event": "step_end", **step, "seen": 7, "changed": 5, "seconds": 0.1})
        return 0
    software = 1 if version == "1.1" else 0
    if words[0] == "--status":
        database = int(state["copies"][live_of(state)]["evolved"])
        pending = list(range(database + 1, software + 1))
        found = "pending" if pending else "newer" if database > software else "current"
        take(
            {
                "event": "status",
                "deferred": (
                    left if state["copies"][live_of(state)].get("deferred") else []
                ),
                "packages": [
                    {
                        "package": "acme", "software": software, "database": database,
                        "pending": pending, "state": found,
                    }
                ],
            }
        )  # fmt: skip
        return 0
    name = words[2].removeprefix("copy ")
    if words[1] == "--zodb-conf":
        name = Path(words[2]).read_text().removeprefix("acme-")
        assert state["copies"][name]["served"]
    copy = state["copies"][name]
    assert copy["status"] == "staged", "live data were evolved"
    if words[0] == "--evolve":
        copy["evolved"] = True
        copy["deferred"] = state.get("defers", False)
        take({"event": "end", "deferred": left if copy["deferred"] else []})
    assert copy["evolved"]
    return 0


def make(root: Path, **changes: Any) -> World:
    """Return a new world at a folder, with release 1.0 live on copy 1."""
    layout = SiteLayout(root)
    serving = Serving(Address(path=str(root / "sock")), health_paths=("/healthz",))
    declared = SiteDeclaration(
        **{
            "root": str(root),
            "name": "acme-prod",
            "storage": "acme",
            "zeo_command": ("zeoctl",),
            "serving": serving,
            **changes,
        }
    )
    layout.var.mkdir(parents=True)
    world = World(declared, SilentReporter())
    world.change(_BEGINNING)
    return world


def fresh(world: AnyWorld) -> AnyWorld:
    """Return the world as another process finds it."""
    return type(world)(world.declared, SilentReporter())


def killed(
    world: AnyWorld, number: int, moment: str, action: Callable[[AnyWorld], object]
) -> bool:
    """Do something in another process, killed at an entry of the journal."""

    def body() -> None:
        with contextlib.suppress(KarlError), killing(number, moment):
            action(fresh(world))

    return faults.killed(body)


def check_before(world: World, *, live: int = 1, revision: int = 1) -> None:
    """Assert that production is as it was, and that no accepted write is lost."""
    state = world.state
    assert live_of(state) == str(live)
    copy = state["copies"][str(live)]
    assert copy["served"]
    assert not copy["ro"]
    assert copy["writes"] == state["accepted"]
    assert (state["current"], state["workers"]) == (revision, revision)
    assert (state["mode"], state["inhibited"]) == ("normal", False)
    others = {n: c for n, c in state["copies"].items() if n != str(live)}
    assert not [n for n, c in others.items() if c["served"]]
    assert not [n for n, c in others.items() if c["status"] == "staged"]
    assert all(row["was_live"] for row in state["revisions"].values())


def check_new(world: World) -> None:
    """Assert that release 1.1 is live on evolved data with all accepted writes."""
    state = world.state
    live = live_of(state)
    assert state["copies"][live]["evolved"]
    assert state["revisions"][str(state["current"])]["release"] == "1.1"
    check_before(world, live=int(live), revision=state["current"])
    former = state["copies"]["1"]
    assert (former["ro"], former["evolved"]) == (True, False)


def raising(
    error: BaseException, what: str, *, done: bool
) -> Callable[[str, bool], None]:
    """Return a fault: a command fails once, before or after it has done its work."""
    left = 1

    def fault(command: str, was_done: bool) -> None:
        nonlocal left
        if command == what and was_done == done and left:
            left -= 1
            raise error

    return fault
