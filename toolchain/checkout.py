"""Every place in the checkout that the bootstrap touches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.layout import IndexLayout, ShareLayout, SoftwareLayout
from karl.recipe.release.base.names import IndexName

#: The frozen index of the tools, and the one that adds what tests need.
TOOLS = IndexName("toolchain", "1")
TEST_TOOLS = IndexName("toolchain-test", "4")


@dataclass(frozen=True)
class Checkout:
    """The places of one checkout.

    :ivar root: its folder, a real path.
    """

    root: Path

    @property
    def link(self) -> Path:
        """``.venv``: symlink to the environment in use."""
        return self.root / ".venv"

    @property
    def environments(self) -> Path:
        """``.venvs``: the environment in use, and the one before it."""
        return self.root / ".venvs"

    @property
    def lock(self) -> Path:
        """Held while an environment is made."""
        return self.environments / ".lock"

    @property
    def log(self) -> Path:
        """What pip did, in full; kept only when it failed."""
        return self.environments / "bootstrap.log"

    @property
    def bin(self) -> Path:
        """The commands."""
        return self.root / "bin"

    @property
    def share(self) -> ShareLayout:
        """Man pages and completion of the commands."""
        return ShareLayout(self.root / "share")

    @property
    def tour_package(self) -> Path:
        """The package of the tour."""
        return self.root / "tour"

    @property
    def release_package(self) -> Path:
        """The package of karl-index."""
        tree = self.root / "src" / "karl.recipe.release" / "src"
        return tree / "karl" / "recipe" / "release"

    @property
    def software(self) -> SoftwareLayout:
        """The pool and the indexes."""
        return SoftwareLayout.below(self.root)

    def index(self, *, with_tests: bool) -> IndexLayout:
        """Return the frozen index of the tools."""
        return self.software.index(TEST_TOOLS if with_tests else TOOLS)

    @property
    def distributions(self) -> tuple[Path, ...]:
        """The source trees of our own distributions."""
        return tuple(
            sorted(path.parent for path in self.root.glob("src/*/pyproject.toml"))
        )
