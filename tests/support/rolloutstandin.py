"""Stand-ins for buildout and a site's commands, which keep what they were told.

``standin.json`` says what is true and how to behave: ``releases``, ``live``, ``fail``
(commands that fail), ``pause`` (seconds that an upgrade takes), ``run`` (what ``evolve
status`` tells).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


class Site:
    """The site whose commands these are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "standin.json"
        self.state: dict[str, Any] = {"fail": [], "pause": 0, "run": None}
        self.state |= json.loads(self.path.read_text())

    def change(self, **changes: Any) -> None:
        """Keep what is true now."""
        self.state |= changes
        partial = self.path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(self.state))
        partial.replace(self.path)

    def call(self, text: str) -> None:
        """Keep that something was asked for."""
        with (self.root / "calls").open("a") as stream:
            stream.write(f"{text}\n")

    def buildout(self, words: list[str]) -> int:
        """Build a release."""
        version = words[-1].partition("=")[2]
        self.call(f"buildout {words[-1]}")
        if "buildout" in self.state["fail"]:
            sys.stderr.write("Error: [release] it cannot be built\n")
            return 1
        self.change(releases=sorted({*self.state["releases"], version}))
        return 0

    def switch_version(self, words: list[str]) -> int:
        """List revisions and releases."""
        live = self.state["live"]
        rows = [{"number": 7, "release": live, "current": True}] if live else []
        found = [{"release": each, "problem": ""} for each in self.state["releases"]]
        return answer({"revisions": rows, "releases": found})

    def site(self, words: list[str]) -> int:
        """Tell whether the site is well."""
        if words[0] == "start":
            self.call("site start")
            self.change(stopped=False)
        well = "site" not in self.state["fail"]
        worker = {
            "number": 1, "healthy": well, "outdated": False, "state": "RUNNING",
            "problem": "" if well else "status 500",
        }  # fmt: skip
        code = 0 if well else 1
        return answer(
            {
                "running": not self.state.get("stopped"),
                "workers": [worker],
                "mode": {"mode": "normal"},
                "exit": code,
            },
            code,
        )

    def evolve(self, words: list[str]) -> int:
        """Upgrade, or tell of that."""
        if words[0] == "status":
            return answer(self._status())
        self.call(f"evolve {' '.join(words)}")
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if words[0] == "--resume":
                return self._upgrade(**self.state["run"])
            rehearsal = "--rehearse" in words
            kind = "rehearsal" if rehearsal else "upgrade"
            return self._upgrade(kind=kind, to={"release": words[0]})

    def _status(self) -> dict[str, Any]:
        run, running = self.state["run"], False
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running = True
        unfinished = run is not None and run["outcome"] == "unfinished"
        return {
            "run": run,
            "running": running,
            "unfinished": unfinished and not running,
        }

    def _upgrade(self, **run: Any) -> int:
        run = {**run, "number": 3, "outcome": "unfinished"}
        self.change(run=run)
        kind = run["kind"]
        time.sleep(float(self.state["pause"]))
        if kind in self.state["fail"]:
            self.change(run={**run, "outcome": "undone"})
            error = {"message": f"The {kind} failed.", "next": "Mend it.", "exit": 1}
            return answer({"error": error}, 1)
        if kind == "upgrade":
            self.change(live=run["to"]["release"])
        run |= {"outcome": "done", "window": 1.5, "predicted_window": 1.25}
        self.change(run=run)
        return answer({**run, "exit": 0})

    def told_to_end(self, number: int, frame: object) -> None:
        """Undo the upgrade, as evolve does."""
        self.call("undone")
        self.change(run={**self.state["run"], "outcome": "undone"})
        sys.exit(130)


def answer(found: dict[str, Any], code: int = 0) -> int:
    """Print an answer."""
    sys.stdout.write(json.dumps(found) + "\n")
    return code


def main(root: str, name: str, words: list[str]) -> int:
    """Do what a command would."""
    site = Site(Path(root))
    signal.signal(signal.SIGTERM, site.told_to_end)
    words = [word for word in words if word not in {"--json", "--quiet"}]
    function = getattr(site, name.replace("-", "_"))
    return int(function(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
