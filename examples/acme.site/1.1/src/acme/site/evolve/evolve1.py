"""The evolve step to data version 1.

Whoever evolves a database provides karl.recipe.evolve; only what changes databases
imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acme.site.classification import DEFAULT, LABELS, level_of
from karl.intranet.content import Community, site_of
from karl.recipe.evolve.steps import Step, scan


class Classified(Step):
    """Communities are classified.

    Those that were there before classifications were become internal. No catalog
    index knows classifications, so none is updated.
    """

    def objects(self, root: Any) -> Any:
        """Walk over all communities."""
        return site_of(root)["communities"].children

    def change(self, item: Community) -> bool:
        """Make a community that has no classification an internal one."""
        if level_of(item):
            return False
        item.acme_classification = DEFAULT
        return True

    def invariants(self, root: Any) -> Iterator[str]:
        """Every community has one of the classifications that there are."""
        for community in scan(self.objects(root)):
            level = level_of(community)
            if level not in LABELS:
                yield f"{community.title} has the classification {level!r}."


evolve = Classified()
