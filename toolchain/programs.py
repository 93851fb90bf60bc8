"""The commands in ``bin/``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files, manuals
from toolchain.checkout import Checkout

_FRAME = """\
#!/bin/sh
# Made by bootstrap.py.
umask g-w,o-w
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
if [ "$root" != {root} ] || [ ! -x "$root/.venv/bin/{program}" ]; then
    echo "error: {lack}" >&2
    echo "next: In $root run: python3 bootstrap.py{option}" >&2
    exit 7
fi
{run}
"""

#: buildout would replace itself, pip, setuptools and wheel by what a [versions]
#: section says.  Ours are the toolchain's, whatever a site's index pins; with
#: this variable buildout takes the replacement as done.
_NO_UPGRADE = "export BUILDOUT_RESTART_AFTER_UPGRADE=1\n"

_LACK = (
    "This checkout has no environment for its tools, or was moved or copied since "
    "it was made."
)
_TEST_LACK = "The test tools are not installed, or the checkout was moved or copied."

#: A warning is an error: a link that leads nowhere, a page in no list of contents.
_DOCS = """\
"$root/.venv/bin/python" -I -m sphinx --quiet --fail-on-warning --keep-going \\
    --nitpicky -c docs -d docs/_build/doctrees . docs/_build/site "$@" &&
    echo "$root/docs/_build/site/index.html\""""

_TOUR = 'exec "$root/.venv/bin/python" -I "$root/tour/__main__.py" "$@"'

_TESTS = 'exec "$root/.venv/bin/python" -I -m pytest "$@"'


@dataclass(frozen=True)
class _Program:
    """A command.

    :ivar needs: the program in the environment without which it cannot run.
    :ivar run: how it is run, in the words of a shell.
    :ivar for_tests: whether it needs ``--test``; it then runs in the checkout.
    """

    needs: str
    run: str
    for_tests: bool = False

    def rendered(self, root: Path) -> str:
        """Return the script."""
        return _FRAME.format(
            root=shlex.quote(str(root)),
            program=self.needs,
            lack=_TEST_LACK if self.for_tests else _LACK,
            option=" --test" if self.for_tests else "",
            run=f'cd "$root" && {self.run}' if self.for_tests else self.run,
        )


_RUN = 'exec "$root/.venv/bin/python" -I "$root/.venv/bin/{0}" "$@"'

#: By the name of the command.
_PROGRAMS = {
    "buildout": _Program("buildout", _NO_UPGRADE + _RUN.format("buildout")),
    "karl-index": _Program("karl-index", _RUN.format("karl-index")),
    "tour": _Program("python", _TOUR),
    "test": _Program("pytest", _TESTS, for_tests=True),
    "docs": _Program("sphinx-build", _DOCS, for_tests=True),
}


def rendered(root: Path) -> dict[str, str]:
    """Return the commands of the checkout *root*: name and content."""
    return {name: program.rendered(root) for name, program in _PROGRAMS.items()}


def written(checkout: Checkout) -> list[str]:
    """Write the commands that are not as they should be; return their names.

    Their man pages and completion come with them.
    """
    for package, name in (
        (checkout.release_package, "karl-index"),
        (checkout.tour_package, "tour"),
    ):
        for path, text in manuals.texts(package, checkout.share, [name]).items():
            files.write_if_changed(path, text)
    return [
        name
        for name, content in rendered(checkout.root).items()
        if files.write_if_changed(checkout.bin / name, content, 0o755)
    ]
