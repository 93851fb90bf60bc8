"""Give the websites their scheme: with the library."""

from __future__ import annotations

from typing import Any

from karl.recipe.evolve.steps import Step


class Websites(Step):
    """Give the websites their scheme."""

    indexes = ("website",)

    def objects(self, root: Any) -> Any:
        """Walk over all documents."""
        return root["site"].documents

    def catalog(self, root: Any) -> Any:
        """Return the catalog."""
        return root["site"].catalog

    def change(self, item: Any) -> bool:
        """Change one website."""
        if "://" in item.website:
            return False
        item.website = f"https://{item.website}"
        return True


evolve = Websites()
