"""``zeoctl report``: a page of all storages and sites, for people."""

from __future__ import annotations

import argparse

from karl.recipe.release.base import publishing
from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import CentralVerb, Result
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.operations import reportblocks, reporting


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
    options.check_storages(central, args.storages)
    usual = None if args.json or args.storages else central.places.report
    output = publishing.place(args.output, usual)
    found = reporting.of_central(central, args.storages)
    page = reportblocks.page(found, refresh=args.refresh)
    return {**found, "output": publishing.publish(output, page)}


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
