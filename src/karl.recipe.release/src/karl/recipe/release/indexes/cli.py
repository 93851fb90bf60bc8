"""``karl-index``: all work on the pool and on frozen indexes, thinly."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from karl.recipe.release.base.command import (
    Parser,
    add_output_options,
    entered,
    log_programs,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.indexes import changing, looking
from karl.recipe.release.indexes.answers import Verb

_EPILOG = """\
exit codes: 0 done, 1 failed, 2 wrong option or input, 3 refused, nothing changed,
4 damage found, 5 another command is at work, 7 something is missing on this machine,
8 the registry cannot be reached, 130 interrupted from the keyboard.

examples:
  karl-index publish examples/acme.site/1.0 --build-index toolchain/1
  karl-index freeze acme/1.0 --extends karl/3.30 --require acme.site==1.0
  karl-index diff acme/1.0 acme/1.1
  karl-index verify acme/1.0
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return entered(argv, _run)


def _run(words: list[str], console: Console) -> int:
    options = parser().parse_args(words)
    log_programs(verbose=options.verbose)
    code: int = options.verb(options, console)
    return code


def parser() -> Parser:
    """Return the parser of the whole command."""
    main_parser = Parser(
        prog="karl-index",
        description="Keep frozen package indexes over one pool of distribution files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main_parser.add_subparsers(required=True, metavar="VERB")
    for add in (
        _freeze, _publish, _add, _fetch, _list, _show, _diff, _verify, _gc
    ):  # fmt: skip
        add(commands)
    return main_parser


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001  # no public name


def _verb(commands: Commands, name: str, run: Verb, text: str) -> Parser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(verb=run)
    places = command.add_argument_group("places")
    places.add_argument(
        "--base", type=Path, default=_default_base(), metavar="DIR",
        help="folder of pool, indexes and store (default: the checkout of this "
        "command, else the working directory)",
    )  # fmt: skip
    for place in ("pool", "indexes", "store"):
        places.add_argument(
            f"--{place}", type=Path, metavar="DIR", help=f"default: BASE/{place}"
        )
    add_output_options(command, "document")
    return command


def _default_base() -> Path:
    above = Path(sys.argv[0]).absolute().parents[1:4]
    return next((folder for folder in above if (folder / "indexes").is_dir()), Path())


def _freeze(commands: Commands) -> None:
    command = _verb(
        commands, "freeze", changing.freeze_index,
        "Resolve requirements and freeze them as a new index version.",
    )  # fmt: skip
    command.add_argument("index", metavar="NAME/VERSION")
    command.add_argument(
        "-r", "--requirements", type=Path, metavar="FILE", action="append", default=[],
        help="file of requirements, a line each; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--require",
        metavar="REQUIREMENT",
        action="append",
        default=[],
        help="one requirement",
    )
    command.add_argument(
        "-c", "--constraints", type=Path, metavar="FILE", action="append", default=[],
        help="file of bounds on projects that may or may not be needed",
    )  # fmt: skip
    command.add_argument(
        "--extends", metavar="NAME/VERSION", help="index whose pins are inherited"
    )
    command.add_argument(
        "--override", metavar="REQUIREMENT", action="append", default=[],
        help="let this inherited pin change; the change is recorded",
    )  # fmt: skip
    command.add_argument(
        "--private", metavar="PATTERN", action="append", default=[],
        help="names that come from the pool alone, such as 'acme.*'",
    )  # fmt: skip
    command.add_argument(
        "--target", metavar="TARGET", action="append", default=[],
        help="hold wheels for this, such as cp311-manylinux_2_31_x86_64 "
        "(default: as the extended index, or this machine)",
    )  # fmt: skip
    command.add_argument(
        "--system-linked", metavar="PROJECT", action="append", default=[],
        help="hold the sdist of this project, to link it to the system's libraries",
    )  # fmt: skip
    _registry(command)
    command.add_argument(
        "--offline", action="store_true", help="freeze from the pool alone"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be asked, do nothing"
    )


def _publish(commands: Commands) -> None:
    command = _verb(
        commands, "publish", changing.publish_trees,
        "Build sdist and wheel of source trees, reproducibly, into the pool.",
    )  # fmt: skip
    command.add_argument("tree", type=Path, nargs="+", metavar="TREE")
    command.add_argument(
        "--build-index", required=True, metavar="NAME/VERSION",
        help="frozen index that the build backend comes from",
    )  # fmt: skip
    command.add_argument(
        "--allow-uncommitted", action="store_true",
        help="build the working tree although it differs from the last commit",
    )  # fmt: skip
    command.add_argument(
        "--expect-version", default="", metavar="VERSION",
        help="refuse a tree of another version",
    )  # fmt: skip
    command.add_argument(
        "--expect-index", metavar="NAME/VERSION",
        help="refuse other bytes than this index names, if it is frozen",
    )  # fmt: skip
    _registry(command)


def _add(commands: Commands) -> None:
    command = _verb(
        commands, "add", changing.add_files,
        "Put distribution files, or all of a folder's, into the pool.",
    )  # fmt: skip
    command.add_argument("file", type=Path, nargs="+", metavar="FILE")


def _fetch(commands: Commands) -> None:
    command = _verb(
        commands, "fetch", changing.fetch_indexes,
        "Fill the pool, by hash, with what indexes name, and write their pages.",
    )  # fmt: skip
    command.add_argument("index", nargs="+", metavar="NAME/VERSION")
    command.add_argument(
        "--all-targets", action="store_true",
        help="also the files of Pythons and platforms other than this one",
    )  # fmt: skip
    _registry(command)


def _registry(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--registry", default="", metavar="URL",
        help="simple index of the public registry (default: pip's index-url)",
    )  # fmt: skip


def _list(commands: Commands) -> None:
    _verb(commands, "list", looking.list_indexes, "List the indexes there are.")


def _show(commands: Commands) -> None:
    command = _verb(
        commands, "show", looking.show_index,
        "Show an index: its packages, and the chain of indexes that it extends.",
    )  # fmt: skip
    command.add_argument("index", metavar="NAME/VERSION")
    command.add_argument(
        "--requirements", action="store_true",
        help="print it as requirements with hashes, for pip --require-hashes",
    )  # fmt: skip


def _diff(commands: Commands) -> None:
    command = _verb(
        commands, "diff", looking.diff_indexes,
        "Show which projects one index adds, removes or changes against another.",
    )  # fmt: skip
    command.add_argument("before", metavar="NAME/VERSION")
    command.add_argument("after", metavar="NAME/VERSION")


def _verify(commands: Commands) -> None:
    command = _verb(
        commands, "verify", looking.verify_indexes,
        "Compare indexes and their pooled files, byte for byte, with the lock files.",
    )  # fmt: skip
    command.add_argument(
        "index", nargs="*", metavar="NAME/VERSION", help="default: every index"
    )
    command.add_argument(
        "--all-targets", action="store_true",
        help="files for other Pythons and platforms must be in the pool too",
    )  # fmt: skip


def _gc(commands: Commands) -> None:
    command = _verb(
        commands, "gc", changing.collect_garbage,
        "List what pool and store hold that no index names; remove it with --yes.",
    )  # fmt: skip
    command.add_argument("--yes", action="store_true", help="remove it")


if __name__ == "__main__":
    sys.exit(main())
