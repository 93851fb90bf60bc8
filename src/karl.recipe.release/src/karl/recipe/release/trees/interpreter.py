"""A release's interpreter, and how its scripts find it.

``libexec/pythonX.Y`` is a symlink to the base interpreter; with ``pyvenv.cfg``
in the root it takes the release for its environment.  Whatever a user starts
names this link by its absolute, real path.  So a process that was started
through ``current`` stays on the release it began with.
"""

from __future__ import annotations

import os
import shlex
import sys

from karl.recipe.release.base import payload
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.layout import ReleaseLayout

#: Of scripts: nothing but the release gets in, neither by the environment
#: (``PYTHONPATH``), nor by the user's own packages, nor by the script's folder; and
#: no bytecode is written into it, which root could.
_ISOLATED = "-IB"

#: Of the interpreter: the same, but it finds what lies beside a user's script.
_SHUT = "-E -s -B"


def description() -> dict[str, str]:
    """Return what ``release.json`` says of this Python."""
    return {
        "version": ".".join(str(part) for part in sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "executable": payload.base_interpreter(),
        "cache_tag": sys.implementation.cache_tag or "python",
    }


def environment_file() -> str:
    """Return the content of ``pyvenv.cfg``."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return (
        f"home = {os.path.dirname(payload.base_interpreter())}\n"
        "include-system-site-packages = false\n"
        f"version = {version}\n"
    )


def check_root(release: ReleaseLayout) -> None:
    """Refuse a root whose path cannot be written into scripts.

    :raises UsageError: it has characters that a shell, Python or
        ``pyvenv.cfg`` would trip over.
    """
    path = str(release.interpreter)
    if not path.isprintable() or "\\" in path:
        raise UsageError(
            f"A release cannot be at {path!r}.",
            "Choose a root without control characters and backslashes.",
        )


def first_lines(release: ReleaseLayout) -> str:
    """Return what a Python script begins with, so that it runs in the release."""
    return payload.first_lines(str(release.interpreter), _ISOLATED)


def is_at_home(release: ReleaseLayout) -> bool:
    """Tell whether a release is where its scripts say that it is."""
    text = (release.bin / "python").read_text(encoding="utf-8", errors="replace")
    return shlex.quote(str(release.interpreter)) in text


def launcher(release: ReleaseLayout) -> str:
    """Return the ``sh`` script that is the interpreter, under its real path."""
    path = shlex.quote(str(release.interpreter))
    return f'#!/bin/sh\nexec {path} {_SHUT} "$@"\n'
