"""Rollouts of the sample customer, with everything that they drive."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import pytest
from support.registries import Registry
from support.rollouts import git, write_script
from support.samplesites import BUILDOUT, Samples, cloned
from support.waiting import eventually

from karl.recipe.evolve.rollout import steps
from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName, PrivateNames
from karl.recipe.release.distributions import lockfile
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes.derived import materialise
from karl.recipe.release.indexes.fetch import needed_here
from karl.recipe.release.indexes.registry import serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry():
    """What has the public packages that the clone's pool has."""
    with cloned() as samples:
        pool = Pool(SoftwareLayout.below(samples.root))
        found = Registry(pool, PrivateNames(), upstream="")
        with serving(found) as url:
            found.url = url
            samples.registry = found
            yield samples


@pytest.fixture(scope="module")
def samples(registry) -> Samples:
    """A clone with acme-prod 1.0 live, from whose package it is rolled out."""
    samples = registry
    _commands(samples)
    _repository(samples)
    config = samples.root / "buildouts" / "acme-prod.cfg"
    text = config.read_text().replace("address = 8080", f"address = {samples.port}")
    source = "source = git@git.acme.example:acme.site.git"
    assert source in text
    more = f"source = {_place(samples)}\nregistry = {samples.registry.url}"
    more += f"\nurl = {samples.url}healthz"
    config.write_text(text.replace(source, more))
    samples.buildout("zeo-central")
    samples.run([samples.site("zeo-central") / "bin/switch-version", "1"])
    samples.zeoctl("init", "acme-prod")
    samples.zeoctl("start", "acme-prod")
    samples.buildout("acme-prod")
    samples.do("acme-prod/bin/evolve", "1.0")
    samples.do("acme-prod/bin/site", "start")
    fill = samples.site() / "current/release/bin/karl-fill"
    samples.run([fill, "60", "--file-size", "3000", "--quiet"])
    return samples


def _place(samples) -> Path:
    return samples.root.parent / "acme.site"


def _commands(samples) -> None:
    """Write what bootstrap.py does, for the tools that run these tests."""
    index = Path(sysconfig.get_path("scripts")) / "karl-index"
    write_script(samples.root / "bin/karl-index", f'#!/bin/sh\nexec {index} "$@"\n')
    text = f"#!{sys.executable}\n{BUILDOUT}\n"
    write_script(samples.root / "bin/buildout", text)


def _repository(samples) -> None:
    """Put Acme's package under git, with the tags 1.1 and 1.2."""
    place = _place(samples)
    shutil.copytree(samples.root / "examples/acme.site/1.1", place)
    git(place, "init", "--quiet")
    for version in ("1.1", "1.2"):
        path = place / "pyproject.toml"
        text = path.read_text()
        assert text.count('version = "1.1"') == 1
        path.write_text(text.replace('version = "1.1"', f'version = "{version}"'))
        git(place, "add", "--all")
        git(place, "commit", "--quiet", "--message", version)
        git(place, "tag", version)


def _freeze_product(samples) -> str:
    """Freeze the product for this machine alone: of others the pool lacks files."""
    software = SoftwareLayout.below(samples.root)
    product = Index.load(software, IndexName("karl", "3.31")).lock
    here = {file.name for file in needed_here(product)}

    def kept(package):
        wheels = tuple(each for each in package.wheels if each.name in here)
        sdist = package.sdist if package.sdist and package.sdist.name in here else None
        return dataclasses.replace(package, wheels=wheels, sdist=sdist)

    name = IndexName("here", "3.31")
    lock = dataclasses.replace(
        product, name=name, targets=(str(Target.here()),),
        packages=tuple(map(kept, product.packages)),
    )  # fmt: skip
    files.write(software.index(name).lock_file, lockfile.render(lock))
    materialise(software, Index.load(software, name))
    return str(name)


def rollout(samples, *words) -> subprocess.Popen[str]:
    """Start ``rollout``."""
    place = str(samples.root.parent)
    return subprocess.Popen(
        [samples.site() / "bin/rollout", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "HOME": place, "TMPDIR": place},
    )  # fmt: skip


def begun(samples, version, step) -> bool:
    """Tell whether a step was begun."""
    journal = samples.site() / "var/rollouts" / version / "journal.jsonl"
    return journal.exists() and f'"step": "{step}"' in journal.read_text()


def live_copy(samples) -> int:
    """Return the number of the live database copy."""
    return samples.zeoctl("status", "acme-prod")["live"]["number"]


def health(samples) -> dict:
    """Return what the site says of itself."""
    with urllib.request.urlopen(f"{samples.url}healthz") as reply:
        return json.load(reply)


def upgrade_killed_at_each_step(samples):
    """1.1 goes live with its evolved data, although each step was killed once."""
    for name in (each for each in steps.NAMES if each != "ship"):
        with rollout(samples, "1.1") as child:
            eventually(lambda: begun(samples, "1.1", name), seconds=300)  # noqa: B023  # at once
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
    with rollout(samples, "1.1", "--json") as child:
        told, said = child.communicate()
    assert child.returncode == 0, told + said
    found = json.loads(told)
    assert found["complete"]
    # The index was frozen before, from the same bytes.
    assert (
        found["sha256"]
        == Index.load(
            SoftwareLayout.below(samples.root), IndexName("acme", "1.1")
        ).digest
    )
    assert health(samples)["packages"]["acme.site"]["release"] == "1.1"
    status = samples.do("acme-prod/bin/evolve", "status")
    run = status["run"]
    assert (status["running"], run["kind"], run["outcome"]) == (
        False,
        "upgrade",
        "done",
    )
    assert live_copy(samples) == run["to"]["copy"] > run["from"]["copy"]


def next_version(samples):
    """1.2 is published, frozen, built and switched to; the data stay where they are."""
    config = samples.root / "buildouts" / "acme-prod.cfg"
    extends = f"extends = {_freeze_product(samples)}\nindex = "
    config.write_text(config.read_text().replace("index = ", extends, 1))
    samples.buildout("acme-prod", "site:version=1.1", "install", "rollout")
    before = live_copy(samples)
    with rollout(samples, "1.2", "--json") as child:
        told, said = child.communicate()
    assert child.returncode == 0, told + said
    found = json.loads(told)
    assert [each["name"] for each in found["changes"] if each["new"] == "1.2"] == [
        "acme-site"
    ]
    assert health(samples)["packages"]["acme.site"]["release"] == "1.2"
    assert found["window"] is None
    assert live_copy(samples) == before


def test_two_versions_one_after_the_other(samples):
    """Each goes live, the second upon the data that the first has evolved."""
    upgrade_killed_at_each_step(samples)
    next_version(samples)
