"""Pictures on pages, as SVG: stretched to the place that there is, without words."""

from __future__ import annotations

from collections.abc import Sequence

#: The unit of pictures.
_WIDTH, _HEIGHT = 1000, 100

#: No number that can be drawn is larger.
_MOST = 1e18


def number(value: object) -> float | None:
    """Return a number that can be drawn; None if *value* is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -_MOST <= value <= _MOST else None


def bar(start: float, length: float, *, marked: bool) -> str:
    """Return a part of a whole; the numbers that it shows stand beside it.

    :param start: where it begins, from 0 to 1.
    """
    # What took no time is to be seen, too, also at the end.
    width = min(max(length * _WIDTH, 4.0), _WIDTH)
    left = min(max(start, 0.0) * _WIDTH, _WIDTH - width)
    kind = ' class="marked"' if marked else ""
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true" '
        f'preserveAspectRatio="none"><rect{kind} x="{left:.1f}" y="0" '
        f'width="{width:.1f}" height="{_HEIGHT}"/></svg>'
    )


def line(points: Sequence[tuple[float, float]], label: str) -> str:
    """Return a number over time, from nothing to the most that it was.

    :param points: when, and the number; none of them endless.
    :param label: what is to be seen, as HTML.
    """
    if len(points) < 2:
        return ""
    begin, length = points[0][0], (points[-1][0] - points[0][0]) or 1
    most = max(value for _, value in points)
    drawn = " ".join(
        f"{(when - begin) / length * _WIDTH:.1f},"
        f"{_HEIGHT - (value / most if most > 0 else 0) * (_HEIGHT - 4):.1f}"
        for when, value in points
    )
    return (
        f'<svg class="line" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<polyline points="{drawn}"/></svg>'
    )
