from __future__ import annotations

import pytest
from support.upgrades import STORAGE, Site
from support.zeoservers import boxes


@pytest.fixture
def site():
    """Return a site with release 1.0 live, and newer ones built."""
    with boxes() as make:
        yield Site(make(STORAGE))
