"""The sets of distributions that are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import tinyset
from benchmarks.programs import ROOT

_BENCHMARKS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class SoftwareSet:
    """One set of distributions, in two versions.

    :ivar extends: file of ``buildouts`` that a buildout of it extends.
    :ivar first: frozen index.
    :ivar second: frozen index of the next version.
    :ivar changed: how many distributions the next version changes.
    :ivar imports: modules that stand for all that an application imports.
    :ivar make: makes what is not in the repository, in pool and indexes.
    """

    name: str
    title: str
    pool: Path
    indexes: Path
    extends: str
    first: str
    second: str
    changed: int
    eggs: tuple[str, ...]
    imports: tuple[str, ...]
    make: Callable[[Path, Path, Path], None] = field(default=lambda *_: None)


def plone() -> SoftwareSet:
    """Return the large set: Plone, 242 wheels."""
    return SoftwareSet(
        name="plone",
        title="Plone 6.2",
        pool=_BENCHMARKS / "pool",
        indexes=_BENCHMARKS / "indexes",
        extends="base.cfg",
        first="plone/6.2",
        second="plone/6.2-next",
        changed=1,
        eggs=("Plone",),
        imports=(
            "Products.CMFPlone.interfaces",
            "Zope2.Startup.run",
            "plone.app.contenttypes.content",
            "plone.app.multilingual.api",
            "plone.restapi.services",
        ),
    )


def sample() -> SoftwareSet:
    """Return the set of the sample product and its first customer."""
    return SoftwareSet(
        name="sample",
        title="the sample product",
        pool=ROOT / "pool",
        indexes=ROOT / "indexes",
        extends="acme.cfg",
        first="acme/1.0",
        second="acme/1.1",
        changed=2,
        eggs=("acme.site", "karl.intranet", "gunicorn"),
        imports=(
            "acme.site.application",
            "gunicorn.app.wsgiapp",
            "karl.intranet.application",
            "karl.intranet.commands.evolve_status",
            "karl.intranet.commands.fill",
            "karl.intranet.commands.serve",
        ),
    )


def quick(work: Path) -> SoftwareSet:
    """Return a set of two tiny wheels, which is made in *work*."""
    return SoftwareSet(
        name="quick",
        title="two tiny wheels",
        pool=work / "quick-pool",
        indexes=work / "quick-indexes",
        extends="base.cfg",
        first="tiny/1",
        second="tiny/2",
        changed=1,
        eggs=("tiny.product",),
        imports=("tiny.product",),
        make=tinyset.make,
    )
