"""``zeoctl-ssh``: the one command that a key of ssh is good for.

In ``authorized_keys`` on the database server's machine it stands before a site's
key, with the site's storages::

    restrict,command="/srv/zeo-central/bin/zeoctl-ssh acme-prod" ssh-ed25519 AAAA...

What the site asks for comes in the variable ``SSH_ORIGINAL_COMMAND``.  It is split
into words, never given to a shell, and is done if it is a verb of zeoctl that
upgrades need, for those storages and with no option but the listed ones.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from karl.recipe.release.base.command import Parser, guarded
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.zeoserver.commands import zeoctl

#: Where the server of ssh puts what was asked for.
VARIABLE = "SSH_ORIGINAL_COMMAND"

#: The verbs that a site may ask for, with the options that they may have.
VERBS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"--copies"}),
    "client-conf": frozenset({"--copy"}),
    "backups": frozenset(),
    "report": frozenset(),
    "backup": frozenset({"--incremental"}),
    "stage": frozenset({"--again"}),
    "catch-up": frozenset({"--final", "--tid"}),
    "read-only": frozenset({"--copy", "--bound"}),
    "writable": frozenset({"--copy"}),
    "serve": frozenset({"--read-only", "--side", "--timeout"}),
    "unserve": frozenset(),
    "adopt": frozenset({"--discard-writes"}),
    "retire": frozenset(),
    "prune": frozenset({"--copy"}),
}

#: Options that every verb may have.
SHARED = frozenset(
    {"--json", "-q", "--quiet", "-v", "--verbose", "-h", "--help", "--dry-run",
     "--wait"}
)  # fmt: skip

#: Verbs with an option that is not left out.
_WITH: Mapping[str, str] = {"prune": "--copy"}

_DESCRIPTION = """\
All that a site's key of ssh is good for. People do not type it: in authorized_keys on
the database server's machine it stands before the key, with the site's storages.

What the site asks for, such as "zeoctl backup acme-prod", comes in the variable
SSH_ORIGINAL_COMMAND. It is split into words, never given to a shell. It is done if it
is a verb of zeoctl that upgrades need, for these storages and with no other options
than upgrades need; everything else is refused, with exit code 3.
"""

_EPILOG = """\
examples:
  restrict,command="/srv/zeo-central/bin/zeoctl-ssh acme-prod" ssh-ed25519 AAAA...

verbs:
""" + "".join(
    f"  {' '.join([verb, *sorted(options)])}\n" for verb, options in VERBS.items()
)

_OPTION = re.compile(r"(--[^=]*|-[^-])")


def main(root: str, argv: Sequence[str]) -> int:
    """Do what was asked for through ssh; return the exit code.

    :param root: the database server's folder.
    :param argv: the storages that the key is for.
    """
    asked = os.environ.get(VARIABLE, "")
    return guarded(
        lambda: zeoctl.main(root, permitted(asked, argv)),
        Console(quiet=True),
        as_json="--json" in asked.split(),
    )


def permitted(asked: str, argv: Sequence[str]) -> list[str]:
    """Return the words for zeoctl.

    :param asked: the command as the site sent it.
    :raises UsageError: it is no command of zeoctl, or the key's line is wrong.
    :raises RefusedError: the key is not good for it.
    """
    ours = _storages(argv)
    words = _words(asked)
    verb = words[0]
    if verb not in VERBS:
        raise RefusedError(
            f"This key is not good for zeoctl {verb}.",
            "Do it on the database server's machine.",
        )
    found = zeoctl.build_parser((verb,)).parse_args(words)
    _check_options(verb, words)
    _check_storages(found, ours)
    return words


def build_parser() -> Parser:
    """Return the parser of the words that stand before a key."""
    parser = Parser(
        prog="zeoctl-ssh",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "storages",
        metavar="STORAGE",
        nargs="+",
        help="what the key is for: these storages, and no other",
    )
    return parser


def _storages(argv: Sequence[str]) -> list[str]:
    found: list[str] = build_parser().parse_args(argv).storages
    return found


def _words(asked: str) -> list[str]:
    """Return verb and arguments."""
    try:
        words = shlex.split(asked)
    except ValueError as error:
        raise UsageError(
            f"The command is not understood: {error}.", "Ask for: zeoctl VERB ..."
        ) from None
    if len(words) < 2 or Path(words[0]).name != "zeoctl":
        raise UsageError(
            "This key is good for zeoctl, and nothing else.", "Ask for: zeoctl VERB ..."
        )
    return words[1:]


def _check_options(verb: str, words: Sequence[str]) -> None:
    """Refuse every option that is not listed, abbreviated ones with them."""
    given = {match[0] for match in map(_OPTION.match, words) if match}
    if refused := sorted(given - VERBS[verb] - SHARED):
        raise RefusedError(
            f"This key is not good for zeoctl {verb} with {', '.join(refused)}.",
            "Do it on the database server's machine.",
        )
    needed = _WITH.get(verb)
    if needed and needed not in given:
        raise RefusedError(
            f"This key is good for zeoctl {verb} only with {needed}.",
            f"Say which copy, with {needed}.",
        )


def _check_storages(found: argparse.Namespace, ours: Sequence[str]) -> None:
    """Refuse storages that are not the key's, and to name none."""
    named = [found.storage] if "storage" in found else found.storages
    others = sorted({*named} - {*ours})
    if others or not named:
        raise RefusedError(
            f"This key is good for {', '.join(ours)}, not for "
            f"{', '.join(others) or 'every storage'}.",
            "Name the storage, or add it to the key's line in authorized_keys.",
        )
