"""The options of ``switch-version``, and which of them go together."""

from __future__ import annotations

import argparse

from karl.recipe.release.base.command import Parser
from karl.recipe.release.base.errors import UsageError

_DESCRIPTION = """\
Make a release the live one, or go back.

A release is a sealed, read-only folder that a buildout run made. A revision is
a release together with the database that it works with. "current" is a symlink
to the live revision. Switching checks the release, writes a new revision and
moves the symlink, by one rename: nobody ever sees it missing.
"""

_EPILOG = """\
examples:
  switch-version 1.1               make release 1.1 live
  switch-version --rollback        go back to what was live before
  switch-version --list            what there is
  switch-version --verify          has anybody changed the live release?
  switch-version --prune --keep 3  what could be removed (add --yes to do it)

exit codes:
  0 done, or nothing to do        4 damaged: bytes are not as sealed
  1 the system refused            5 another command is at work
  2 wrong use                     6 live, but a command after it failed
  3 the state forbids it          7 a program is missing
                                  130 interrupted from the keyboard
"""

_MODES = ("rollback", "activate", "discard", "list", "verify", "prune", "pin", "unpin")


def build_parser(site: str | None) -> argparse.ArgumentParser:
    """Return the parser; *site* is the default of ``--site``."""
    parser = Parser(
        prog="switch-version",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("version", nargs="?", metavar="VERSION", help="release to make live")
    _add_binding(parser)
    _add_modes(parser)
    group = parser.add_argument_group("how")
    add = group.add_argument
    add("--dry-run", action="store_true", help="check and tell, change nothing")
    add("--full", action="store_true", help="hash every file of the release first")
    add(
        "--accept-damaged", metavar="VERSION", default="",
        help="go on although this release, named again, is damaged",
    )  # fmt: skip
    add("--no-hooks", action="store_true", help="do not run the site's commands")
    add(
        "--smoke-timeout", type=_timeout, metavar="SECONDS",
        help="how long importing the release may take",
    )  # fmt: skip
    add(
        "--no-smoke-test", action="store_true",
        help="with --prepare and --activate: do not import the release once more",
    )  # fmt: skip
    add(
        "--wait", type=_seconds, default=0.0, metavar="SECONDS",
        help="how long to wait for another command (default: not at all)",
    )  # fmt: skip
    add("--json", action="store_true", help="one JSON object on standard output")
    add("-q", "--quiet", action="store_true", help="tell only results and warnings")
    add("--site", default=site, metavar="DIRECTORY", help="the site's folder")
    return parser


def _add_binding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the new revision", "Without these it binds the database that is bound now."
    )
    add = group.add_argument
    add("--database", metavar="LABEL", help="label of the database copy to bind")
    add(
        "--zodb-conf", metavar="FILE", help="the zodb.conf to bind it with; - for stdin"
    )
    add(
        "--configured", action="store_true",
        help="bind the database that the buildout names",
    )  # fmt: skip
    add("--note", default="", metavar="TEXT", help="what to record about it")
    add(
        "--prepare", action="store_true",
        help="write and check the revision, but do not make it live",
    )  # fmt: skip


def _add_modes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("instead of switching to VERSION")
    add = group.add_argument
    add("--rollback", action="store_true", help="make the revision before live again")
    add("--to", type=_number, metavar="N", help="with --rollback: that revision")
    add("--activate", type=_number, metavar="N", help="make a prepared revision live")
    add("--discard", type=_number, metavar="N", help="remove a prepared revision")
    add("--list", action="store_true", help="show revisions and releases")
    add(
        "--verify", action="store_true",
        help="hash every file of VERSION (default: of the live release)",
    )  # fmt: skip
    add("--all", action="store_true", help="with --verify: all releases and revisions")
    add(
        "--prune", action="store_true",
        help="tell which old revisions and releases could go; with --yes remove them",
    )  # fmt: skip
    add("--keep", type=_number, metavar="N", help="with --prune: revisions to keep")
    add(
        "--unused", action="store_true",
        help="with --prune: also releases that were never live",
    )  # fmt: skip
    add("--yes", action="store_true", help="with --prune: do it")
    add("--pin", type=_number, metavar="N", help="never prune that revision")
    add("--unpin", type=_number, metavar="N", help="allow to prune it again")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _timeout(text: str) -> float:
    value = _seconds(text)
    if not value:
        raise argparse.ArgumentTypeError("0 seconds are too few")
    return value


#: Which options go with what is done; all others are a mistake.
_BINDING = {"database", "zodb_conf", "configured", "note"}
_CHECKS = {"full", "accept_damaged", "smoke_timeout", "dry_run", "wait"}
_ALLOWED = {
    "switch": {"version", "no_hooks"} | _BINDING | _CHECKS,
    "prepare": {"version", "prepare", "no_smoke_test"} | _BINDING | _CHECKS,
    "rollback": {"to", "no_hooks"} | _CHECKS,
    "activate": {"no_hooks", "no_smoke_test"} | _CHECKS,
    "discard": {"wait", "dry_run"},
    "list": set(),
    "verify": {"version", "all"},
    "prune": {"keep", "unused", "yes", "wait", "dry_run"},
    "pin": {"wait", "dry_run"},
    "unpin": {"wait", "dry_run"},
}
_ALWAYS = {"json", "quiet", "site"}


def mode_of(options: argparse.Namespace, parser: argparse.ArgumentParser) -> str:
    """Return what is to be done, or raise for options that do not go together."""
    given = {
        name
        for name, value in vars(options).items()
        if value not in (parser.get_default(name), None, False)
    }
    modes = [mode for mode in _MODES if mode in given]
    if len(modes) > 1:
        raise UsageError(
            f"{_dashed(modes[0])} and {_dashed(modes[1])} do not go together.",
            "Do one, then the other.",
        )
    mode = modes[0] if modes else "prepare" if "prepare" in given else "switch"
    for name in sorted(given - _ALLOWED[mode] - _ALWAYS - {mode}):
        raise UsageError(
            f"{_dashed(name)} does not go with "
            f"{'switching to VERSION' if mode == 'switch' else _dashed(mode)}.",
            "See --help.",
        )
    _check_pairs(options, mode)
    return mode


def _check_pairs(options: argparse.Namespace, mode: str) -> None:
    if mode in ("switch", "prepare") and options.version is None:
        raise UsageError(
            "Which release? No VERSION was given.",
            "switch-version --list shows what there is; --help explains.",
        )
    if (options.database is None) != (options.zodb_conf is None):
        raise UsageError(
            "--database and --zodb-conf go together.",
            "Name both: the label of the copy, and the file that binds it.",
        )
    if options.configured and options.database is not None:
        raise UsageError(
            "--configured and --database do not go together.", "Choose one."
        )
    if mode == "verify" and options.all and options.version is not None:
        raise UsageError("--all and a VERSION do not go together.", "Choose one.")
    if options.yes and options.dry_run:
        raise UsageError("--yes and --dry-run do not go together.", "Choose one.")


def _dashed(name: str) -> str:
    return "VERSION" if name == "version" else "--" + name.replace("_", "-")
