"""A public registry on the loopback interface, that remembers what it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import PrivateNames
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes.registry import RegistryView, serving


@dataclass
class Registry(RegistryView):
    """Answers for every name from its own folder, and notes the names."""

    asked: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def folder(self) -> Path:
        return self.pool.directory

    def page(self, project: str) -> dict[str, Any] | None:
        self.asked.append(project)
        return super().page(project)


@contextlib.contextmanager
def public_registry(base: Path) -> Iterator[Registry]:
    pool = Pool(SoftwareLayout.below(base))
    pool.directory.mkdir(parents=True)
    registry = Registry(pool, PrivateNames(), upstream="")
    with serving(registry) as url:
        registry.url = url
        yield registry
