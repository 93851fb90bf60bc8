from __future__ import annotations

import json

import pytest
from support.schemas import validated
from support.upgrades import STORAGE, Site
from support.zeoservers import boxes

from karl.recipe.evolve.upgrade import command, refreshing, showing


@pytest.fixture
def site():
    """Return a site with release 1.0 live, and newer ones built."""
    with boxes() as make:
        yield Site(make(STORAGE))


@pytest.fixture(autouse=True)
def _described_here(monkeypatch):
    """Compare what commands print as JSON in this process with its schemas."""
    asked: list[tuple[str, list[str]]] = []
    real = showing.print_json

    def compared(value):
        validated(*asked[-1], json.dumps(value))
        real(value)

    def described(name, main):
        def run(root, words):
            asked.append((name, words))
            return main(root, words)

        return run

    monkeypatch.setattr(showing, "print_json", compared)
    for module, name in ((command, "evolve"), (refreshing, "refresh-staging")):
        monkeypatch.setattr(module, "main", described(name, module.main))
