"""Fixtures for operations on database copies."""

from __future__ import annotations

import pytest
from support.zeoservers import boxes


@pytest.fixture
def box():
    with boxes() as make:
        yield make
