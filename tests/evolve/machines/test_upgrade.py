"""A whole upgrade whose database server is another machine, behind TLS and ssh."""

from __future__ import annotations

import pytest
from support import machines

WHY = machines.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY), reason=WHY or "-"),
]


def test_first(pair):
    print(pair.facts())
    print(pair.evolve("1.1", "--dry-run"))
    print(pair.evolve("1.1"))
    print(pair.facts())
