"""The modules that a distribution brings, from the list of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.machinery import EXTENSION_SUFFIXES

#: Folders at the top of many wheels that nobody imports at work.
_NUISANCES = frozenset(
    {"benchmark", "benchmarks", "conftest", "doc", "docs", "example", "examples",
     "setup", "test", "testing", "tests"}
)  # fmt: skip

_SUFFIXES = (".py", *EXTENSION_SUFFIXES)


def importable(
    paths: Iterable[str], is_namespace: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the modules and packages at the top of a distribution, sorted.

    Below a namespace, that is what is directly in it.  Private ones, tests and
    documents are left out, unless there is nothing else.

    :param paths: below site-packages.
    :param is_namespace: tells whether an ``__init__.py`` only declares a
        namespace, as was done before PEP 420.
    """
    named = {path: name for path in paths if (name := _module_of(path))}
    packages = {
        name.removesuffix(".__init__")
        for path, name in named.items()
        if name.endswith(".__init__") and not is_namespace(path)
    }
    loose = {
        name
        for name in named.values()
        if not name.endswith(".__init__") and not _inside(name, packages)
    }
    tops = {name for name in packages if not _inside(name, packages)}
    # A module counts where a package could be; deeper down lie templates too.
    places = {"", *map(_above, tops)}
    tops = tops | {name for name in loose if _above(name) in places} or loose
    public = {
        name
        for name in tops
        if not any(
            part.startswith("_") or part.lower() in _NUISANCES
            for part in name.split(".")
        )
    }
    return tuple(sorted(public or tops))


def _module_of(path: str) -> str:
    """Return the dotted name of the module at *path*; empty if it is none."""
    for suffix in _SUFFIXES:
        if path.endswith(suffix):
            parts = path.removesuffix(suffix).split("/")
            named = all(part.isidentifier() for part in parts)
            return ".".join(parts) if named and parts[-1] != "__main__" else ""
    return ""


def _above(name: str) -> str:
    return name.rpartition(".")[0]


def _inside(name: str, packages: set[str]) -> bool:
    """Tell whether one of *packages* is above *name*."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in packages for end in range(1, len(parts)))
