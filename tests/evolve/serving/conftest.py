"""Sites with processes for these tests; all of them end with a test."""

from __future__ import annotations

import pytest
from support.servedsites import ServedSite, serving, unpacked
from support.shortpaths import place

__all__ = ["place"]


@pytest.fixture(scope="session")
def software(tmp_path_factory):
    """What the servers of releases need, unpacked."""
    return unpacked(tmp_path_factory.getbasetemp() / "software")


@pytest.fixture
def site(place, software):
    """A site that does not run yet."""
    with serving(place / "acme-prod", software) as found:
        yield found


@pytest.fixture
def running(site) -> ServedSite:
    """A site that runs."""
    site.do("start")
    return site


@pytest.fixture
def still(place, software):
    """A site that is never started."""
    return ServedSite(place / "acme-prod", software)
