"""What a release needs is followed through the index, and checked."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import IndexLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.distributions.packages import Override, Package
from karl.recipe.release.trees.requirements import closure


def needed(
    eggs: str,
    projects: Mapping[str, str],
    overrides: tuple[Override, ...] = (),
    python: str = "",
) -> dict[str, set[str]]:
    """Return names and extras; projects are 'name version' to requirements."""
    requires = {}
    packages = []
    for head, lines in projects.items():
        name, version = head.split()
        packages.append(Package(name, version, requires_python=python))
        requires[name] = tuple(line.strip() for line in lines.split("|") if line)
    index = Index(
        Lock(IndexName("a", "1"), tuple(packages), "", overrides=overrides),
        "",
        IndexLayout(None),  # type: ignore[arg-type]
    )
    found = closure(
        index,
        eggs.split("|"),
        lambda package: Metadata(package.name, package.version, requires[package.name]),
    )
    return {item.package.name: set(item.extras) for item in found}


def test_followed():
    """Requirements of requirements are in, by normalised names; others are not."""
    found = needed("A", {"a 1": "B.c>=1", "b-c 2": "d", "d 1": "", "e 1": ""})
    assert found == {"a": set(), "b-c": set(), "d": set()}


def test_circle():
    """Distributions may require each other."""
    assert needed("a", {"a 1": "b", "b 1": "a"}).keys() == {"a", "b"}


def test_extras():
    """Extras are followed where they are asked for, also from one another."""
    projects = {
        "a 1": "b[x] | c; extra == 'Test_me' | a[test-me]; extra == 'all'",
        "b 1": "d; extra == 'x' | e; extra == 'y'",
        "c 1": "",
        "d 1": "",
        "e 1": "",
    }
    assert needed("a", projects) == {"a": set(), "b": {"x"}, "d": set()}
    assert needed("a[all]", projects) == {
        "a": {"all", "test-me"}, "b": {"x"}, "c": set(), "d": set(),
    }  # fmt: skip


def test_markers():
    """Requirements for another Python or platform are not followed."""
    projects = {
        "a 1": "b; python_version < '3' | c; sys_platform == 'linux' | "
        "d; extra == 'x' or python_version >= '3' | "
        "e; (extra == 'x') and sys_platform == 'linux'",
        "c 1": "",
        "d 1": "",
    }
    assert needed("a", projects).keys() == {"a", "c", "d"}


def test_egg_with_false_marker():
    """An egg that is listed for another Python is left out."""
    assert needed("a|b; python_version < '3'", {"a 1": ""}).keys() == {"a"}


def test_everything_unmet_at_once():
    """One error names everything that is missing or does not fit."""
    with pytest.raises(RefusedError) as caught:
        needed("a>2|x", {"a 1": "b<2 | c | d @ https://example.org/d.whl",
                         "b 2": "??", "d 1": ""})  # fmt: skip
    for message in (
        "the release needs a>2, but it has 1",
        "the release needs x, which it does not have",
        "a 1 needs b<2, but it has 2",
        "a 1 needs c, which it does not have",
        "a URL cannot be checked",
        "b 2 has the malformed requirement '??'",
    ):
        assert message in str(caught.value)


def test_override():
    """A pin that was overridden on request may be outside of what others want."""
    override = Override("b==2", "b", "1", "2")
    projects = {"a 1": "b<2", "b 2": ""}
    assert needed("a", projects, (override,)).keys() == {"a", "b"}
    with pytest.raises(RefusedError, match="but it has 2"):
        needed("a", projects)


def test_prerelease_pin():
    """A pinned prerelease fits: the resolver has chosen it."""
    assert needed("a>=1", {"a 2.0a1": ""}).keys() == {"a"}


def test_other_python():
    """A package that needs another Python is an error."""
    with pytest.raises(RefusedError, match="needs Python >=4"):
        needed("a", {"a 1": ""}, python=">=4")
