from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from support.registries import public_registry
from support.rollouts import World, remove


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A public registry on this machine."""
    with public_registry(tmp_path_factory.mktemp("public")) as found:
        yield found


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def _frozen(worlds):
    world = worlds()
    world.run("1.1", "--until", "freeze")
    return world


@pytest.fixture
def frozen(_frozen):
    """A world in which 1.1 is frozen, and not built yet."""
    _frozen.back_to("1.1", "freeze")
    return _frozen
