"""What these tests share."""

from __future__ import annotations

from support.shortpaths import place

__all__ = ["place"]
