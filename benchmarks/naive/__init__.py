"""The product's evolve step as it would be written without the library of steps.

A package for repoze.evolution, which runs it with the product's release, on a database
that the product's own step has not seen.
"""

VERSION = 1
