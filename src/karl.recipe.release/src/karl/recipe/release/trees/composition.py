"""What a release is composed of: distributions, scripts, and what must import."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.base.names import normalised
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.distributions.metadata import entry_points
from karl.recipe.release.trees import modules, scripts
from karl.recipe.release.trees.entry import edited, section_of
from karl.recipe.release.trees.requirements import Needed, direct
from karl.recipe.release.trees.scripts import Provider, Scripts
from karl.recipe.release.trees.specification import Specification
from karl.recipe.release.trees.store import Stored
from karl.recipe.release.trees.tree import Tree, declares_namespace

#: Entry points that a server is started through, beside scripts.
_SMOKE_GROUPS = (
    "paste.app_factory",
    "paste.composite_factory",
    "paste.filter_app_factory",
    "paste.filter_factory",
)


def compose(
    release: ReleaseLayout,
    wanted: Specification,
    needed: Sequence[Needed],
    stored: Sequence[Stored],
    reporter: Reporter,
) -> tuple[Tree, list[str]]:
    """Return every path of the tree, and the entry points and modules to import.

    :param needed: the distributions.
    :param stored: their entries in the store.
    :raises RefusedError: two want the same place, or scripts cannot be made.
    :raises EditedError: a script in the store is not what it was.
    """
    tree = Tree(release)
    tree.add_environment()
    for one in stored:
        tree.add_distribution(one)
    entries = {one.entry.name: one for one in stored}
    listed = direct(wanted.eggs, {item.package.name: item for item in needed})
    names = {item.package.name for item in listed}
    made = scripts.plan(
        release,
        wanted,
        [_provider(entries[item.package.name]) for item in listed],
        [_provider(one) for name, one in entries.items() if name not in names],
        reporter,
    )
    tree.add_scripts(made.files)
    tree.check()
    return tree, _smoke(listed, entries, made)


def _provider(stored: Stored) -> Provider:
    """Return what a store entry has for scripts."""
    legacy = []
    for name, (sha256, _, _) in sorted(stored.entry.scripts.items()):
        path = Path(section_of(str(stored.root), "scripts"), name)
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise edited(stored.root, f"scripts/{name} was changed")
        legacy.append((name, content))
    return Provider(stored.entry.name, stored.entry.entry_points, tuple(legacy))


def _smoke(
    listed: Sequence[Needed], entries: Mapping[str, Stored], made: Scripts
) -> list[str]:
    """Return what must import before the release may be live.

    Entry points; and of a listed egg that has none, its modules.  Entry points
    of extras that nobody asked for need not import: what they need may be missing.
    """
    chosen = set(made.called)
    found = {str(point) for point in made.explicit}
    for item in listed:
        stored = entries[item.package.name]
        own = {
            str(point)
            for point in entry_points(stored.entry.entry_points)
            if {*map(normalised, point.extras)} <= item.extras
            and (point in chosen or point.group in _SMOKE_GROUPS)
        }
        found.update(own or _modules(stored))
    return sorted(found)


def _modules(stored: Stored) -> tuple[str, ...]:
    folder = section_of(str(stored.root), "lib")
    return modules.importable(
        stored.entry.lib, lambda path: declares_namespace(f"{folder}/{path}")
    )
