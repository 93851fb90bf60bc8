"""The commands of the site that are run before and after parts of a run."""

from __future__ import annotations

from karl.recipe.evolve.declaration.model import Command
from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.step import Step, Work
from karl.recipe.release.base import process
from karl.recipe.release.base.errors import KarlError


def hook(when: str, phase: str, *, window: bool = True) -> Step:
    """Return the step that runs the commands of a moment.

    One that fails ``before`` a part ends the run; ``after`` it, it is a warning.
    """
    moment = f"{when}-{phase}"

    def due(work: Work) -> str:
        return "" if work.declared.hooks[moment] else "there are none"

    def run(work: Work) -> Facts:
        for command in work.declared.hooks[moment]:
            _run(work, moment, command)
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


def _run(work: Work, moment: str, command: Command) -> None:
    limit = work.declared.timeouts.hook
    ended = work.programs.run(command, limit, env=environment(work, moment))
    if ended.late or ended.status:
        how = f"took longer than {limit:g} s" if ended.late else "failed"
        raise KarlError(
            f"The command {moment} {how}: {' '.join(command)}.",
            f"It said: {ended.text.strip()[-500:]}" if ended.text.strip() else "",
        )
