"""The evolve step to data version 1.

Whoever evolves a database provides karl.recipe.evolve; only evolve steps import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from repoze.catalog.catalog import Catalog

from karl.intranet.content import Profile, site_of
from karl.intranet.websites import with_scheme
from karl.recipe.evolve.steps import Step, scan


class WholeWebsites(Step):
    """Websites in profiles become whole addresses.

    ``example.com`` becomes ``https://example.com``. Only the catalog index
    ``website`` has anything to do with it.
    """

    indexes = ("website",)

    def objects(self, root: Any) -> Any:
        """Walk over all profiles."""
        return site_of(root)["people"].children

    def change(self, item: Profile) -> bool:
        """Give the website its scheme, if it lacks one."""
        website = with_scheme(item.website)
        if website == item.website:
            return False
        item.website = website
        return True

    def catalog(self, root: Any) -> Catalog:
        """The catalog of the site."""
        return site_of(root).catalog

    def documents(self, root: Any) -> Any:
        """All docids of the site."""
        return site_of(root).documents.docid_to_address

    def invariants(self, root: Any) -> Iterator[str]:
        """Every website is whole, and its profile is found by it."""
        index = self.catalog(root)["website"]
        for profile in scan(self.objects(root)):
            website = profile.website
            if website != with_scheme(website):
                yield f"{profile.title} has the website {website!r}."
            elif website and profile.docid not in index.applyEq(website):
                yield f"{profile.title} is not found by the website {website!r}."


evolve = WholeWebsites()
