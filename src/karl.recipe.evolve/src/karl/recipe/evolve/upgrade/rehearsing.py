"""Steps that only a rehearsal takes."""

from __future__ import annotations

from karl.recipe.evolve.upgrade import history, model, prediction
from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.step import Work


def predict(work: Work) -> Facts:
    """Predict the read-only window of the upgrade that was rehearsed."""
    # What is in the window is said where this step is, too.
    from karl.recipe.evolve.upgrade.phases import STEPS

    run = history.load(work.places)
    took = {
        name: attempt.seconds
        for name, attempt in run.attempts.items()
        if attempt.seconds is not None
    }
    serving, hooks = work.declared.serving, work.declared.hooks
    rehearsed = prediction.Rehearsed(
        took, serving.workers, trials=len(serving.health_paths)
    )
    steps = [
        step.name
        for step in STEPS[model.UPGRADE]
        if step.window and hooks.get(step.name, True)
    ]
    return {
        "prediction": prediction.facts(
            prediction.predict(steps, rehearsed, _remembered(work))
        )
    }


def _remembered(work: Work) -> dict[str, float]:
    """Return how long steps took the last time; what else restarts comes second."""
    places, version = work.programs.places, work.facts["version"]
    others = history.times(places, version, (model.ROLLBACK, model.REFRESH))
    return {**others, **history.times(places, version, (model.UPGRADE,))}
