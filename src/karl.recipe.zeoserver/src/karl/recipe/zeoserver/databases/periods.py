"""When the site used a database copy, told in transaction ids.

What a copy holds of a time outside of these periods was never the site's: it was
evolved then, another copy was live, or what it had was given up.
"""

from __future__ import annotations

from typing import NamedTuple


class Period(NamedTuple):
    """A time, both ends included, 16 hexadecimal digits each.

    :ivar until: its end; empty: it goes on.
    """

    since: str
    until: str

    def __contains__(self, tid: object) -> bool:
        """Tell whether a time is in it."""
        return isinstance(tid, str) and self.since <= tid <= (self.until or tid)


Periods = tuple[Period, ...]


def begun(periods: Periods, moment: str) -> Periods:
    """Return the periods with another that begins just after *moment*."""
    after = f"{int(moment, 16) + 1:016x}"
    return (*upto(periods, moment), Period(after, ""))


def upto(periods: Periods, tid: str) -> Periods:
    """Return what of the periods is not after *tid*; none goes on."""
    return tuple(
        Period(each.since, min(each.until or tid, tid))
        for each in periods
        if each.since <= tid
    )
