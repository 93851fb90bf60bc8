"""The whole way on one screen: from a tag to a live release, step by step.

Every step looks first whether it has something to do, so that the command is run again
after whatever has stopped it.
"""

from __future__ import annotations

from karl.recipe.evolve.rollout import shipping as sent
from karl.recipe.evolve.rollout import sitesteps as site
from karl.recipe.evolve.rollout import softwaresteps as software
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.step import Facts, Step, Work


def _check(work: Work) -> Facts:
    return {**software.check(work), **site.check(work)}


CHECK = Step(
    "check", "check that {tag} is of version {version}, and all is ready", _check
)

STEPS: tuple[Step, ...] = (
    CHECK,
    Step(
        "publish", "build sdist and wheel of {tag}, and put them into the pool",
        software.publish, check=software.is_published,
    ),
    Step(
        "freeze", "freeze the index {index}", software.freeze, check=software.is_frozen,
    ),
    Step(
        "ship", "send to {host} what it lacks of {index}",
        sent.ship, check=sent.is_shipped, only_there=True,
    ),
    Step(
        "build", "build release {version} by {buildout}",
        site.build, check=site.is_built,
    ),
    Step(
        "rehearse", "evolve a copy of the data and remove it, as a rehearsal",
        site.rehearse, check=site.needs_no_rehearsal,
    ),
    Step(
        "evolve", "take {site} to release {version}, software and data together",
        site.evolve, check=site.is_live,
    ),
    Step(
        "confirm", "check that {site} serves release {version}, and is well",
        site.confirm,
    ),
)  # fmt: skip

NAMES = tuple(step.name for step in STEPS)


def of(declared: Rollouts) -> tuple[Step, ...]:
    """Return the steps of a site's rollouts."""
    return tuple(step for step in STEPS if declared.host or not step.only_there)


def text(step: Step, declared: Rollouts, version: str) -> str:
    """Return what a step does, a sentence."""
    return step.description.format_map(
        {
            "tag": declared.tag_of(version),
            "version": version,
            "index": declared.index_of(version),
            "host": declared.host,
            "site": declared.site,
            "buildout": declared.buildout,
        }
    )
