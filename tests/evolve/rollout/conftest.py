from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from support.registries import public_registry
from support.rollouts import World, remove

from karl.recipe.release.base import files


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """A public registry on this machine."""
    with public_registry(tmp_path_factory.mktemp("public")) as found:
        yield found


@pytest.fixture(scope="session")
def worlds(registry):
    """Make a world."""
    base = Path(tempfile.mkdtemp(prefix="rollout-"))
    made = []

    def make(**options) -> World:
        made.append(World(base / f"world{len(made)}", registry, **options))
        return made[-1]

    yield make
    remove(base)


@pytest.fixture
def world(worlds) -> World:
    """A checkout, a customer's package, and a site on this machine."""
    return worlds()


@pytest.fixture(scope="session")
def _frozen(worlds):
    world = worlds()
    world.run("1.1", "--until", "freeze")
    return world


@pytest.fixture
def frozen(_frozen):
    """A world in which 1.1 is frozen, and not built yet."""
    _frozen.is_far = False
    _frozen.declare()
    _frozen.back_to("1.1", "freeze")
    return _frozen


@pytest.fixture
def far(_frozen):
    """The same, with the site on another machine, which has nothing of 1.1 yet."""
    _frozen.is_far = True
    _frozen.declare()
    _frozen.back_to("1.1", "freeze")
    for name in ("pool", "indexes"):
        path = _frozen.far / name
        if path.exists():
            files.remove_tree(path)
        path.mkdir()
    return _frozen
