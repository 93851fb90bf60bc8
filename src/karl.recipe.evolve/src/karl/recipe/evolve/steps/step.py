"""What an evolve step declares, and how it runs inside one transaction."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from karl.recipe.evolve.steps.catalogs import reindex
from karl.recipe.evolve.steps.errors import StepError
from karl.recipe.evolve.steps.walking import Walk, walk


class Step:
    """One evolve step: what it walks over, what it changes, and what must be true.

    ``evolveN.py`` ends with ``evolve = MyStep()``.  A step is what repoze.evolution
    calls, too: called with the root, it does all of its work in one transaction.

    The first line of the class's docstring is its title, the rest its description,
    unless it has attributes of these names.
    """

    title: ClassVar[str] = ""
    description: ClassVar[str] = ""

    #: The catalog indexes that its change touches; no other one is brought up to date.
    indexes: ClassVar[tuple[str, ...]] = ()

    #: Objects in a transaction.
    batch: ClassVar[int] = 1000

    #: Bytes of objects, as stored, that a transaction may load beyond the first one.
    batch_bytes: ClassVar[int] = 32 << 20

    #: Whether it searches the catalog, which must then be up to date before it begins.
    reads_catalog: ClassVar[bool] = False

    #: Whether its walk is done in the background, after the site is writable again.
    deferred: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        title, _, description = (inspect.cleandoc(cls.__doc__ or "")).partition("\n")
        if "title" not in vars(cls):
            cls.title = title.strip().rstrip(".") or cls.__name__
        if "description" not in vars(cls):
            cls.description = description.strip()

    def prepare(self, root: Any) -> None:
        """Do what must be there before the first object is changed."""

    def objects(self, root: Any) -> Iterable[Any] | Walk:
        """Return the objects to walk over: a BTree, a :class:`Walk`, any iterable."""
        return ()

    def change(self, item: Any) -> bool:
        """Change one object; return whether it was changed."""
        return False

    def finish(self, root: Any) -> None:
        """Do what remains after the last object."""

    def catalog(self, root: Any) -> Any:
        """Return the catalog that has the indexes."""
        raise StepError(
            f"The step {self.title!r} names indexes, but no catalog.",
            "Give it a method catalog(root).",
        )

    def docid(self, item: Any) -> Any:
        """Return the docid of an object: its ``docid``, or its ``__oid__``."""
        for name in ("docid", "__oid__"):
            if (docid := getattr(item, name, None)) is not None:
                return docid
        raise StepError(
            f"{_named(item)} has no docid.",
            f"Give the step {self.title!r} a method docid(item).",
        )

    def documents(self, root: Any) -> Any:
        """Return a sized container of all docids that there are, if there is one."""
        return None

    def invariants(self, root: Any) -> Iterable[str]:
        """Yield a sentence for everything that is not as the step should leave it."""
        return ()

    def __call__(self, root: Any) -> None:
        """Do everything now, in the present transaction (as repoze.evolution wants)."""
        self.prepare(root)
        changed = dict(self._changed(root))
        if changed and self.indexes:
            load = root._p_jar.get  # noqa: SLF001 - persistent's own interface
            reindex(
                self.catalog(root),
                changed,
                self.indexes,
                resolve=lambda docid: load(changed[docid]),
            )
        self.finish(root)
        if broken := next(iter(self.invariants(root)), None):
            raise StepError(f"After the step {self.title!r}: {broken}")

    def _changed(self, root: Any) -> Iterator[tuple[Any, bytes]]:
        connection = root._p_jar  # noqa: SLF001 - persistent's own interface
        for number, (_, item) in enumerate(walk(self.objects(root)).after(), 1):
            if changed(self, item) and self.indexes:
                yield self.docid(item), identity(item, connection)
            if number % self.batch == 0:
                connection.transaction_manager.savepoint(optimistic=True)
                connection.cacheGC()


def changed(step: Step, item: Any) -> bool:
    """Let *step* change one object; return whether it did.

    :raises StepError: it did not say so.
    """
    answer: object = step.change(item)
    if isinstance(answer, bool):
        return answer
    raise StepError(
        f"The step {step.title!r} returned {answer!r} for {_named(item)}.",
        "Let change() return True if it changed the object, else False.",
    )


def identity(item: Any, connection: Any) -> bytes:
    """Return what *item* is found by later, in the database of *connection*.

    :raises StepError: it is not an object of that database.
    """
    if getattr(item, "_p_jar", None) is not connection:
        raise StepError(
            f"{_named(item)} is not an object of this database.",
            "Let the step walk over persistent objects that are stored in it.",
        )
    oid: bytes = item._p_oid  # noqa: SLF001 - persistent's own interface
    return oid


def _named(item: Any) -> str:
    oid = getattr(item, "_p_oid", None)
    kind = type(item).__qualname__
    name = getattr(item, "__name__", None)
    return " ".join(
        part
        for part in (
            kind,
            repr(name) if isinstance(name, str) else "",
            f"(oid {oid.hex()})" if isinstance(oid, bytes) else "",
        )
        if part
    )
