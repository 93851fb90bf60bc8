"""A live database and its backups, without a server around them."""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage
from ZODB.scripts import repozo

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.backups import (
    chains,
    leftovers,
    materialise,
    planning,
    units,
    writing,
)
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.planning import BackupPlan, Kind, Source
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import blobs, datafs, tids
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.periods import Period
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout

#: Later than any stamp: repozo leaves out what is after "now".
EVER = "2999-01-01"

SILENT = SilentReporter()


class Live:
    """An open database, as its server has it open."""

    def __init__(self, copy: CopyLayout) -> None:
        self.storage = FileStorage(str(copy.data), blob_dir=str(copy.blobs))
        self.db = ZODB.DB(self.storage)
        self.manager = transaction.TransactionManager()
        self.connection = self.db.open(self.manager)
        self.root = self.connection.root()

    def commit(self, **values: Any) -> str:
        """Set values of the root; bytes become blobs.  Return the TID."""
        for key, value in values.items():
            if isinstance(value, bytes):
                if not isinstance(self.root.get(key), Blob):
                    self.root[key] = Blob()
                with self.root[key].open("w") as stream:
                    stream.write(value)
            elif isinstance(value, Mapping):
                self.root[key] = PersistentMapping(value)
            else:
                self.root[key] = value
        self.manager.commit()
        return self.tid

    def undo(self) -> None:
        """Undo the last transaction."""
        self.db.undo(self.db.undoInfo()[0]["id"], self.manager.get())
        self.manager.commit()

    def pack(self) -> None:
        """Pack all of it."""
        self.db.pack()

    @property
    def tid(self) -> str:
        """The last transaction."""
        return self.storage.lastTransaction().hex()

    @property
    def end(self) -> End:
        """Where it ends."""
        return End(self.storage.getSize(), self.tid)

    def close(self) -> None:
        """Close it."""
        self.manager.abort()
        self.connection.close()
        self.db.close()


class Bench:
    """A database copy, its repository, and a clock."""

    def __init__(self, root: Path, repository: Path | None = None) -> None:
        self.root = root
        self.copy = CopyLayout(root / "databases" / "1")
        self.copy.root.mkdir(parents=True)
        datafs.create_empty(self.copy)
        self.repository = RepositoryLayout(repository or root / "backups")
        self.now = 1_700_000_000.0

    def with_repository(self, root: Path) -> Bench:
        """Return the same database with another repository."""
        other = copy.copy(self)
        other.repository = RepositoryLayout(root)
        return other

    @contextlib.contextmanager
    def live(self) -> Iterator[Live]:
        """Open the database."""
        live = Live(self.copy)
        try:
            yield live
        finally:
            live.close()

    def commit(self, **values: Any) -> str:
        """Commit to the closed database."""
        with self.live() as live:
            return live.commit(**values)

    @property
    def chains(self) -> tuple[Chain, ...]:
        """What there is."""
        return chains.load(self.repository)

    def plan(
        self,
        wanted: Kind = Kind.AUTOMATIC,
        *,
        end: End | None = None,
        held: bool = False,
        number: int = 1,
        source: CopyLayout | None = None,
        since: str = tids.BEGINNING,
    ) -> BackupPlan:
        """Plan a backup of the copy as it is now."""
        source = source or self.copy
        end = end or datafs.end_of(source.data)
        periods = (Period(since, end.tid),)
        return planning.plan(
            self.chains,
            Source(source, number, end, periods),
            wanted,
            full_every=7,
            held=held,
            stamp=chains.next_stamp(self.repository, self.now),
            now=self.now,
        )

    def back_up(self, wanted: Kind = Kind.AUTOMATIC, **options: Any) -> Unit:
        """Repair, plan and write a backup, as the verb does."""
        leftovers.repair(self.repository, SILENT)
        plan = self.plan(wanted, **options)
        if plan.kind is Kind.UNCHANGED:
            return plan.onto.newest
        return writing.write(self.repository, plan, SILENT)

    def full(self, **options: Any) -> Unit:
        """Write a full backup."""
        return self.back_up(Kind.FULL, **options)

    def increment(self, **options: Any) -> Unit:
        """Write an incremental backup."""
        return self.back_up(Kind.INCREMENTAL, **options)

    def restore(self, unit: Unit | None = None, until: str | None = None) -> CopyLayout:
        """Make a copy from a backup, by default the newest."""
        found = self.chains
        unit = unit or found[-1].newest
        chain = next(chain for chain in found if chain.stamp == unit.chain)
        target = CopyLayout(Path(tempfile.mkdtemp(dir=self.root)))
        materialise.materialise(chain, unit, target, SILENT, until=until)
        return target

    @property
    def content(self) -> bytes:
        """The committed bytes of the live Data.fs."""
        return self.copy.data.read_bytes()[: datafs.end_of(self.copy.data).position]


def root_of(copy: CopyLayout) -> dict[str, Any]:
    """Return what the root of a copy holds, blobs as bytes."""
    storage = FileStorage(str(copy.data), read_only=True, blob_dir=str(copy.blobs))
    db = ZODB.DB(storage)
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    found = {}
    for key, value in connection.root().items():
        if isinstance(value, Blob):
            with value.open("r") as stream:
                found[key] = stream.read()
        elif isinstance(value, PersistentMapping):
            found[key] = dict(value)
        else:
            found[key] = value
    connection.close()
    db.close()
    return found


def run_repozo(*words: str | Path) -> str:
    """Run repozo; return what it complains of.

    It passes over what is later than now by its clock, which tests outrun.
    """
    errors = io.StringIO()
    clock = repozo.gen_filedate
    repozo.gen_filedate = lambda options: (2999, 1, 1, 0, 0, 0)
    try:
        with contextlib.redirect_stderr(errors):
            repozo.main([str(word) for word in words])
    except SystemExit as ended:
        return f"{ended.code}"
    finally:
        repozo.gen_filedate = clock
    return ""


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return every path below a folder with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def check_repository(bench: Bench) -> None:
    """Assert all that must be true of a repository, whatever happened."""
    for chain in bench.chains:
        assert not chain.damage
        expected = {"blobs", f"{chain.stamp}.dat"}
        manifests = {}
        for unit in chain.units:
            expected |= {unit.data.name, f"{unit.stamp}.json", f"{unit.stamp}.blobs"}
            manifests |= {blob.path: blob for blob in units.read_manifest(unit)}
        found = {path.name for path in chain.places.root.iterdir()}
        assert {name for name in found if ".verified." not in name} == expected
        assert chain.places.dat.read_text() == units.dat(chain.units)
        assert run_repozo("-V", "-r", chain.places.root) == ""
        _check_blobs(chain.places.blobs, manifests)
    names = {path.name for path in bench.repository.root.iterdir()}
    assert names - {".in-use"} == {chain.stamp for chain in bench.chains}


def _check_blobs(folder: Path, manifests: dict[str, blobs.BlobFile]) -> None:
    files = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert files == {*manifests, blobs.MARK}
    for path, blob in manifests.items():
        assert blobs.sum_of(folder, path) == blob
    for path in folder.rglob("*"):
        assert not path.is_dir() or any(path.iterdir()), f"{path} is empty"


def check_restorable(bench: Bench) -> None:
    """Assert that the newest backup gives the committed bytes of the database."""
    restored = bench.restore()
    assert bench.content.startswith(restored.data.read_bytes())
