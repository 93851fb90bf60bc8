"""karl-fill: fill a database with realistic documents."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import transaction
from ZODB import DB

from karl.intranet.commands import places
from karl.intranet.content import SITE_KEY
from karl.intranet.database import DatabaseError, opened, prepare
from karl.intranet.sample.filling import Filling, Sizes


def main(arguments: list[str] | None = None) -> int:
    """Add the documents; 1 if the database cannot be used, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    revision = (options.revision or places.current_revision()).resolve()
    try:
        with opened(revision / "zodb.conf") as database:
            prepare(database)
            fill(database, options)
    except DatabaseError as error:
        print(f"karl-fill: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="karl-fill", description="Fill a database with realistic documents."
    )
    parser.add_argument("documents", type=_count, help="how many to add")
    parser.add_argument(
        "--revision", type=Path, help="folder with zodb.conf (default: current)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="same seed, same documents (default: 1)"
    )
    parser.add_argument(
        "--batch", type=_count, default=200, help="documents a commit (default: 200)"
    )
    parser.add_argument(
        "--words", type=_count, default=150, help="words of a wiki page (default: 150)"
    )
    parser.add_argument(
        "--file-size",
        type=_count,
        default=20_000,
        help="average bytes of a file (default: 20000)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        message = "it must not be below 0"
        raise argparse.ArgumentTypeError(message)
    return number


def fill(database: DB, options: argparse.Namespace) -> None:
    """Add the documents, committing every ``options.batch`` of them."""
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    try:
        site = connection.root()[SITE_KEY]
        sizes = Sizes(options.words, options.file_size)
        filling = Filling(site, options.documents, options.seed, sizes)
        progress = Progress(options.documents, quiet=options.quiet)
        done = 0
        for done, _ in enumerate(filling, start=1):
            if done % max(1, options.batch) == 0:
                manager.commit()
                connection.cacheGC()
                progress.show(done)
        manager.commit()
        progress.show(done, final=True)
    finally:
        manager.abort()
        connection.close()


class Progress:
    """A line, at most every second, with the rate and the time left."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self.total = total
        self.quiet = quiet
        self.started = time.monotonic()
        self.shown = self.started - 1

    def show(self, done: int, *, final: bool = False) -> None:
        """Say that ``done`` documents are committed."""
        now = time.monotonic()
        if self.quiet or (now - self.shown < 1 and not final):
            return
        self.shown = now
        elapsed = max(now - self.started, 1e-6)
        rate = done / elapsed
        if final:
            line = f"{done} documents in {elapsed:.1f} s, {rate:.0f} a second"
        else:
            left = (self.total - done) / rate
            line = f"{done} of {self.total}, {rate:.0f} a second, {left:.0f} s left"
        terminal = sys.stderr.isatty()
        start, end = ("\r\x1b[K", "") if terminal and not final else ("", "\n")
        if terminal and final:
            start = "\r\x1b[K"
        print(start + line, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
