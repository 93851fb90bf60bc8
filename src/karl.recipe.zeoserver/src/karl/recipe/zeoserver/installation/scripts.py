"""The text of the generated commands, and the code that they run.

Each is a script of this machine's Python, which goes on with the interpreter of
the live release: so it says in plain words if there is none, and never runs for
a server that was copied or moved.
"""

from __future__ import annotations

from pathlib import Path

from karl.recipe.release.base import payload
from karl.recipe.zeoserver.layouts.central import CentralLayout

#: Packages of which generated commands need every module.
_PACKAGES = (
    "layouts", "declaration", "rendering", "databases", "servers", "backups",
    "operations", "commands",
)  # fmt: skip

#: Isolated from the environment, and without ``site``: it only finds the release.
_PYTHON_OPTIONS = "-IS"

_BODY = """\
# Written by karl.recipe.zeoserver; the next buildout run writes it again.
import os
import sys

root = {root!r}
lib = {lib!r}
python = {python!r}


def refuse(message, tip):
    print("error: " + message, "next: " + tip, sep="\\n", file=sys.stderr)
    # As zeoctl-ssh is asked for it.
    asked = sys.argv + os.environ.get("SSH_ORIGINAL_COMMAND", "").split()
    if "--json" in asked:
        import json

        error = {{"message": message, "next": tip, "exit": 3}}
        print(json.dumps({{"error": error}}, indent=1, sort_keys=True))
    sys.exit(3)


here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if here != os.path.realpath(root):
    refuse(
        "This command is of the database server " + root + ", not of " + here + ".",
        "It was copied or moved. Use it at its own place; at another, run the "
        "buildout with that root.",
    )
if "release" not in sys._xoptions:
    try:
        words = [python, "-I", "-B", "-X", "release", os.path.realpath(__file__)]
        os.execv(python, words + sys.argv[1:])
    except OSError as error:
        refuse(
            "The software is not there: " + python + " (" + error.strerror + ").",
            "Make a release current: " + root + "/bin/switch-version VERSION.",
        )
{run}"""

#: The folder is held, so that it stays while this runs.
_OURS = """\
import fcntl

try:
    held = os.open(lib, os.O_RDONLY)
except OSError as error:
    refuse(
        "The code of this command is not there: " + lib + ".",
        "Run the buildout of the database server again.",
    )
fcntl.flock(held, fcntl.LOCK_SH)
sys.path.insert(0, lib)

from {module} import main

sys.exit(main(root, sys.argv[1:]))
"""

_SUPERVISE = """\
from supervisor.supervisord import main

main(["--nodaemon", "--configuration", {configuration!r}])
"""


def read_payload() -> dict[str, bytes]:
    """Return the content of each file of the payload, by its relative path."""
    return payload.read_with_base(
        Path(__file__).parents[1], "karl.recipe.zeoserver", _PACKAGES
    )


def render(places: CentralLayout, lib: Path, interpreter: str) -> dict[Path, str]:
    """Return the text of every command.

    :param lib: the folder of their code.
    :param interpreter: this machine's Python.
    :raises UsageError: a path cannot be written into a script.
    """
    first = payload.first_lines(interpreter, _PYTHON_OPTIONS)
    runs = {
        places.zeoctl: _OURS.format(module="karl.recipe.zeoserver.commands.zeoctl"),
        places.zeoctl_ssh: _OURS.format(module="karl.recipe.zeoserver.commands.forced"),
        places.runner: _OURS.format(module="karl.recipe.zeoserver.servers.runner"),
        places.supervise: _SUPERVISE.format(configuration=str(places.supervisord_conf)),
    }
    return {
        path: first
        + _BODY.format(
            root=str(places.root),
            lib=str(lib),
            python=str(places.release_python),
            run=run,
        )
        for path, run in runs.items()
    }
