"""``zeoctl report``: a page of all storages and sites, for people."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.zeoserver.commands.verb import CentralVerb, Result
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.operations import reportblocks, reporting

#: It names what runs where: for its owner, and the group that may read it.
_MODE = 0o640


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "storages",
        metavar="STORAGE",
        nargs="*",
        help="only these, and no site (default: all storages and sites)",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where the page is written (default: var/report.html; nowhere with "
        "--json, or if storages are named)",
    )
    parser.add_argument(
        "--refresh",
        type=_seconds,
        default=0,
        metavar="SECONDS",
        help="have browsers load the page again, as on a wall (default: never)",
    )


def _seconds(text: str) -> int:
    value = int(text)
    if not 10 <= value <= 86400:
        raise argparse.ArgumentTypeError("must be from 10 to 86400")
    return value


def _run(central: Central, args: argparse.Namespace) -> Result:
    unknown = sorted(set(args.storages) - set(central.storages))
    if unknown:
        known = ", ".join(sorted(central.storages)) or "none"
        raise UsageError(
            f"There is no storage {', '.join(unknown)}; there are: {known}.",
            "Storages are declared in the buildout of the database server.",
        )
    output = None if args.json or args.storages else central.places.report
    if args.output is not None:
        output = Path(os.path.abspath(args.output))
        _check(output)
    found = reporting.of_central(central, args.storages)
    if output is not None:
        page = reportblocks.page(found, refresh=args.refresh)
        files.write(output, page, _MODE)
    return {**found, "output": None if output is None else str(output)}


def _check(output: Path) -> None:
    """Refuse a place where no page can be, before anybody is asked.

    :raises RefusedError: it is one.
    """
    if output.is_dir() or not output.parent.is_dir():
        what = "a folder" if output.is_dir() else "in no folder that there is"
        raise RefusedError(f"{output} is {what}.", "Name a file in a folder.")


def _show(result: Result) -> str:
    lines = [
        f"{item['level']}: {about}: {item['text']}"
        for about, item in reportblocks.all_attention(result)
    ]
    wrote = [f"Wrote {result['output']}"] if result["output"] else []
    return "\n".join([*(lines or ["All is well."]), *wrote])


VERBS = (
    CentralVerb(
        "report",
        "Write a page of all storages and sites: what is live, and what needs "
        "attention.",
        _run,
        _show,
        _arguments,
    ),
)
