"""Which errors say that the database is read-only; nothing is imported for that."""

from __future__ import annotations

from collections.abc import Iterator

#: Errors by their module and name.
_KNOWN = frozenset(
    {
        ("ZODB.POSException", "ReadOnlyError"),
        ("psycopg2.errors", "InsufficientPrivilege"),
        ("psycopg2.errors", "ReadOnlySqlTransaction"),
        ("psycopg.errors", "InsufficientPrivilege"),
        ("psycopg.errors", "ReadOnlySqlTransaction"),
    }
)

#: What a commit in flight gets if the server does not let it finish.
_CUT_OFF = ("ZEO.Exceptions", "ClientDisconnected")

#: The same of PostgreSQL, in its own numbers.
_SQL_STATES = frozenset({"42501", "25006"})

#: How many errors behind an error are looked at.
_DEPTH = 50


def says_read_only(error: BaseException) -> bool:
    """Tell whether an error, or one behind it, says so."""
    return any(
        not _KNOWN.isdisjoint(_names(each)) or _sql_state(each) in _SQL_STATES
        for each in _chain(error)
    )


def says_cut_off(error: BaseException) -> bool:
    """Tell whether an error says that the server has closed the connection."""
    return any(_CUT_OFF in _names(each) for each in _chain(error))


def _names(error: BaseException) -> set[tuple[str, str]]:
    return {(each.__module__, each.__qualname__) for each in type(error).__mro__}


def _sql_state(error: BaseException) -> str:
    """Return PostgreSQL's number of an error, wherever its driver keeps it."""
    for name in ("sqlstate", "pgcode"):
        found = getattr(error, name, None)
        if isinstance(found, str):
            return found
    first = error.args[0] if error.args else None
    return str(first.get("C", "")) if isinstance(first, dict) else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that led to it, or that it holds."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _DEPTH:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)
