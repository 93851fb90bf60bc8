"""The command line of the tour."""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.command import (
    Parser,
    entered,
    print_json,
    print_text,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import RefusedError
from tour import databases, ending, software, upgrades
from tour.answers import Answer, Counts
from tour.telling import Teller
from tour.workshop import UnexpectedError, Workshop

_DESCRIPTION = """\
Show what the suite does, with real processes on this machine.

The tour freezes indexes, builds releases, serves a database and a site, upgrades it on
a copy of its data while visitors read and write, and goes back.  It takes some minutes,
works in a folder of its own, and leaves nothing behind but files in the pool.
"""

_EPILOGUE = """\
exit codes:
  0    everything happened as it is told
  1    something did not
  2    wrong arguments
  3    the folder is there already
  130  interrupted from the keyboard
"""

#: How many chapters there are.
CHAPTERS = 11

#: Room that the name of the folder leaves for paths of Unix sockets.
_LONGEST = 40


@dataclass
class Ended:
    """What came of the tour."""

    answers: list[Answer]
    window: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return entered(
        arguments, lambda words, console: _tour(parser().parse_args(words), console)
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = Parser(
        "tour",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument(
        "--documents", type=_count, default=3000, metavar="N",
        help="how many documents the site gets (default: 3000)",
    )  # fmt: skip
    found.add_argument(
        "--work", type=Path, metavar="DIR",
        help="a new folder to work in (default: a temporary one); its path must be "
        f"short, at most {_LONGEST} characters",
    )  # fmt: skip
    found.add_argument(
        "--pool", type=Path, metavar="DIR",
        help="the pool to use, and to add files to (default: that of the checkout)",
    )  # fmt: skip
    found.add_argument(
        "--keep", action="store_true",
        help="leave the site running, tell its address, and remove nothing",
    )  # fmt: skip
    found.add_argument(
        "--json", action="store_true", help="print the table as JSON, for programs"
    )
    found.add_argument("-q", "--quiet", action="store_true", help="only the table")
    return found


def _tour(options: argparse.Namespace, console: Console) -> int:
    teller = Teller(console, CHAPTERS)
    checkout = Path(__file__).parents[1]
    pool = options.pool.absolute() if options.pool else checkout / "pool"
    shop = Workshop(checkout, _folder(options.work), pool, teller)
    port = _free_port()
    with ending.as_from_the_keyboard():
        ended = _ended(shop, port, options)
    _summary(teller, ended, as_json=options.json)
    if options.keep:
        teller.console.say(
            f"The site is at http://127.0.0.1:{port}/, its folder is {shop.site}.\n"
            f"To end it:\n  {shop.site}/bin/site stop\n"
            f"  {shop.central}/bin/zeoctl stop --all --supervisor\n"
            f"  chmod -R u+w {shop.root} && rm -r {shop.root}"
        )
    return 0


def _ended(shop: Workshop, port: int, options: argparse.Namespace) -> Ended:
    """Give the tour; stop all that runs, unless it is to go on."""
    say, done = shop.teller.console.say, False
    # Whoever has interrupted it wants nothing of it; what failed can be looked at.
    removed = True
    try:
        ended = _tell(shop, port, options.documents)
        done = True
    except Exception:
        removed = False
        raise
    finally:
        if not (done and options.keep):
            say("")
            told = "removing the folder" if removed else f"leaving {shop.root} to you"
            say(f"Stopping what runs, and {told}.")
            shop.close(removed=removed)
    return ended


def _tell(shop: Workshop, port: int, documents: int) -> Ended:
    """Tell the chapters in order."""
    teller = shop.teller
    teller.tell(
        f"Everything happens in {shop.root}, with real servers; {shop.log} has all "
        "that the programs say."
    )
    shop.furnish(port)
    with teller.chapter(
        "Freeze the software",
        "An index names each file by its sha256. Whoever builds from it, today or in a "
        "year, on this machine or another, gets these bytes and no others.",
    ) as row:
        software.freeze(shop, row)
    with teller.chapter(
        "Refuse a damaged file",
        "One bit of a wheel in the pool is changed. What does not have the sha256 that "
        "the index says is not installed.",
    ) as row:
        software.damage_is_refused(shop, row)
    with teller.chapter(
        "Build two releases",
        "Each is a read-only tree, hard-linked from a store. Both lie side by side, so "
        "going from one to the other copies nothing.",
    ) as row:
        software.build(shop, row)
    with teller.chapter(
        "Serve the databases of all sites from one place",
        "Each site's database has a server process and a folder of its own, apart from "
        "the application, which can come and go.",
    ) as row:
        databases.serve(shop, row)
    with teller.chapter(
        "Go live with release 1.0",
        "The release is tried with the database in a private process before anybody "
        "sees it. Then the site starts; its processes share one socket.",
    ) as row:
        databases.go_live(shop, row)
    with teller.chapter(
        "Fill the site", "An upgrade of nothing would prove nothing."
    ) as row:
        databases.fill(shop, row, documents)
    with teller.chapter(
        "Back up, and prove the backup",
        "The site is in use meanwhile. A backup that was never restored is a hope: "
        "the drill restores it to a scratch copy and reads all of it.",
    ) as row:
        databases.back_up(shop, row)
    ended = _with_visitors(shop, port)
    with teller.chapter(
        "Find a quick fix on production",
        "Somebody edits a file of the live release at night. It is found by its hash "
        "before anybody builds on it.",
    ) as row:
        software.edit_is_found(shop, row)
    return ended


def _with_visitors(shop: Workshop, port: int) -> Ended:
    teller = shop.teller
    teller.console.say("")
    teller.tell(
        "From here on visitors use the site: some read and search, one writes pages "
        "and uploads files. Each answer is counted."
    )
    with upgrades.visited(shop, port) as answers:
        with teller.chapter(
            "Rehearse the upgrade to 1.1",
            "Release 1.1 evolves a copy of the database that is thrown away. The site "
            "stays as it is, and we learn how long writing is going to be refused.",
        ) as row:
            upgrades.rehearse(shop, row)
        with teller.chapter(
            "Upgrade to 1.1",
            "The same on a copy that is kept. In a short window, in which writing is "
            "refused politely, the copy gets the last commits, is evolved, verified "
            "and tried. One rename makes release and data live together.",
        ) as row:
            window = upgrades.upgrade(shop, row)
        with teller.chapter(
            "Roll back",
            "Release and data together. Visitors have written to the new copy, and "
            "that would be lost: so it is refused, until we say that it may be.",
        ) as row:
            upgrades.roll_back(shop, row)
    failed = [each for each in answers if each.failed]
    if failed:
        raise UnexpectedError(
            f"{len(failed)} requests failed; the first: {failed[0]}.",
            f"See {shop.log}.",
        )
    return Ended(answers, window)


def _summary(teller: Teller, ended: Ended, *, as_json: bool) -> None:
    counts = Counts.of(ended.answers)
    reads = [each.seconds for each in ended.answers if not each.is_write]
    slowest = max(reads, default=0.0)
    if as_json:
        print_json(
            {
                "rows": [vars(row) for row in teller.rows],
                "visitors": {**vars(counts), "slowest_read": round(slowest, 3)},
                "window": ended.window,
            }
        )
        return
    print_text(
        f"\n{teller.summary()}\n\n"
        f"visitors          {counts}\n"
        f"slowest page      {slowest:.2f} s\n"
        f"read-only window  {ended.window:.1f} s"
    )


def _folder(given: Path | None) -> Path:
    """Return a new folder to work in."""
    if given is None:
        usual = Path(os.path.realpath(tempfile.gettempdir()))
        _check_length(usual / "karl-tour-12345678")
        return Path(tempfile.mkdtemp(prefix="karl-tour-", dir=usual))
    folder = Path(os.path.realpath(given))
    if os.path.lexists(given):
        raise RefusedError(f"{given} is there already.", "Name a new folder.")
    _check_length(folder)
    folder.mkdir(parents=True)
    return folder


def _check_length(folder: Path) -> None:
    """Refuse a folder below which no Unix socket could be.

    :raises RefusedError: its path is too long.
    """
    if len(os.fsencode(folder)) > _LONGEST:
        raise RefusedError(
            f"The path {folder} is too long for Unix sockets below it.",
            f"Choose one of at most {_LONGEST} characters: --work DIR.",
        )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
