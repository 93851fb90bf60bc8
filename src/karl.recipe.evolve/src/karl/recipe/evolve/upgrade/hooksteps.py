"""The commands of the site that are run before and after parts of a run."""

from __future__ import annotations

from karl.recipe.evolve.upgrade import sitecommands
from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.step import Step, Work
from karl.recipe.release.base import process


def hook(when: str, phase: str, *, window: bool = True) -> Step:
    """Return the step that runs the commands of a moment.

    One that fails ``before`` a part ends the run; ``after`` it, it is a warning.
    """
    moment = f"{when}-{phase}"

    def due(work: Work) -> str:
        return "" if work.declared.hooks[moment] else "there are none"

    def run(work: Work) -> Facts:
        limit = work.declared.timeouts.hook
        for command in work.declared.hooks[moment]:
            sitecommands.run(work, moment, command, limit, environment(work, moment))
        return {}

    return Step(
        moment,
        phase,
        f"run the site's commands {when} {phase}",
        run,
        due,
        window=window,
        soft=when == "after",
    )


def environment(work: Work, moment: str) -> dict[str, str]:
    """Return what the commands find in their environment."""
    facts = work.facts
    known = {
        "SITE": work.declared.name,
        "PHASE": moment,
        "FROM": facts.get("release_from"),
        "TO": facts.get("version"),
        "COPY": facts.get("copy"),
    }
    return process.clean_environment(
        **{name: "" if value is None else str(value) for name, value in known.items()}
    )
