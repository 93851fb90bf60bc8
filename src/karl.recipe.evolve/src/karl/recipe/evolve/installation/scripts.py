"""The text of the generated commands, and the code that they run.

Each is a script of this machine's Python and needs no release; ``site-worker`` and
``evolve-run`` go on with the interpreter of a release.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.release.base import payload

#: Packages of which generated commands need every module.
_PACKAGES = (
    "declaration", "modes", "rendering", "running", "serving", "steps", "upgrade",
)  # fmt: skip

#: Isolated from the environment, and without ``site``.
_PYTHON_OPTIONS = "-IS"

#: The folder is held, so that it stays while this runs.
_HEAD = """\
# Written by karl.recipe.evolve; the next buildout run writes it again.
import fcntl
import os
import sys

root = {root!r}
lib = {lib!r}


def refuse(message, tip):
    print("error: " + message, "next: " + tip, sep="\\n", file=sys.stderr)
    if "--json" in sys.argv:
        import json
        import time

        error = {{"message": message, "next": tip, "exit": 3}}
        print({told})
    sys.exit(3)


here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if here != os.path.realpath(root):
    refuse(
        "This command is of the site " + root + ", not of " + here + ".",
        "It was copied or moved. Use it at its own place; at another, run the "
        "buildout with that root.",
    )
try:
    held = os.open(lib, os.O_RDONLY)
except OSError:
    refuse(
        "The code of this command is not there: " + lib + ".",
        "Run the site's buildout again.",
    )
fcntl.flock(held, fcntl.LOCK_SH)
"""

#: What is told to programs: one object; by evolve-run, whose every line is an event.
_OBJECT = 'json.dumps({"error": error}, indent=1, sort_keys=True)'
_EVENT = 'json.dumps({"event": "error", "time": time.time(), **error})'

_COMMAND = """\
sys.path.insert(0, lib)

from {module} import main

sys.exit(main(root, sys.argv[1:]))
"""

_WORKER = """\
sys.path.insert(0, lib)
if "worker" in sys._xoptions:
    from karl.recipe.evolve.serving.worker import main

    sys.exit(main(root, lib))

from karl.recipe.evolve.serving.launching import main

sys.exit(main(root, sys.argv[1:]))
"""

#: What the release itself has comes first: a product may bring its own steps.
_EVOLVE_RUN = """\
releases = os.path.join(os.path.realpath(root), "releases")
if not os.path.realpath(sys.prefix).startswith(releases + os.sep):
    python = os.path.realpath(os.path.join(root, "current", "release"))
    python = os.path.join(python, "bin", "python")
    try:
        words = [os.path.realpath(__file__), *{options!r}, *sys.argv[1:]]
        os.execv(python, [python, "-I", "-B", *words])
    except OSError as error:
        refuse(
            "The software is not there: " + python + " (" + error.strerror + ").",
            "Make a release current: " + root + "/bin/switch-version VERSION.",
        )
sys.path.append(lib)

from karl.recipe.evolve.running.command import main

sys.exit(main(sys.argv[1:]))
"""

_SUPERVISE = """\
#!/bin/sh
# Written by karl.recipe.evolve; the next buildout run writes it again.
exec {program} --nodaemon --configuration {configuration}
"""


def read_payload(packages: Sequence[str] = _PACKAGES) -> dict[str, bytes]:
    """Return the content of each file of the payload, by its relative path.

    :param packages: of which every module is needed.
    """
    return payload.read_with_base(
        Path(__file__).parents[1], "karl.recipe.evolve", packages
    )


def head(root: Path, lib: Path, interpreter: str, told: str = _OBJECT) -> str:
    """Return what every command of a site begins with.

    :param told: the expression of what programs are told of an error.
    :raises UsageError: a path cannot be written into a script.
    """
    first = payload.first_lines(interpreter, _PYTHON_OPTIONS)
    return first + _HEAD.format(root=str(root), lib=str(lib), told=told)


def command(root: Path, lib: Path, interpreter: str, module: str) -> str:
    """Return the text of a command.

    :param lib: the folder of its code.
    :param interpreter: this machine's Python.
    :param module: has the function that is run, ``main(root, words)``.
    :raises UsageError: a path cannot be written into a script.
    """
    return head(root, lib, interpreter) + _COMMAND.format(module=module)


def render(site: SiteDeclaration, lib: Path, interpreter: str) -> dict[Path, str]:
    """Return the text of every command.

    :param lib: the folder of their code.
    :param interpreter: this machine's Python.
    :raises UsageError: a path cannot be written into a script.
    """
    places = site.places
    first = head(places.root, lib, interpreter)
    serve = _COMMAND.format(module="karl.recipe.evolve.serving.command")
    upgrade = _COMMAND.format(module="karl.recipe.evolve.upgrade.command")
    return {
        places.site_command: first + serve,
        places.evolve_command: first + upgrade,
        places.worker_command: first + _WORKER,
        places.evolve_run_command: head(places.root, lib, interpreter, _EVENT)
        + _EVOLVE_RUN.format(options=site.evolve_options),
        **_refresh(site, first),
        **_supervise(site, places),
    }


def _refresh(site: SiteDeclaration, first: str) -> dict[Path, str]:
    if site.refresh is None:
        return {}
    text = _COMMAND.format(module="karl.recipe.evolve.upgrade.refreshing")
    return {site.places.refresh_command: first + text}


def _supervise(site: SiteDeclaration, places: EvolveLayout) -> dict[Path, str]:
    if site.serving.control != "supervisord":
        return {}
    text = _SUPERVISE.format(
        program=shlex.quote(site.serving.supervisord),
        configuration=shlex.quote(str(places.supervisord_conf)),
    )
    return {places.supervise_command: text}
