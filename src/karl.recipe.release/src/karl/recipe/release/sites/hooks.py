"""The commands that a site wants run after a switch, such as restarts."""

from __future__ import annotations

import os
from dataclasses import dataclass

from karl.recipe.release.base.errors import KarlError, TimeLimitError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.process import clean_environment, run
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.sites.revisions import Revision
from karl.recipe.release.sites.siteconfig import SiteConfig


@dataclass(frozen=True)
class HookFailure:
    """Which command failed, and how.

    :ivar command: the argument list.
    :ivar error: what is wrong.
    """

    command: tuple[str, ...]
    error: Exception


def environment(
    site: SiteLayout,
    config: SiteConfig,
    action: str,
    live: Revision,
    previous: Revision | int | None,
) -> dict[str, str]:
    """Return the whole environment that the commands see.

    :param previous: what was live before; only its number if it is damaged.
    """
    before = previous if isinstance(previous, Revision) else None
    number = before.number if before is not None else previous
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    return clean_environment(
        **home,
        KARL_SITE=config.site,
        KARL_SITE_ROOT=str(site.root),
        KARL_ACTION=action,
        KARL_REVISION=str(live.number),
        KARL_RELEASE=live.release,
        KARL_DATABASE=live.database or "",
        KARL_PREVIOUS_REVISION="" if number is None else str(number),
        KARL_PREVIOUS_RELEASE="" if before is None else before.release,
        KARL_PREVIOUS_DATABASE="" if before is None else before.database or "",
    )


def run_hooks(
    site: SiteLayout, config: SiteConfig, env: dict[str, str], reporter: Reporter
) -> HookFailure | None:
    """Run the commands in order, in the site's root; stop at the first failure.

    :returns: the failure, or None.
    """
    for command in config.after_switch:
        reporter.say(f"Running {' '.join(command)}")
        try:
            run(command, env=env, cwd=site.root, timeout=config.hook_timeout)
        except TimeLimitError as error:
            error.tip = f"The option hook-timeout says so. {error.tip}"
            return HookFailure(command, error)
        except (KarlError, OSError) as error:
            return HookFailure(command, error)
    return None
