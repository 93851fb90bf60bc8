"""The places of one storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout

#: The two addresses that each storage has.
SIDES = ("a", "b")


@dataclass(frozen=True)
class StorageLayout:
    """The places of one storage.

    :ivar root: ``<central>/<storage>``.
    :ivar repository: where its backups are.
    """

    root: Path
    repository: RepositoryLayout

    @property
    def databases(self) -> Path:
        """Database copies, numbered."""
        return self.root / "databases"

    def copy(self, number: int) -> CopyLayout:
        """Return the places of a database copy."""
        return CopyLayout(self.databases / str(number))

    @property
    def state(self) -> Path:
        """``state.json``: the copies, which is live, which is served where."""
        return self.root / "state.json"

    @property
    def kept_state(self) -> Path:
        """``state.kept.json``: the same, for when the first is lost or damaged."""
        return self.root / "state.kept.json"

    @property
    def journal(self) -> Path:
        """``journal.jsonl``: what was done to the storage."""
        return self.root / "journal.jsonl"

    @property
    def sizes(self) -> Path:
        """``sizes.json``: how large the live copy was, a line a day."""
        return self.root / "sizes.json"

    @property
    def lock(self) -> Path:
        """Held by every command that changes the storage."""
        return self.root / "lock"

    @property
    def run(self) -> Path:
        """Sockets: who may enter this folder may connect."""
        return self.root / "run"

    def socket(self, side: str) -> Path:
        """Return the Unix socket on which clients reach *side*, by default."""
        return self.run / f"{side}.sock"

    @property
    def control_folder(self) -> Path:
        """Sockets of zeoctl: nobody else may enter."""
        return self.root / "control"

    def control(self, side: str) -> Path:
        """Return the Unix socket on which zeoctl reaches the server of *side*."""
        return self.control_folder / f"{side}.sock"

    def serving_lock(self, side: str) -> Path:
        """Return the lock that the server of *side* holds while it runs."""
        return self.control_folder / f"{side}.lock"

    @property
    def mode_lock(self) -> Path:
        """Held for a moment while ``state.json`` or a server's mode is changed."""
        return self.root / "mode.lock"

    @property
    def logs(self) -> Path:
        """Logs of the servers."""
        return self.root / "log"

    def log(self, side: str) -> Path:
        """Return the server's own log."""
        return self.logs / f"zeo-{side}.log"

    def output(self, side: str) -> Path:
        """Return where a server's standard output and errors go."""
        return self.logs / f"zeo-{side}.out"
