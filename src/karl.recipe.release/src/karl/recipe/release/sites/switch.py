"""Switching: making a revision the live one.

The order is the guarantee: lock, settle what a killed run left, decide, check
the release, write the intent, write the revision, *one rename*, run the site's
commands, write the outcome.  Everything before the rename leaves the live
revision as it was.
"""

from __future__ import annotations

from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.sites.recovery import recover
from karl.recipe.release.sites.releasecheck import find_release
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.sitestate import SiteState, live_binding, observe
from karl.recipe.release.sites.switching import Stopwatch, Switching, SwitchResult
from karl.recipe.release.sites.switchplan import (
    PREPARE,
    SWITCH,
    Plan,
    SwitchRequest,
    binding_for,
    make_plan,
)


def switch(
    site: SiteLayout, request: SwitchRequest, reporter: Reporter | None = None
) -> SwitchResult:
    """Do what *request* asks for.

    :raises RefusedError: the state forbids it; nothing was changed.
    :raises DamagedError: the release or revision is damaged; nothing was changed.
    :raises BusyError: another command is at work; nothing was changed.
    :raises UnfinishedError: the switch took effect, what follows it failed.
    """
    reporter = reporter or SilentReporter()
    config = SiteConfig.load(site)
    watch = Stopwatch()
    with locked(site.switch_lock, "switch", request.wait):
        with watch.measure("prepare"):
            recover(site, reporter)
            state = observe(site)
            plan = _plan_for(site, config, state, request)
        return Switching(site, config, state, plan, request, reporter, watch).apply()


def dry_run(
    site: SiteLayout, request: SwitchRequest, reporter: Reporter | None = None
) -> tuple[Plan, list[str]]:
    """Plan, run the checks, and change nothing.

    :returns: the plan and its sentences.
    """
    reporter = reporter or SilentReporter()
    config = SiteConfig.load(site)
    state = observe(site)
    plan = _plan_for(site, config, state, request)
    Switching(site, config, state, plan, request, reporter, Stopwatch()).check()
    return plan, plan.describe(config.after_switch)


def _plan_for(
    site: SiteLayout, config: SiteConfig, state: SiteState, request: SwitchRequest
) -> Plan:
    """Gather what the decision needs, and decide."""
    if request.action not in (SWITCH, PREPARE):
        return make_plan(state, request, None, "")
    sha256 = find_release(site, request.release)
    named = request.binding is not None or request.configured
    live = None if named else live_binding(site, state)
    return make_plan(state, request, binding_for(request, live, config), sha256)
