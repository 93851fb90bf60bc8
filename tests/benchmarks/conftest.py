"""The benchmarks are run from the root of the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

from support.shortpaths import place

sys.path.insert(0, str(Path(__file__).parents[2]))

__all__ = ["place"]
