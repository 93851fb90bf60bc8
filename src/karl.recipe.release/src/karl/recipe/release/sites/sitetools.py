"""Writing a site's own commands, which outlive the checkout.

``<site>/lib/<digest>/`` gets a copy of exactly the modules that
``switch-version`` needs, byte-compiled; ``<site>/bin/switch-version`` names that
folder.  Both are complete or absent at every moment, and a site's commands go
on working while they are replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import py_compile
import shlex
from collections.abc import Mapping
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, UsageError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.trees.interpreter import base_interpreter

__all__ = ["MODULES", "SiteConfig", "install"]

#: The modules of this package that ``switch-version`` needs: standard library
#: only.  A test compares this list with what it really imports.
MODULES = (
    "__init__",
    "base/__init__",
    "base/command",
    "base/console",
    "base/errors",
    "base/files",
    "base/journal",
    "base/layout",
    "base/locks",
    "base/names",
    "base/process",
    "base/reporter",
    "sites/__init__",
    "sites/hooks",
    "sites/listing",
    "sites/prune",
    "sites/recovery",
    "sites/releasecheck",
    "sites/revisionlog",
    "sites/revisions",
    "sites/runs",
    "sites/siteconfig",
    "sites/sitestate",
    "sites/smallchanges",
    "sites/smoke",
    "sites/smokeprobe",
    "sites/switch",
    "sites/switchcli",
    "sites/switchoptions",
    "sites/switchplan",
    "trees/__init__",
    "trees/manifest",
)

_COMMAND = "switch-version"
_PACKAGE = Path("karl", "recipe", "release")
_SHEBANG_LIMIT = 127
#: Isolated from the environment, and without ``site``: nothing that is
#: installed on the machine can get in the way, or cost time.
_PYTHON_OPTIONS = "-IS"

#: A copy must not switch the site that it was copied from, and a site that was
#: moved has lost the folders that its releases' scripts name.
_BODY = """\
# Written by karl.recipe.release; the next buildout run writes it again.
import gc
import os
import sys

# It lives for a moment: collecting garbage would take a tenth of that.
gc.disable()
here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if here != os.path.realpath({site!r}):
    message = "This command is of the site " + {site!r} + ", not of " + here + "."
    tip = (
        "The site was copied or moved. Use it at its own place; at another, run "
        "the buildout with that root: a release cannot be moved."
    )
    print("error: " + message, "next: " + tip, sep="\\n", file=sys.stderr)
    if "--json" in sys.argv:
        import json

        error = {{"message": message, "next": tip, "exit": 3}}
        print(json.dumps({{"error": error}}, indent=1, sort_keys=True))
    sys.exit(3)
sys.path.insert(0, {lib!r})

from karl.recipe.release.sites.switchcli import main

code = main({site!r})
gc.freeze()
sys.exit(code)
"""


def install(
    site: SiteLayout, config: SiteConfig, reporter: Reporter | None = None
) -> None:
    """Write ``etc/site.json``, the code and the command of a site.

    Idempotent; writes only what is not as it should be; never touches a
    release, a revision or ``current``.

    :raises UsageError: a path cannot be written into a script.
    """
    reporter = reporter or SilentReporter()
    payload = read_payload()
    lib = site.lib / digest_of(payload)
    script = render_script(base_interpreter(), lib, site.root)
    with locked(site.tools_lock, "write the site's commands", wait=60.0):
        for folder in (site.lib, site.bin, site.etc):
            _remove_leftovers(folder)
        _write_payload(lib, payload)
        changed = files.write_if_changed(site.config, config.to_text())
        changed |= files.write_if_changed(site.bin / _COMMAND, script, 0o755)
        if changed:
            reporter.say(f"Wrote {site.bin / _COMMAND}")
        _remove_unused(site)


def read_payload() -> dict[str, bytes]:
    """Return the content of each file of the payload, by its relative path."""
    source = Path(__file__).parents[1]
    return {
        str(_PACKAGE / f"{name}.py"): (source / f"{name}.py").read_bytes()
        for name in MODULES
    }


def digest_of(payload: Mapping[str, bytes]) -> str:
    """Return the name of the folder for a payload, and this Python's bytecode."""
    digest = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for path in sorted(payload):
        digest.update(f"{path}\0{len(payload[path])}\0".encode())
        digest.update(payload[path])
    return digest.hexdigest()[:16]


def render_script(interpreter: str, lib: Path, site: Path) -> str:
    """Return the text of the command.

    The kernel cuts a first line that is too long and splits it at blanks; such
    an interpreter is run through ``/bin/sh``.

    :raises UsageError: a path has a character that neither can carry.
    """
    if not interpreter.isprintable() or "\\" in interpreter:
        raise UsageError(
            f"The path {interpreter!r} cannot be written into a script.",
            "Run the buildout with a Python that is somewhere else.",
        )
    first = f"#!{interpreter} {_PYTHON_OPTIONS}"
    if " " in interpreter or len(first.encode()) > _SHEBANG_LIMIT:
        quoted = shlex.quote(interpreter)
        first = f"#!/bin/sh\n'''exec' {quoted} {_PYTHON_OPTIONS} \"$0\" \"$@\"\n' '''"
    return f"{first}\n{_BODY.format(lib=str(lib), site=str(site))}"


def _write_payload(lib: Path, payload: Mapping[str, bytes]) -> None:
    """Write the code, or repair what is not as it was written."""
    if lib.is_dir():
        for path, content in payload.items():
            changed = files.write_if_changed(lib / path, content, files.SEALED_FILE)
            if changed or not _bytecode(lib / path).is_file():
                _compile(lib, lib, path)
        return
    with files.new_tree(lib) as partial:
        for path, content in payload.items():
            source = partial / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(content)
            source.chmod(files.SEALED_FILE)
            _compile(partial, lib, path)


def _bytecode(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def _compile(root: Path, final: Path, path: str) -> None:
    """Compile one file below *root* to be read at *final*, never checked again."""
    py_compile.compile(
        str(root / path),
        dfile=str(final / path),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed run of ours left in a folder that others use too."""
    ours = tuple(f"{files.PARTIAL_PREFIX}{name}" for name in (_COMMAND, "site.json-"))
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if files.is_partial(path) and (
            folder.name == "lib" or path.name.startswith(ours)
        ):
            files.remove_tree(path)


def _remove_unused(site: SiteLayout) -> None:
    """Remove code that no command of the site names any more.

    Not while a command of the site may be running it.
    """
    with contextlib.suppress(BusyError), locked(site.switch_lock, "tidy up"):
        named = "".join(
            path.read_text(errors="replace")
            for path in site.bin.iterdir()
            if path.is_file()
        )
        for path in site.lib.iterdir():
            if str(path) not in named and not path.name.startswith("."):
                files.remove_tree(path)
