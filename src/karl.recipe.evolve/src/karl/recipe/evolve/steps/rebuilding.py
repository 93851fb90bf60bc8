"""An index that is built anew beside the one in use, which serves until it is whole.

The new index is in the catalog from the beginning, under a name of its own.  So
whatever the site adds, changes or removes meanwhile is entered in both, by the site's
own code, which need not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from karl.recipe.evolve.steps.catalogs import (
    Docids,
    index_names,
    knows,
    shadow_name,
)
from karl.recipe.evolve.steps.errors import StepError, UnknownIndexError
from karl.recipe.evolve.steps.step import Step


class Rebuild(Step):
    """Build an index anew, in the background, and then put it in place of the old one.

    A subclass says which :attr:`index`, what the new one is (:meth:`new_index`), where
    the :meth:`catalog` is, and which :meth:`objects` are in it.  With ``deferred =
    False`` it is all done at once, while the site is read-only.
    """

    #: The name of the index.
    index: ClassVar[str] = ""

    deferred: ClassVar[bool] = True

    def new_index(self, root: Any) -> Any:
        """Return the new, empty index."""
        raise StepError(
            f"The step {self.title!r} says no new index.",
            "Give it a method new_index(root).",
        )

    def prepare(self, root: Any) -> None:
        """Put the empty index beside the old one."""
        catalog = self.catalog(root)
        if self.index not in index_names(catalog):
            raise UnknownIndexError(
                f"The catalog has no index {self.index!r} to rebuild.",
                f"It has {', '.join(sorted(index_names(catalog))) or 'none'}.",
            )
        catalog[shadow_name(self.index)] = self.new_index(root)

    def change(self, item: Any) -> bool:
        """Enter one document, unless the site itself has just done so."""
        shadow = self._catalog_of(item)[shadow_name(self.index)]
        docid = self.docid(item)
        if docid in Docids(shadow):
            return False
        shadow.index_doc(docid, item)
        return True

    def finish(self, root: Any) -> None:
        """Put the new index in place of the old one."""
        catalog = self.catalog(root)
        name = shadow_name(self.index)
        catalog[self.index] = catalog[name]
        del catalog[name]

    def strangers(self, root: Any) -> Iterator[Any]:
        """Yield the docids of the new index that are no documents (any more).

        A document that the site removes in the very moment in which it is entered here
        would stay.
        """
        catalog = self.catalog(root)
        names = {self.index, shadow_name(self.index)}
        documents = self.documents(root)
        if documents is None and set(catalog.keys()) <= names:
            return
        for docid in Docids(self._new(catalog)):
            there = (
                knows(catalog, docid, never=names)
                if documents is None
                else docid in documents
            )
            if not there:
                yield docid

    def forget(self, root: Any, docids: list[Any]) -> None:
        """Take *docids* out of the new index."""
        index = self._new(self.catalog(root))
        for docid in docids:
            index.unindex_doc(docid)

    def _new(self, catalog: Any) -> Any:
        name = shadow_name(self.index)
        return catalog[name if name in catalog else self.index]

    def _catalog_of(self, item: Any) -> Any:
        return self.catalog(item._p_jar.root())  # noqa: SLF001 - persistent's own
