"""The pages about customers, releases and the database server, typed in one clone."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pooled import filled
from support.ports import free_port
from support.registries import Registry
from support.rollouts import write_script
from support.samplesites import BUILDOUT, Samples, cloned
from support.typedpages import check_shown, steps

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName, PrivateNames
from karl.recipe.release.base.process import clean_environment
from karl.recipe.release.distributions import lockfile
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes.derived import materialise
from karl.recipe.release.indexes.fetch import needed_here
from karl.recipe.release.indexes.registry import serving

pytestmark = pytest.mark.slow

SERVER = "docs/how-to/database-server.md"
CUSTOMER = "docs/how-to/new-customer.md"
RELEASE = "docs/how-to/new-release.md"
UPGRADE = "docs/how-to/upgrade-a-customer.md"
FIX = "docs/how-to/quick-fix-found.md"
SPACE = "docs/how-to/disk-space.md"

#: What needs root or another customer, or makes the tools that there are already.
_NOT_HERE = re.compile(
    r"sudo |python3 bootstrap\.py|cd /srv/karl|sites/globex-prod/|echo \$\?"
)


class Desk:
    """A clone at which somebody types what the pages say.

    :ivar instead: what stands on a page, and what it is here.
    """

    def __init__(self, samples: Samples, url: str) -> None:
        self.samples, self.url = samples, url
        self.folder = samples.root
        self.place = samples.root.parent
        (self.place / "tmp").mkdir()
        self.instead = {
            "/tmp/": f"{self.place}/tmp/",
            "/srv/karl/": f"{samples.root}/",
            # Nothing newer than what the pool has can be had here.
            "zodb==6.5": "zodb==6.4",
        }

    def here(self, text: str) -> str:
        """Return what stands on a page as it is here."""
        for told, real in self.instead.items():
            text = text.replace(told, real)
        return text

    def type(self, command: str, *, code: int = 0) -> str:
        """Run a line as a person types it; return all that it printed."""
        if command.startswith("cd "):
            self.folder = (self.folder / command.removeprefix("cd ")).resolve()
            return ""
        environment = clean_environment(
            HOME=str(self.place), PIP_INDEX_URL=self.url, LOGNAME="kim"
        )
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        told = f"$ {command}\n{done.stdout}{done.stderr}"
        assert done.returncode == code, told
        return done.stdout + done.stderr

    def follow(self, text: str, codes: dict[str, int] | None = None) -> None:
        """Type every command of a text, and see that what it shows is printed.

        :param codes: with what those end that do not end with 0, by a part of them.
        """
        for command, shown in steps(text):
            typed = command.removeprefix("python3 bootstrap.py && ")
            if not _NOT_HERE.match(typed):
                found = [c for part, c in (codes or {}).items() if part in typed]
                lines = [self.here(line) for line in shown]
                check_shown(lines, self.type(typed, code=sum(found)))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the only *old* in a file of the clone."""
        path = self.samples.root / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))

    def commit(self) -> None:
        """Commit everything, as the pages say now and then."""
        self.type(
            "git config user.name kim && git config user.email kim@acme.example "
            "&& git add --all && git commit --quiet --message next"
        )

    def limit(self, name: str) -> None:
        """Freeze an index for this machine alone: of others the pool lacks files."""
        software = SoftwareLayout.below(self.samples.root)
        lock = Index.load(software, IndexName.parse(name)).lock
        here = {file.name for file in needed_here(lock)}
        kept = tuple(
            dataclasses.replace(
                each,
                wheels=tuple(wheel for wheel in each.wheels if wheel.name in here),
                sdist=each.sdist if each.sdist and each.sdist.name in here else None,
            )
            for each in lock.packages
        )
        limited = IndexName(f"{name.partition('/')[0]}here", name.partition("/")[2])
        lock = dataclasses.replace(
            lock, name=limited, targets=(str(Target.here()),), packages=kept
        )
        files.write(software.index(limited).lock_file, lockfile.render(lock))
        materialise(software, Index.load(software, limited))
        self.instead[f"--extends {name}"] = f"--extends {limited}"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """Give a clone, and a registry that has what the clone's pool has."""
    with cloned() as samples:
        index = Path(sysconfig.get_path("scripts")) / "karl-index"
        text = f'#!/bin/sh\nexec {index} "$@" --base {samples.root}\n'
        write_script(samples.root / "bin/karl-index", text)
        buildout = f"#!{sys.executable}\n{BUILDOUT}\n"
        write_script(samples.root / "bin/buildout", buildout)
        software = SoftwareLayout.below(samples.root)
        pool = filled(software, "toolchain/1", "zeo/1", "acme/1.0", "acme/1.1")
        with serving(Registry(pool, PrivateNames(), upstream="")) as url:
            desk = Desk(samples, url)
            desk.edit("buildouts/acme-prod.cfg", "8080", str(samples.port))
            try:
                yield desk
            finally:
                stop = samples.site("initech-prod") / "bin/site"
                if stop.exists():
                    subprocess.run([stop, "stop"], check=False, capture_output=True)


def parts(page, name: str) -> dict[str, str]:
    """Return the sections of a page by their titles."""
    found = re.split(r"^## (.+)\n", page(name).text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def a_database_server_is_set_up(page, desk):
    """Its buildout, the first database and the first release, with nothing before."""
    text = parts(page, SERVER)
    desk.follow(text["2. The two commands"])
    desk.type("bin/buildout -c buildouts/acme-prod.cfg")
    desk.folder = desk.samples.site("zeo-central")
    desk.follow(text["4. The databases"])
    desk.follow(text["5. Look"])
    assert "writable, process" in desk.type("bin/zeoctl status acme-prod")
    desk.folder = desk.samples.root
    desk.follow(text["Change an option"])


def a_customer_is_added(page, desk):
    """From a copy of another customer's package to a site that is live."""
    text = parts(page, CUSTOMER)
    desk.limit("karl/3.30")
    desk.follow(text["1. The package"])
    desk.follow(text["2. The index"])
    config = page(CUSTOMER).blocks("ini")[0]
    port = str(free_port())
    path = desk.samples.root / "buildouts/initech-prod.cfg"
    path.write_text(config.replace("8083", port))
    desk.follow(text["4. Build"])
    more = "    globex-prod\n    initech-prod\n# Of which"
    central = "buildouts/zeo-central.cfg"
    desk.edit(central, "    globex-prod\n# Of which", more)
    declared = desk.samples.root / central
    declared.write_text(declared.read_text() + "\n[initech-prod]\n")
    desk.follow(parts(page, SERVER)["Add a customer"])
    started = "sites/zeo-central/bin/zeoctl init initech-prod\n"
    assert started in text["5. The database"]
    desk.follow(text["5. The database"].replace(started, ""))
    desk.follow(text["6. Go live"])
    live = desk.samples.site("initech-prod") / "current/release"
    assert live.resolve().name == "1.0"
    desk.follow(parts(page, SERVER)["Remove a customer"])


def a_quick_fix_is_found(page, desk):
    """It is named, and a new tree of the same index has the original again."""
    release = desk.samples.site() / "releases/1.0"
    edited = release / "lib/python3.11/site-packages/acme/site/application.py"
    edited.chmod(0o644)
    edited.write_text(edited.read_text() + "# Bug\n")
    text = page(FIX).text
    told = re.findall(r"^\$ echo \$\?\n(\d)$", text, re.MULTILINE)
    desk.follow(text, {"--verify": int(told[0]), "diff ": 1})
    assert (desk.samples.site() / "current/release").resolve().name == "1.0.1"
    assert "intact" in desk.type("sites/acme-prod/bin/switch-version --verify")


def a_customer_is_upgraded(page, desk):
    """The plan is told, and the upgrade takes place when its moment has come."""
    text = parts(page, UPGRADE)
    desk.follow(text["1. Build the release"])
    desk.follow(text["2. See what is planned"])
    chosen = text["You want to choose the moment"]
    desk.follow(chosen.replace("touch /tmp/not-yet\n", ""))
    for title in ("5. Go", "Afterwards"):
        desk.follow(text[title])


def a_new_release_goes_live(page, desk):
    """Acme's package changes, is published, frozen, built, and back again."""
    desk.limit("karl/3.31")
    old, new = (desk.samples.root / f"examples/acme.site/1.{n}" for n in (1, 2))
    shutil.copytree(old, new)
    raised = "examples/acme.site/1.2/pyproject.toml"
    desk.edit(raised, 'version = "1.1"', 'version = "1.2"')
    desk.commit()
    text = page(RELEASE).text.partition("## 6. Go back")
    desk.follow(text[0])
    live = desk.samples.site() / "current/release"
    assert live.resolve().name == "1.2"
    desk.follow(text[2])
    assert live.resolve().name == "1.1"


def room_is_made(page, desk):
    """What could go is told, and nothing goes."""
    for command, _ in steps(page(SPACE).text):
        desk.type(command)
    assert (desk.samples.site() / "releases/1.0").is_dir()


def test_the_pages_are_typed_in_order(page, desk):
    """Each page begins with what those before it have made, as in a customer's life."""
    a_database_server_is_set_up(page, desk)
    a_customer_is_added(page, desk)
    a_quick_fix_is_found(page, desk)
    a_customer_is_upgraded(page, desk)
    a_new_release_goes_live(page, desk)
    room_is_made(page, desk)
