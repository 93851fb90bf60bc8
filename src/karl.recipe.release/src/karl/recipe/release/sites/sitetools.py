"""Writing a site's own commands, which outlive the checkout.

``<site>/lib/<digest>/`` gets a copy of exactly the modules that
``switch-version`` needs, byte-compiled; ``<site>/bin/switch-version`` names that
folder.  Both are complete or absent at every moment, and a site's commands go
on working while they are replaced.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from karl.recipe.release.base import files, generated, manuals, payload
from karl.recipe.release.base.errors import BusyError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.sites.siteconfig import SiteConfig

__all__ = ["MODULES", "SiteConfig", "install"]

#: The modules of this package that ``switch-version`` needs: standard library
#: only.  A test compares this list with what it really imports.
MODULES = (
    "__init__",
    "base/__init__",
    "base/accounts",
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
    "base/waiting",
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
    "sites/switching",
    "sites/switchoptions",
    "sites/switchplan",
    "trees/__init__",
    "trees/manifest",
    "trees/verification",
)

_COMMAND = "switch-version"
_PACKAGE = "karl.recipe.release"
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
    code = read_payload()
    lib = site.lib / payload.digest_of(code)
    script = render_script(payload.base_interpreter(), lib, site.root)
    with locked(site.tools_lock, "write the site's commands", wait=60.0):
        command = {site.bin / _COMMAND: script}
        package = Path(__file__).parents[1]
        manual = manuals.texts(package, site.share, [_COMMAND])
        files.remove_partial(site.lib)
        generated.remove_leftovers([site.config, *command, *manual])
        payload.write(lib, code)
        changed = generated.write({site.config: config.to_text()})
        changed += generated.write(command, 0o755)
        generated.write(manual)
        if changed:
            reporter.say(f"Wrote {site.bin / _COMMAND}")
        _remove_unused(site)


def read_payload() -> dict[str, bytes]:
    """Return the content of each file of the payload, by its relative path."""
    return payload.read(Path(__file__).parents[1], _PACKAGE, MODULES)


def render_script(interpreter: str, lib: Path, site: Path) -> str:
    """Return the text of the command.

    :raises UsageError: a path has a character that neither can carry.
    """
    first = payload.first_lines(interpreter, _PYTHON_OPTIONS)
    return f"{first}{_BODY.format(lib=str(lib), site=str(site))}"


def _remove_unused(site: SiteLayout) -> None:
    """Remove code that no command of the site names any more.

    Not while a command of the site may be running it.
    """
    with contextlib.suppress(BusyError), locked(site.switch_lock, "tidy up"):
        payload.remove_unused(site.lib, site.bin)
