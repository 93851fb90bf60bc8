"""``python -m karl.recipe.evolve.running``: evolve a database."""

import sys

from karl.recipe.evolve.running.command import main

sys.exit(main())
