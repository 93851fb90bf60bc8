"""Database servers for these tests; all of their processes end with a test."""

from __future__ import annotations

import pytest
from support.zeoservers import boxes


@pytest.fixture
def make_box():
    """A maker of database servers with storages of these names."""
    with boxes() as make:
        yield make


@pytest.fixture
def box(make_box):
    """A database server with one storage that has an empty live copy."""
    found = make_box("acme")
    found.make_copy("acme")
    return found
