"""Checking that a release is sealed and complete before it may be live."""

from __future__ import annotations

from dataclasses import dataclass

from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.files import sha256_of
from karl.recipe.release.base.layout import ReleaseLayout, SiteLayout
from karl.recipe.release.base.names import checked_label
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.sites.sitestate import sealed_releases
from karl.recipe.release.trees.manifest import Manifest
from karl.recipe.release.trees.verification import Difference, summary, verify


@dataclass(frozen=True)
class CheckedRelease:
    """A release that was looked at.

    :ivar layout: where it is.
    :ivar manifest: what it should be.
    :ivar sha256: of its ``release.json``.
    :ivar differences: what is not as it should be, and was accepted.
    """

    layout: ReleaseLayout
    manifest: Manifest
    sha256: str
    differences: tuple[Difference, ...] = ()

    @property
    def damaged(self) -> bool:
        """Whether it is not as it was sealed."""
        return bool(self.differences)

    @property
    def warnings(self) -> list[str]:
        """What the operator should know."""
        if not self.damaged:
            return []
        name = self.layout.root.name
        found = summary(self.differences)
        return [f"Release {name} is damaged, which was accepted: {found}"]


def find_release(site: SiteLayout, version: str) -> str:
    """Return the sha256 of the manifest of a release.

    :raises UsageError: *version* cannot be a version.
    :raises RefusedError: there is no such release.
    """
    layout = site.release(checked_label(version))
    try:
        return sha256_of(layout.manifest)
    except (FileNotFoundError, NotADirectoryError):
        there = ", ".join(sealed_releases(site)) or "none"
        what = (
            "is not sealed: it has no release.json"
            if layout.root.is_dir()
            else "does not exist"
        )
        raise RefusedError(
            f"Release {version} of {site.root.name} {what}.",
            f"Build it with the site's buildout. Releases here: {there}.",
        ) from None


def differences_of(
    layout: ReleaseLayout, reporter: Reporter, *, full: bool
) -> tuple[Difference, ...]:
    """Compare a release with its manifest."""
    if not full:
        return tuple(verify(layout, full=False))
    task = reporter.task(f"Verifying release {layout.root.name}", unit="files")
    found = tuple(verify(layout, full=True, progress=task.advance))
    task.done()
    return found


def check_release(
    site: SiteLayout,
    version: str,
    expected_sha256: str,
    reporter: Reporter,
    *,
    full: bool = False,
    accept_damaged: str = "",
) -> CheckedRelease:
    """Check that a release is what it was when it was sealed.

    :param expected_sha256: what its manifest must hash to.
    :param full: hash every file; else compare names, kinds, sizes and modes.
    :param accept_damaged: the version again, if damage is accepted.
    :raises DamagedError: it is not.
    """
    if accept_damaged and accept_damaged != version:
        raise UsageError(
            f"--accept-damaged names {accept_damaged}, but the release is {version}.",
            "Name the release whose damage you accept.",
        )
    sha256 = find_release(site, version)
    layout = site.release(version)
    if sha256 != expected_sha256:
        raise DamagedError(
            f"Release {version} is not the one that the revision was written for: "
            "its release.json is another.",
            f"Write a new revision for it: switch-version {version}.",
        )
    found = differences_of(layout, reporter, full=full)
    if found and not accept_damaged:
        raise DamagedError(
            f"Release {version} is damaged: {summary(found)}",
            "Build a new version of it; or, if you know that it does no harm, "
            f"add --accept-damaged {version}.",
        )
    checked = CheckedRelease(layout, Manifest.load(layout), sha256, found)
    for warning in checked.warnings:
        reporter.warn(warning)
    return checked
