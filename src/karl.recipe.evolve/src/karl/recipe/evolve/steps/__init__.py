"""The library that evolve steps are written with.

A package whose data evolves has a sub-package with ``VERSION`` and the modules
``evolve1``, ``evolve2`` …, each with a callable ``evolve(root)``, as in
repoze.evolution.  A plain function will do; a :class:`Step` in its place can be
resumed, checked beforehand and verified afterwards, and updates only the indexes that
it names.  Needs nothing but ZODB.
"""

from karl.recipe.evolve.steps.catalogs import Reindexed, reindex
from karl.recipe.evolve.steps.errors import EvolveError, StepError, UnknownIndexError
from karl.recipe.evolve.steps.rebuilding import Rebuild
from karl.recipe.evolve.steps.step import Step
from karl.recipe.evolve.steps.walking import Walk, scan

__all__ = [
    "EvolveError",
    "Rebuild",
    "Reindexed",
    "Step",
    "StepError",
    "UnknownIndexError",
    "Walk",
    "reindex",
    "scan",
]
