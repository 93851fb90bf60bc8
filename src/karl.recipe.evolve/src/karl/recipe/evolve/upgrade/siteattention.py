"""What of a site needs somebody's attention, decided from what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from karl.recipe.evolve.upgrade.page import title
from karl.recipe.release.base.blocks import Attention, moment, notice, problem

_NORMAL = "normal"


def of_site(found: Mapping[str, Any]) -> list[Attention]:
    """Return what needs attention, but for the database.

    :param found: what :func:`sitereport.of_site` has found.
    """
    running, revisions, processes = (
        found["running"], found["revisions"], found["processes"],
    )  # fmt: skip
    told = list(_runs(found["runs"], running=running))
    if processes is not None:
        told += _processes(processes)
        if not running:
            told += _mode(processes)
    if revisions is not None:
        told += _revisions(revisions, running=running)
    return told


def _runs(runs: Iterable[Mapping[str, Any]], *, running: bool) -> Iterable[Attention]:
    if running:
        yield notice("evolve is at work: evolve status tells how far.")
    last = next(iter(runs), None)
    if last is None:
        return
    name = title(last)
    if running and last["outcome"] == "unfinished":
        return
    if last["outcome"] == "unfinished":
        yield problem(
            f"{name} was interrupted. Go on: evolve --resume. Make it undone: evolve "
            "--abort."
        )
    elif last["outcome"] == "undone":
        yield _undone(last)
    for warning in last["warnings"]:
        yield notice(f"{name}: {warning}")
    left = [each for each in last.get("deferred", ()) if not each["done"]]
    if left and not running:
        steps = ", ".join(f"{each['package']} {each['version']}" for each in left)
        yield notice(
            f"{name} has left work for the background: {steps}. The site works all "
            "the same. Do it: evolve --resume."
        )


def _undone(run: Mapping[str, Any]) -> Attention:
    """Tell of a run that failed; of one that somebody gave up, too."""
    name, when = title(run), moment(run["ended"])
    failure = run["failure"]
    if failure is None:
        return notice(f"{name} was given up on {when}; everything is as it was before.")
    return problem(
        f"{name} failed on {when}, and everything is as it was before: the step "
        f"{failure['step']}: {failure['message']} Correct that, and try again."
    )


def _processes(found: Mapping[str, Any]) -> Iterable[Attention]:
    if not found["running"]:
        yield problem("The site does not run: bin/site start.")
        return
    for worker in found["workers"]:
        number = worker["number"]
        if not worker["healthy"]:
            yield problem(
                f"Process {number} does not serve: {worker['problem']}. See its log in "
                "var/log; then: bin/site restart."
            )
        elif worker["outdated"]:
            yield problem(
                f"Process {number} serves revision {worker['revision']}, which is not "
                "the current one: bin/site restart."
            )


def _mode(found: Mapping[str, Any]) -> Iterable[Attention]:
    """Tell of what an upgrade does, if there is none."""
    mode = found["mode"]
    if mode["problem"]:
        yield problem(f"The mode cannot be read: {mode['problem']}")
    if mode["mode"] != _NORMAL:
        since = moment(mode["since"], "")
        yield problem(
            f"The site's mode is {mode['mode']}{since and f' since {since}'}, and no "
            "upgrade is under way: bin/site mode normal."
        )
    inhibited = found["inhibited"]
    if inhibited is not None:
        yield problem(
            f"Cron jobs are inhibited since {moment(inhibited['since'])} "
            f"({inhibited['why'] or 'nobody said why'}), and no upgrade is under way: "
            "bin/site allow."
        )


def _revisions(found: Mapping[str, Any], *, running: bool) -> Iterable[Attention]:
    current, back = found["current"], found["rollback_to"]
    if current is None:
        yield notice("No release is live yet: evolve VERSION.")
    elif all(row["number"] != current for row in found["revisions"]):
        yield problem(
            f"Revision {current} is live, and missing: make another live, with "
            "bin/switch-version --rollback --to N."
        )
    for row in found["revisions"]:
        if row["intact"]:
            continue
        number, told = row["number"], str(row["problem"]).rstrip(".")
        if number == current:
            yield problem(
                f"The live revision {number} was edited or is damaged: {told}. See "
                "bin/switch-version --verify; then build another release."
            )
        elif number == back:
            yield problem(
                f"Revision {number}, to which a rollback would go, was edited or is "
                f"damaged: {told}."
            )
        else:
            yield notice(f"Revision {number} was edited or is damaged: {told}.")
    if found["unfinished"] and not running:
        yield problem(
            "switch-version was interrupted; the next switch or rollback settles that."
        )
    if found["pins_problem"]:
        yield problem(str(found["pins_problem"]))
