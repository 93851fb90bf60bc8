"""Publishing: a source tree becomes files in the pool, the same everywhere.

What is published is what is committed: the tree is exported from git, so that
neither an ignored file nor an unsaved change nor the umask gets in.  The sdist
is built from the export and the wheel from the sdist, with build requirements
from one frozen index; both are then normalised (:mod:`.archives`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from karl.recipe.release.base import files, process
from karl.recipe.release.base.errors import (
    DamagedError,
    ProcessError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import normalised
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.building import archives, builder
from karl.recipe.release.distributions.metadata import Metadata, same_version
from karl.recipe.release.distributions.pool import Pool, identify

#: git must not change content on its way out, whatever its configuration says.
_GIT = (
    "git", "-c", "core.autocrlf=false", "-c", "core.eol=lf",
    "-c", "core.attributesFile=/dev/null", "-c", "core.quotePath=false",
)  # fmt: skip

_SHOWN = 10


@dataclass(frozen=True)
class Expected:
    """What is refused before the pool changes, if it turns out otherwise.

    :ivar version: of the source tree; empty: any.
    :ivar files: sha256 by name, of files that are named already.
    """

    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def check_version(self, sdist: Path) -> None:
        """Check the version that a built sdist has.

        :raises RefusedError: it is another.
        """
        found = identify(sdist.name).version
        if self.version and not same_version(found, self.version):
            raise RefusedError(
                f"The source tree is of version {found}, not {self.version}.",
                "Name the right tree, or correct the version in it and commit that.",
            )

    def check_bytes(self, made: Iterable[Path]) -> None:
        """Check files that are named already.

        :raises RefusedError: they have other bytes.
        """
        other = [
            path.name
            for path in made
            if self.files.get(path.name, "") not in {"", files.sha256_of(path)}
        ]
        if other:
            raise RefusedError(
                f"{' and '.join(other)} would get other bytes than an index names: "
                "it was frozen from another source.",
                "Publish the source that it was frozen from, or raise the version.",
            )


def publish(
    source_tree: Path,
    software: SoftwareLayout,
    *,
    build_index_url: str,
    reporter: Reporter | None = None,
    allow_uncommitted: bool = False,
    expected: Expected | None = None,
) -> list[Path]:
    """Build sdist and wheel of *source_tree* and put them into the pool.

    :param build_index_url: the one index that build requirements come from.
    :param allow_uncommitted: take the files as they are, except ignored ones.
    :returns: the pooled files, sdist first; both were there already if this
        version had been published with the same bytes.
    :raises RefusedError: something is uncommitted, or not as expected, or the pool
        has this version with other bytes.
    :raises UsageError: *source_tree* is not a folder.
    """
    reporter = reporter or SilentReporter()
    if not source_tree.is_dir():
        raise UsageError(
            f"{source_tree} is not a folder.", "Name the folder of a source tree."
        )
    with tempfile.TemporaryDirectory(prefix="karl-publish-") as name:
        folder = Path(name)
        tree = folder / "tree" / source_tree.resolve().name
        tree.mkdir(parents=True)
        if allow_uncommitted:
            _copy(source_tree, tree)
        else:
            _export(source_tree, tree, folder / "tree.tar")
        expected = expected or Expected()
        made = _make(tree, folder, build_index_url, expected, reporter)
        expected.check_bytes(made)
        return _pool(made, Pool(software), reporter)


def _make(
    tree: Path, folder: Path, url: str, expected: Expected, reporter: Reporter
) -> list[Path]:
    """Build, normalise and check; return the sdist and, if it is pure, the wheel."""
    ready = folder / "ready"
    ready.mkdir()
    sdist = builder.build_sdist(
        tree, index_url=url, into=folder / "sdist", reporter=reporter
    )
    sdist = archives.normalise_sdist(sdist, ready / sdist.name)
    _check_name(sdist)
    expected.check_version(sdist)
    wheel = builder.build_wheel(
        sdist, index_url=url, into=folder / "wheel", reporter=reporter
    )
    if not wheel.name.endswith("-any.whl"):
        reporter.warn(
            f"{wheel.name} fits one platform only and is not published: whoever "
            f"installs {sdist.name} builds it."
        )
        return [sdist]
    wheel = archives.normalise_wheel(wheel, ready / wheel.name)
    _check_name(wheel)
    if identify(wheel.name).version != identify(sdist.name).version:
        raise _disagreeing(f"{wheel.name} and {sdist.name}")
    return [sdist, wheel]


def _check_name(path: Path) -> None:
    """Check that a distribution file is what its name says.

    :raises DamagedError: its metadata has another name or version.
    """
    wheel = path.suffix == ".whl"
    ending = ".dist-info/METADATA" if wheel else "/PKG-INFO"
    found = [
        entry
        for entry in archives.read(path)
        if entry.name.endswith(ending) and entry.name.count("/") == 1
    ]
    if len(found) != 1:
        raise _disagreeing(f"{path.name} and its content ({len(found)} {ending})")
    metadata = Metadata.parse(found[0].content)
    told = identify(path.name)
    same = normalised(metadata.name) == told.project
    if not same or not same_version(metadata.version, told.version):
        raise _disagreeing(f"{path.name} and its {metadata.name} {metadata.version}")


def _disagreeing(what: str) -> DamagedError:
    return DamagedError(
        f"The build backend made what does not fit together: {what}.",
        "Correct the source tree's pyproject.toml.",
    )


def _pool(made: list[Path], pool: Pool, reporter: Reporter) -> list[Path]:
    """Add all of *made* to the pool, or nothing."""
    different = [path.name for path in made if _differs(path, pool.directory)]
    if different:
        raise RefusedError(
            f"{' and '.join(different)} would get other bytes than the pool has: "
            "this version was published already, from another source.",
            "Raise the version in the source tree, commit, and publish that.",
        )
    for path in made:
        known = (pool.directory / path.name).exists()
        reporter.say(f"{path.name}: {'unchanged' if known else 'published'}")
    return [pool.add(path) for path in made]


def _differs(path: Path, pool: Path) -> bool:
    pooled = pool / path.name
    return pooled.exists() and files.sha256_of(pooled) != files.sha256_of(path)


def _export(source: Path, target: Path, archive: Path) -> None:
    """Write what is committed of *source* to *target*.

    :raises RefusedError: it is not under git, or has uncommitted changes.
    """
    status = _git(
        source, "status", "--porcelain", "--untracked-files=all",
        "--ignore-submodules=none", "--", ".",
    )  # fmt: skip
    changes = status.splitlines()
    if changes:
        listed = "".join(f"\n  {change}" for change in changes[:_SHOWN])
        more = f"\n  and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        raise RefusedError(
            f"{source} has uncommitted changes:{listed}{more}",
            "Commit them, or publish with --allow-uncommitted while you develop.",
        )
    _refuse_submodules(source)
    prefix = _git(source, "rev-parse", "--show-prefix").rstrip("\n")
    top = Path(_git(source, "rev-parse", "--show-toplevel").rstrip("\n"))
    tree = f"HEAD:{prefix.rstrip('/')}"
    _git(top, "archive", "--format=tar", f"--output={archive}", tree)
    archives.write_entries(archives.read(archive), target, source)


def _refuse_submodules(source: Path) -> None:
    if any(
        line.startswith("160000")
        for line in _git(source, "ls-tree", "-r", "HEAD", ".").splitlines()
    ):
        raise RefusedError(
            f"{source} has a git submodule, whose content its commit does not hold.",
            "Publish from a tree that holds its files itself.",
        )


def _git(source: Path, *arguments: str) -> str:
    """Run git in *source*.

    :raises RefusedError: *source* is not in a git repository, or has no commit.
    """
    # git's own configuration says whose repositories it trusts.
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    env = process.clean_environment(LC_ALL="C.UTF-8", **home)
    try:
        return process.run([*_GIT, *arguments], cwd=source, env=env)
    except ProcessError as error:
        raise RefusedError(
            f"git cannot tell what is committed of {source}: {error.output.strip()}",
            "Publish from a git checkout, or with --allow-uncommitted while you "
            "develop.",
        ) from error


def _copy(source: Path, target: Path) -> None:
    """Copy *source* as it is, without what git ignores, if git knows it."""
    try:
        names = _git(
            source, "ls-files", "--cached", "--others", "--exclude-standard", "-z"
        )
    except RefusedError:
        paths = _plain_files(source)
    else:
        paths = (source / name for name in sorted(set(names.split("\0"))) if name)
    for path in paths:
        if path.is_symlink() or path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place, follow_symlinks=False)


def _plain_files(source: Path) -> Iterator[Path]:
    for path in source.rglob("*"):
        parts = path.relative_to(source).parts
        if ".git" not in parts and "__pycache__" not in parts:
            yield path
