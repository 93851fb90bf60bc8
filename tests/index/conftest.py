from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.registries import Registry, public_registry

from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.indexes.freeze import freeze
from karl.recipe.release.indexes.request import IndexRequest

Freezer = Callable[..., Index]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A public registry, empty at first."""
    with public_registry(tmp_path / "public") as found:
        yield found


@pytest.fixture
def frozen(software: SoftwareLayout, registry: Registry) -> Freezer:
    """Freeze an index from the public registry and the pool."""

    def run(name: str, *requirements: str, **more: Any) -> Index:
        upstream = more.pop("upstream", registry.url)
        where = more.pop("software", software)
        if isinstance(more.get("extends"), str):
            more["extends"] = IndexName.parse(more["extends"])
        request = IndexRequest(IndexName.parse(name), tuple(requirements), **more)
        return freeze(where, request, upstream=upstream).index

    return run
