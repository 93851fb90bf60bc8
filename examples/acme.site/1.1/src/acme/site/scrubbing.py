"""Taking personal data out of a copy of the database, before staging serves it.

Whoever scrubs a database provides karl.recipe.evolve; only what changes databases
imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from karl.intranet.content import Profile, site_of
from karl.recipe.evolve.steps import Step, scan

# Mail to a domain below "invalid" reaches nobody, whoever sends it.
DOMAIN = "acme.invalid"


class Scrub(Step):
    """Mail addresses in profiles are made up.

    Everybody keeps an address of their own: ``person-17@acme.invalid``. No catalog
    index knows mail addresses, so none is updated.
    """

    def objects(self, root: Any) -> Any:
        """Walk over all profiles."""
        return site_of(root)["people"].children

    def change(self, item: Profile) -> bool:
        """Make up an address in place of the true one."""
        email = made_up(item)
        if item.email == email:
            return False
        item.email = email
        return True

    def invariants(self, root: Any) -> Iterator[str]:
        """No true address is left."""
        for profile in scan(self.objects(root)):
            if profile.email != made_up(profile):
                yield f"{profile.title} still has a true mail address."


def made_up(profile: Profile) -> str:
    """The address that ``profile`` gets; empty if it had none."""
    return f"person-{profile.docid}@{DOMAIN}" if profile.email else ""


scrub = Scrub()
