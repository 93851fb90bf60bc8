"""A checkout to roll out from: real git, karl-index, ssh; a site that is told of.

Of buildout and of the site's own commands there are stand-ins here
(:mod:`support.rolloutstandin`); the real ones are in the long proof.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.pooled import pooled
from support.registries import Registry
from support.sources import flit, write_tree
from support.wheelindexes import make_index
from support.wheels import make_wheel

from karl.recipe.evolve.installation.rollouts import ensure
from karl.recipe.evolve.rollout import options
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.distributions.targets import Target

SCRIPTS = Path(sysconfig.get_path("scripts"))
STAND_IN = Path(__file__).with_name("rolloutstandin.py")

_WRAPPER = '#!/bin/sh\nexec {program} "$@" {more}\n'
_IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(folder: Path, *words: str) -> str:
    """Run git, whoever runs the tests."""
    return subprocess.run(
        ["git", *_IDENTITY, *words],
        cwd=folder, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def write_script(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class World:
    """A customer's package in git, a checkout, and a site with release 1.0 live.

    The package has the tags 1.0, 1.1 and 2.0; at 2.0 it says that it is 1.9.

    :ivar is_far: the site is on another machine, with a checkout of its own, ``far``.
    """

    def __init__(self, folder: Path, registry: Registry, *, far: bool = False) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.far = folder / "far"
        self.is_far = far
        self.repository = folder / "repository"
        self.registry = registry
        self.software = SoftwareLayout.below(self.base)
        self.root = self.base / "sites" / "acme-prod"
        self._tag()
        _indexes(self.software, registry)
        self._checkout(self.base)
        self._checkout(self.far)
        write_script(folder / "ssh", '#!/bin/sh\nshift\nexec sh -c "$1"\n')
        self.told(live="1.0", releases=["1.0"])
        self.declare()

    @property
    def scratch(self) -> Path:
        """Where temporary files are, of killed runs too."""
        path = self.folder / "tmp"
        path.mkdir(exist_ok=True)
        return path

    @property
    def site(self) -> Path:
        """The site's folder, on its machine."""
        return self.far / "sites" / "acme-prod" if self.is_far else self.root

    def _tag(self) -> None:
        self.repository.mkdir(parents=True)
        git(self.repository, "init", "--quiet")
        for tag, version in (("1.0", "1.0"), ("1.1", "1.1"), ("2.0", "1.9")):
            write_tree(self.repository / "thing", flit("acme.thing", version))
            self.commit(tag)
            git(self.repository, "tag", tag)

    def commit(self, message: str) -> None:
        """Commit everything."""
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message", message)

    def _checkout(self, base: Path) -> None:
        program, more = SCRIPTS / "karl-index", ""
        if base == self.far:
            more = f"--base {base}"
        write_script(
            base / "bin" / "karl-index", _WRAPPER.format(program=program, more=more)
        )
        root = base / "sites" / "acme-prod"
        for path in (base / "bin" / "buildout", *_commands(root)):
            write_script(
                path,
                f"#!{sys.executable} -IS\nimport runpy, sys\n"
                f"sys.argv[1:1] = [{str(root)!r}, {path.name!r}]\n"
                f"runpy.run_path({str(STAND_IN)!r}, run_name='__main__')\n",
            )
        (base / "buildouts").mkdir()
        (base / "buildouts" / "acme-prod.cfg").write_text("[site]\nversion = 1.0\n")

    def declare(self, **changes: Any) -> Rollouts:
        """Write the command, as the recipe does."""
        given = {
            "root": str(self.root),
            "source": str(self.repository),
            "folder": "thing",
            "index": "acme",
            "build-index": "backend/1",
            "registry": self.registry.url,
            "base": str(self.base),
        }
        if self.is_far:
            given |= {
                "host": "web1",
                "ssh": str(self.folder / "ssh"),
                "remote-base": str(self.far),
            }
        given |= {name.replace("_", "-"): value for name, value in changes.items()}
        directory = str(self.base / "buildouts")
        declared = options.read({"buildout": {"directory": directory}}, "x", given)
        ensure(declared, SilentReporter())
        return declared

    # Running.

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``rollout``."""
        return subprocess.Popen(
            [self.root / "bin" / "rollout", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(self.scratch)},
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> Any:
        """Run ``rollout`` to its end; return its answer."""
        with self.start(*words, "--json", "--quiet") as child:
            told, said = child.communicate(timeout=300)
        assert child.returncode == code, told + said
        return json.loads(told)

    def error(self, *words: str, code: int) -> str:
        """Run ``rollout``, which fails; return what it tells."""
        found = self.run(*words, code=code)["error"]
        assert found["next"]
        return str(found["message"])

    # The site.

    @property
    def state(self) -> Any:
        """What the stand-ins know."""
        return json.loads((self.site / "standin.json").read_text())

    def told(self, **changes: Any) -> None:
        """Tell the stand-ins how to behave from now on."""
        path = self.site / "standin.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        found = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**found, **changes}))

    @property
    def calls(self) -> list[str]:
        """What the stand-ins were asked to change, in order."""
        path = self.site / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def pool(self, base: Path | None = None) -> set[str]:
        """Return the package's files in a pool."""
        return {path.name for path in (base or self.base).glob("pool/acme_thing-*")}

    def journal(self, version: str) -> Path:
        """Return the place of a journal."""
        return self.root / "var" / "rollouts" / version / "journal.jsonl"

    def back_to(self, version: str, step: str, **told: Any) -> None:
        """Have all as it was when a step of a rollout was done."""
        path = self.journal(version)
        kept: list[str] = []
        for line in path.read_text().splitlines(keepends=True):
            kept.append(line)
            entry = json.loads(line)
            if (entry["event"], entry.get("step")) == ("done", step):
                break
        path.write_text("".join(kept))
        for name in ("standin.json", "calls"):
            (self.site / name).unlink(missing_ok=True)
        self.told(**{"live": "1.0", "releases": ["1.0"], **told})

    def entries(self, version: str) -> list[Any]:
        """Return the entries of a journal."""
        text = self.journal(version).read_text()
        return [json.loads(line) for line in text.splitlines()]


def _commands(root: Path) -> Sequence[Path]:
    return [root / "bin" / name for name in ("switch-version", "site", "evolve")]


def _indexes(software: SoftwareLayout, registry: Registry) -> None:
    """Freeze a backend, a product, and the customer's first version."""
    here = (str(Target.here()),)
    registry.folder.mkdir(parents=True, exist_ok=True)
    library = make_wheel(registry.folder, "library", "1.0")
    make_index(software, "backend/1", [backend(software)], targets=here, metadata=False)
    private = ("acme.*",)
    product = make_index(
        software, "karl/1.0", [library], targets=here, private=private,
        requirements=("library",),
    )  # fmt: skip
    thing = make_wheel(software.pool.parent / "made", "acme.thing", "1.0")
    make_index(
        software, "acme/1.0", [library, thing], targets=here, private=private,
        extends=("karl/1.0", product.digest), requirements=("acme-thing==1.0",),
    )  # fmt: skip


def backend(software: SoftwareLayout) -> Path:
    """Return the build backend's wheel."""
    folder = software.pool.parent / "made"
    (wheel,) = pooled(folder, "toolchain/1", ["flit-core"])
    return wheel


def remove(folder: Path) -> None:
    """Remove a world, what is sealed in it too."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)
