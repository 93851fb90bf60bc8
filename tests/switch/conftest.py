from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.schemas import validated
from support.sites import build_site

from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.sites import switch, switchcli
from karl.recipe.release.sites.switching import SwitchResult
from karl.recipe.release.sites.switchplan import SwitchRequest


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
def command(site: SiteLayout):
    """Run the site's own command; return exit code, output and errors."""

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


@pytest.fixture
def run(site: SiteLayout, capsys: pytest.CaptureFixture[str]):
    """Do what the site's command does, in this process."""

    def run_main(*words: str):
        capsys.readouterr()
        try:
            code = switchcli.main(str(site.root), words)
        except SystemExit as left:
            code = left.code
        output, errors = capsys.readouterr()
        if "--json" in words:
            validated("switch-version", words, output)
        return code, output, errors

    return run_main
