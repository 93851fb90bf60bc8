"""Packages that evolve, and databases that need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.evolvesites import CATALOGS, fill, install

#: What the declared steps of the tests have in common.
BASE = """
    import os, signal
    from karl.recipe.evolve.steps import Rebuild, Step, Walk, scan

    class OfSite(Step):
        batch = 100

        def objects(self, root):
            return root["site"].notes

        def catalog(self, root):
            return root["site"].catalog

        def documents(self, root):
            return root["site"].documents
"""

SCHEME = """
    from product.base import OfSite, scan

    class Scheme(OfSite):
        \"""Websites get a scheme.

        Only people type them without one.
        \"""

        indexes = ("website",)

        def change(self, note):
            if not note.website or "://" in note.website:
                return False
            note.website = "https://" + note.website
            note.visits += 1
            return True

        def invariants(self, root):
            for note in scan(root["site"].notes):
                if note.website and "://" not in note.website:
                    yield f"{note.title} has the website {note.website!r}."

    evolve = Scheme()
"""

UPPER = """
    from product.base import OfSite

    class Upper(OfSite):
        \"""Titles are in capitals.\"""

        indexes = ("title", "website")

        def objects(self, root):
            for name, note in root["site"].notes.items():
                yield note

        def change(self, note):
            note.title = note.title.upper()
            note.visits += 1
            return True

    evolve = Upper()
"""

#: Lets the process be killed right before or after one of its commits.
DYING = """
    import os, signal

    if "DIE_AT" in os.environ:
        from ZODB.FileStorage import FileStorage

        when, _, number = os.environ["DIE_AT"].partition(" ")
        left = [int(number)]
        finish = FileStorage.tpc_finish

        def dying(self, *arguments):
            left[0] -= 1
            if not left[0] and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = finish(self, *arguments)
            if not left[0] and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        FileStorage.tpc_finish = dying
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the package ``product``, and ``addon``, which requires it."""
    folder = tmp_path / "packages"
    install(
        folder,
        "product",
        {"__init__": "VERSION = 1", "base": BASE, "evolve1": SCHEME},
    )
    install(
        folder,
        "addon",
        {"__init__": "VERSION = 1\n" + DYING.replace("\n    ", "\n"), "evolve1": UPPER},
        requires=("product>=1",),
    )
    return folder


@pytest.fixture(params=["repoze", "hypatia"])
def data(request, tmp_path: Path) -> Path:
    """A site that neither package has evolved, with a catalog of either kind."""
    kind = CATALOGS[request.param]
    return fill(tmp_path / "before" / "Data.fs", 1000, kind())
