from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from karl.recipe.release import sitetools, switch
from karl.recipe.release.layout import SiteLayout
from karl.recipe.release.siteconfig import SiteConfig
from karl.recipe.release.switch import SwitchResult
from karl.recipe.release.switchplan import SwitchRequest
from tests.switch.releases import make_release

CONFIG = SiteConfig("acme-prod", "<zodb>\n</zodb>\n", "acme-prod-1")


#: Releases that a built site has.
ROUNDS = ("1.0", "1.1", "1.2")


def build_site(root: Path) -> SiteLayout:
    """Make a site with its command and three releases, none of them live."""
    layout = SiteLayout(root)
    sitetools.install(layout, CONFIG)
    for version in ROUNDS:
        make_release(layout, version)
    return layout


@pytest.fixture
def site(tmp_path: Path) -> SiteLayout:
    """A site with its command and three releases, none of them live."""
    return build_site(tmp_path / "acme-prod")


@pytest.fixture
def to(site: SiteLayout) -> Callable[..., SwitchResult]:
    """Switch the site to a release."""

    def switch_to(release: str, **options: object) -> SwitchResult:
        request = SwitchRequest("switch", release, **options)  # type: ignore[arg-type]
        return switch.switch(site, request)

    return switch_to


@pytest.fixture
def back(site: SiteLayout) -> Callable[..., SwitchResult]:
    """Roll the site back."""

    def roll_back(number: int | None = None, **options: object) -> SwitchResult:
        request = SwitchRequest("rollback", to=number, **options)  # type: ignore[arg-type]
        return switch.switch(site, request)

    return roll_back


@pytest.fixture
def run(site: SiteLayout):
    """Run the site's own command; return exit code, output and errors."""
    import subprocess

    def run_command(*words: str, **options):
        done = subprocess.run(
            [site.bin / "switch-version", *words],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        return done.returncode, done.stdout, done.stderr

    return run_command
