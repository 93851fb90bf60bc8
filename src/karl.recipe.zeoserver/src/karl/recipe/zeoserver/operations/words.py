"""Values in words, for people."""

from __future__ import annotations


def megabytes(size: int) -> str:
    """Return a number of bytes."""
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def size_of(size: int | None) -> str:
    """Return a number of bytes that may be unknown."""
    return "-" if size is None else megabytes(size)


def text_of(value: object) -> str:
    """Return a value that may be unknown."""
    return "-" if value is None else str(value)
