"""Reads and writes a database all the time, until its standard input ends.

``zeoload.py ZODB_CONF OUTPUT READERS WRITERS BLOBS PAUSE``: each thread has its own
connection; each operation is one JSON line of OUTPUT.  Every read makes at least
one request to the server.  Each writer counts on its own object, so that writers
never conflict.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import transaction
import ZODB.config
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.POSException import ConflictError
from ZODB.utils import p64


class Thread(threading.Thread):
    """One reader or writer."""

    def __init__(self, db: Any, log: int, kind: str, number: int) -> None:
        super().__init__(daemon=True)
        self.db, self.log, self.kind, self.number = db, log, kind, number
        self.key = f"counter-{os.getpid()}-{number}"
        self.manager = transaction.TransactionManager()

    def run(self) -> None:
        """Go on until told to stop."""
        connection = self.db.open(self.manager)
        while not stopped.is_set():
            entry: dict[str, Any] = {
                "kind": self.kind, "thread": self.number, "start": time.time(),
                "error": None,
            }  # fmt: skip
            began = time.perf_counter()
            try:
                entry.update(getattr(self, self.kind)(connection))
            except Exception as error:  # noqa: BLE001
                entry["error"] = type(error).__name__
                entry["message"] = str(error)
                self.manager.abort()
            entry["end"] = time.time()
            entry["ms"] = (time.perf_counter() - began) * 1000
            os.write(self.log, json.dumps(entry).encode() + b"\n")
            time.sleep(pause)

    def read(self, connection: Any) -> dict[str, Any]:
        """Load the root from the server itself, past every cache."""
        self.manager.begin()
        connection.cacheMinimize()
        connection.root().get("things")
        oid = p64(0)
        connection.db().storage.loadSerial(oid, connection.root()._p_serial)
        self.manager.abort()
        return {}

    def write(self, connection: Any) -> dict[str, Any]:
        """Count one more."""
        self.manager.begin()
        root = connection.root()
        if self.key not in root:
            self.begin_counting(connection)
            root = connection.root()
        counter = root[self.key]
        counter["count"] += 1
        if blobs:
            counter["blob"] = Blob()
            with counter["blob"].open("w") as stream:
                stream.write(os.urandom(20_000))
        count = counter["count"]
        self.manager.commit()
        return {"count": count, "tid": counter._p_serial.hex()}

    def begin_counting(self, connection: Any) -> None:
        """Add the counter; other writers do the same at the same time."""
        while True:
            self.manager.begin()
            connection.root()[self.key] = PersistentMapping({"count": 0})
            try:
                self.manager.commit()
            except ConflictError:
                self.manager.abort()
            else:
                self.manager.begin()
                return


stopped = threading.Event()
blobs = bool(int(sys.argv[5]))
pause = float(sys.argv[6])


def main() -> None:
    """Start all threads and wait for the end of standard input."""
    db = ZODB.config.databaseFromURL(sys.argv[1])
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    threads = [
        Thread(db, log, kind, number)
        for kind, wanted in (("read", sys.argv[3]), ("write", sys.argv[4]))
        for number in range(int(wanted))
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stopped.set()
    for thread in threads:
        thread.join(20)
    db.close()


main()
