"""Releases of small, real wheels."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.workshop import Notes, Workshop, library, product

from karl.recipe.release.base.layout import SiteLayout, SoftwareLayout


@pytest.fixture
def notes() -> Notes:
    """A reporter that keeps what it is told."""
    return Notes()


@pytest.fixture
def workshop(software: SoftwareLayout, tmp_path: Path, notes: Notes) -> Workshop:
    """An empty site, and no software yet."""
    return Workshop(software, SiteLayout(tmp_path / "sites" / "acme-prod"), notes)


@pytest.fixture
def acme(workshop: Workshop) -> Workshop:
    """The workshop, with an index of a product and a library."""
    workshop.index("acme/1.0", product(), library())
    return workshop
