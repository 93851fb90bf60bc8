"""A workshop for releases of small, real wheels, and ways to break it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.rawwheels import RawWheel
from support.wheelindexes import make_index

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import ReleaseLayout, SiteLayout, SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.trees import release, specification, verification
from karl.recipe.release.trees.release import Outcome, Place


@dataclass
class Notes:
    """A reporter that keeps what it is told."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def task(self, label: str, total: int | None = None, unit: str = "") -> Notes:
        self.said.append(label)
        return self

    def advance(self, amount: int = 1, note: str = "") -> None:
        pass

    def done(self, note: str = "") -> None:
        pass


@dataclass
class Workshop:
    """A site with the software that its releases are built from."""

    software: SoftwareLayout
    site: SiteLayout
    notes: Notes = field(default_factory=Notes)
    workers: int = 1
    offline: bool = True

    def index(self, name: str, *wheels: RawWheel, **fields: object) -> Index:
        """Freeze an index of wheels."""
        folder = self.software.pool.parent / "made" / name
        paths = [wheel.write(folder) for wheel in wheels]
        return make_index(self.software, name, paths, **fields)

    def build(
        self, version: str = "1.0", index: str = "acme/1.0", **options: str
    ) -> Outcome:
        """Build a release, by the options of a buildout section."""
        options.setdefault("eggs", "product")
        return release.build(
            Place(self.software, self.site, self.workers, offline=self.offline),
            version,
            IndexName.parse(index),
            specification.parse({k.replace("_", "-"): v for k, v in options.items()}),
            self.notes,
        )

    def layout(self, version: str = "1.0") -> ReleaseLayout:
        return self.site.release(version)

    def switch(self, version: str) -> None:
        """Make a release current, in the simplest way."""
        files.swing_symlink(self.site.current, f"releases/{version}")


def product(version: str = "1.0", **changes: object) -> RawWheel:
    """Return the wheel of a product with one script and one dependency."""
    made = RawWheel(
        "product",
        version,
        members={
            "product/__init__.py": f"VERSION = {version!r}\n".encode(),
            "product/late.py": f"LATE = {version!r}\n".encode(),
            "product/main.py": (
                b"import json, sys\n"
                b"def main(*args):\n"
                b"    from product import late\n"
                b"    import library\n"
                b"    print(json.dumps({'argv': sys.argv, 'prefix': sys.prefix,\n"
                b"        'late': late.LATE, 'args': args, 'path': sys.path,\n"
                b"        'executable': sys.executable, 'file': library.__file__}))\n"
            ),
            "product/page.pt": b"<html/>\n",
        },
        entry_points="[console_scripts]\nproduct = product.main:main\n",
        requires=("library>=1",),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def library(version: str = "1.0") -> RawWheel:
    """Return the wheel of a library with a script of its own."""
    return RawWheel(
        "library",
        version,
        members={
            "library/__init__.py": b"def tool():\n    print('tool')\n",
            "library/data.txt": b"x" * 2000,
        },
        entry_points="[console_scripts]\nlibtool = library:tool\n",
    )


def run(argv: Sequence[str | Path], **options: object) -> str:
    """Run a program and return what it printed; fail if it failed."""
    options.setdefault("env", {"PATH": os.environ["PATH"]})
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def assert_no_half_release(site: SiteLayout) -> None:
    """Check that whatever has a release's name is a whole release."""
    if site.releases.is_dir():
        for path in site.releases.iterdir():
            if not files.is_partial(path):
                assert verification.verify(ReleaseLayout(path), full=True) == []
