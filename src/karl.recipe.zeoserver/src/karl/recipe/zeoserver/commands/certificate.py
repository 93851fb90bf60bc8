"""``zeoctl certificate``: private certificate authorities."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

from karl.recipe.release.base.console import table
from karl.recipe.zeoserver.commands.verb import CentralVerb, Result
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.servers import certificatefiles, certificates
from karl.recipe.zeoserver.servers.certificatefiles import SOON, Certificate

_HEADS = ("KIND", "NAME", "REACHED AS", "EXPIRES", "FILE")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=("authority", "server", "client", "list"),
        help="authority: make one; server: make a server's certificate; client: make "
        "a client's; list: show all",
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="of a server: all names and addresses that clients use for it; of a "
        "client: its name",
    )
    parser.add_argument(
        "--authority",
        metavar="NAME",
        default="authority",
        help="which authority; sites that must not reach each other's databases "
        "need one each (default: authority)",
    )
    parser.add_argument(
        "--days",
        type=int,
        metavar="N",
        help="how long it is valid (default: "
        f"{certificates.AUTHORITY_DAYS} for an authority, {certificates.DAYS} else)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what would be made"
    )


def _run(central: Central, args: argparse.Namespace) -> Result:
    places = central.places.certificates
    if args.action == "list":
        found = certificatefiles.every(places)
        return {"certificates": [_told(each) for each in found], "changed": False}
    certificates.check_request(args.action, args.names)
    if args.dry_run:
        what = " ".join([args.action, *args.names])
        return Plan((f"make {what}",), {"certificates": []}).rehearsed()
    days = {} if args.days is None else {"days": args.days}
    if args.action == "authority":
        made = certificates.make_authority(places, args.authority, central.name, **days)
    elif args.action == "server":
        made = certificates.make_server(places, args.authority, args.names, **days)
    else:
        made = certificates.make_client(places, args.authority, args.names[0], **days)
    return {"certificates": [_told(made)], "changed": True}


def _told(found: Certificate) -> dict[str, Any]:
    left = found.days_left(time.time())
    return {
        **dataclasses.asdict(found),
        "days_left": int(left),
        "state": "expired" if left < 0 else "expires soon" if left < SOON else "valid",
    }


def _show(result: Result) -> str:
    if result.get("dry_run"):
        return str(result["text"])
    if not result["certificates"]:
        return "There are no certificates."
    return table(_HEADS, [_row(each) for each in result["certificates"]])


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    day = time.strftime("%Y-%m-%d", time.localtime(found["expires"]))
    note = "" if found["state"] == "valid" else f" ({found['state']})"
    return (
        found["kind"],
        found["name"],
        " ".join(found["hosts"]) or "-",
        f"{day}{note}",
        found["certificate"],
    )


VERBS = (
    CentralVerb(
        "certificate",
        "Make a private certificate authority, and certificates for TLS.",
        _run,
        _show,
        _arguments,
    ),
)
