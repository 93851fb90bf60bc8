"""What the buildout says of rollouts: checked, frozen, kept in etc/rollout.json."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from karl.recipe.evolve.declaration.model import Command
from karl.recipe.evolve.rollout.places import Checkout, Places
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.files import canonical_json
from karl.recipe.release.base.names import IndexName

_FORMAT = 1


@dataclass(frozen=True)
class Rollouts:
    """How a site's releases are rolled out.

    :ivar root: the site's folder, where the command is written.
    :ivar source: git repository of the customer's package: a path or a URL.
    :ivar tag: of a version, with ``{version}`` in it.
    :ivar folder: of the package in the repository; empty: the whole of it.
    :ivar index: name of the customer's indexes.
    :ivar extends: the index that the next one extends; empty: what the one before
        extends.
    :ivar build_index: the index that the build backend comes from.
    :ivar registry: where public packages come from; empty: as pip says.
    :ivar base: the checkout on this machine.
    :ivar pool: its pool.
    :ivar indexes: its indexes.
    :ivar buildout: the site's buildout file, below the checkout, here and there.
    :ivar version_option: the option in it that says the version.
    :ivar url: what is asked at the end; empty: nothing.
    :ivar host: the machine of the site, as ssh knows it; empty: this one.
    :ivar ssh: the command that leads there.
    :ivar remote_base: the checkout there.
    :ivar remote_root: the site's folder there.
    """

    root: str
    source: str
    tag: str
    folder: str
    index: str
    extends: str
    build_index: str
    registry: str
    base: str
    pool: str
    indexes: str
    buildout: str
    version_option: str
    url: str
    host: str
    ssh: Command
    remote_base: str
    remote_root: str

    @property
    def places(self) -> Places:
        """Where everything of the rollouts is."""
        return Places(Path(self.root))

    @property
    def site(self) -> str:
        """The name of the site."""
        return Path(self.root).name

    @property
    def here(self) -> Checkout:
        """The checkout of this machine."""
        paths = (self.base, self.pool, self.indexes)
        return Checkout(*map(PurePosixPath, paths))

    @property
    def there(self) -> Checkout:
        """The checkout of the site's machine, which may be this one."""
        if not self.host:
            return self.here
        root = PurePosixPath(self.remote_base)
        return Checkout(root, root / "pool", root / "indexes")

    @property
    def site_root(self) -> PurePosixPath:
        """The site's folder on its machine."""
        return PurePosixPath(self.remote_root if self.host else self.root)

    def index_of(self, version: str) -> IndexName:
        """Return the name of a version's index."""
        return IndexName(self.index, version)

    def tag_of(self, version: str) -> str:
        """Return the tag of a version."""
        return self.tag.replace("{version}", version)

    @property
    def registry_options(self) -> list[str]:
        """What karl-index is told of where public packages come from."""
        return ["--registry", self.registry] if self.registry else []

    def to_text(self) -> str:
        """Return the content of ``etc/rollout.json``."""
        return canonical_json({"format": _FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def load(cls, places: Places) -> Rollouts:
        """Read ``etc/rollout.json``.

        :raises RefusedError: there is none.
        :raises DamagedError: it cannot be understood.
        """
        path, tip = places.declaration, "Run the site's buildout again: it writes it."
        try:
            return _declared(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            raise RefusedError(f"There is no {path}.", tip) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedError(
                f"{path} cannot be understood: {error!r}.", tip
            ) from None


def _declared(found: dict[str, Any]) -> Rollouts:
    if found.pop("format") != _FORMAT:
        raise ValueError("it is of another format")
    return Rollouts(**{**found, "ssh": tuple(found["ssh"])})
