"""The work of ``bootstrap.py``: the environment that this checkout runs in.

Standard library only; it shares the base modules of karl.recipe.release,
straight from the checkout.

Glossary: the *toolchain* is the set of pinned tools that a lock file names;
an *environment* is a virtual environment that holds them; its *stamp*, written
last, says what it was made from and lists its files.  ``.venv`` is a symlink
to the environment in use, so that a new one replaces it by one rename.
"""
