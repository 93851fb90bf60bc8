from __future__ import annotations

import json
import subprocess

import pytest
from support.siteinvariants import check_settled
from support.sites import CONFIG
from support.workshop import Workshop, library, product

from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.sites import sitetools


@pytest.fixture
def workshop(software, tmp_path) -> Workshop:
    """A site whose releases the release operation builds from real wheels."""
    made = Workshop(software, SiteLayout(tmp_path / "sites" / "acme-prod"))
    for version in ("1.0", "1.1"):
        made.index(f"acme/{version}", product(version), library())
        made.build(version, f"acme/{version}")
    sitetools.install(made.site, CONFIG)
    return made


def test_built_releases_are_switched_to_run_and_gone_back_from(workshop):
    """Build two releases, switch, run a script through current, roll back."""
    site = workshop.site
    command = site.bin / "switch-version"
    script = site.current / "release" / "bin" / "product"

    def prefix() -> str:
        out = subprocess.run([script], capture_output=True, check=True).stdout
        return json.loads(out)["prefix"]

    for version in ("1.0", "1.1"):
        done = subprocess.run(
            [command, version, "--full", "--json"], capture_output=True, check=True
        )
        assert json.loads(done.stdout)["release"] == version
        assert prefix() == str(site.release(version).root)
        smoke = json.loads(site.release(version).manifest.read_text())["smoke"]
        assert "product.main:main" in smoke
    subprocess.run([command, "--rollback"], check=True)
    assert prefix() == str(site.release("1.0").root)
    subprocess.run([command, "--verify", "--all"], check=True)
    check_settled(site)


def test_a_built_release_without_its_library_is_damaged(workshop):
    """A file that is missing from a built release stops the switch."""
    packages = workshop.layout("1.1").site_packages
    (packages / "library").chmod(0o755)
    (packages / "library" / "__init__.py").unlink()
    done = subprocess.run(
        [workshop.site.bin / "switch-version", "1.1"], capture_output=True, check=False
    )
    assert done.returncode == 4
    assert b"library/__init__.py" in done.stderr
