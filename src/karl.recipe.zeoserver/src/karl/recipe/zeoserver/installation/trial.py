"""Trying, with the software of servers itself, what only it can judge."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

from karl.recipe.release.base import files, process
from karl.recipe.release.base.errors import ProcessError, UsageError
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.rendering import zeoconf

#: Reads a configuration as a server does, and opens nothing.
_PROGRAM = """\
import os, sys, ZConfig, ZEO
schema = ZConfig.loadSchema(os.path.join(os.path.dirname(ZEO.__file__), "schema.xml"))
try:
    ZConfig.loadConfig(schema, sys.argv[1])
except ZConfig.ConfigurationError as error:
    sys.exit(str(error))
"""

#: Seconds that this may take.
_TIMEOUT = 60.0


def check_additions(central: Central) -> None:
    """Refuse lines of ``zeo.conf`` from options with which no server would start.

    Without a live release there is nothing to try them with, and no server yet.

    :raises UsageError: ZEO does not understand them.
    """
    python = central.places.release_python
    wrong = [
        f"{name}: {said}"
        for name, declared in sorted(central.storages.items())
        if declared.zeo_conf_additional or declared.log_custom
        if os.access(python, os.X_OK) and (said := _try(central, name, python))
    ]
    if wrong:
        raise UsageError(
            f"ZEO does not understand what options add: {'; '.join(wrong)}.",
            "Correct zeo-conf-additional and zeo-log-custom; nothing was written.",
        )


def _try(central: Central, name: str, python: Path) -> str:
    """Return what ZEO says against a storage's configuration; empty: nothing."""
    declared = dataclasses.replace(central.storages[name], tls=None)
    with tempfile.TemporaryDirectory(prefix="zeo-") as folder:
        trial = dataclasses.replace(central, root=folder, storages={name: declared})
        places = trial.storage_places(name)
        path = trial.places.zeo_conf(name, SIDES[0])
        files.make_directory(places.copy(1).root)
        text = zeoconf.render(trial, name, SIDES[0], 1, read_only=False)
        files.write(path, text)
        try:
            process.run([python, "-I", "-B", "-c", _PROGRAM, path], timeout=_TIMEOUT)
        except ProcessError as error:
            lines = error.output.strip().splitlines()
            told = lines[-1 if lines[0].startswith("Traceback") else 0]
            return told.replace(folder, "")
    return ""
