"""The commands in ``bin/``."""

from __future__ import annotations

import shlex
from pathlib import Path

from karl.recipe.release import files
from toolchain.checkout import Checkout

_FRAME = """\
#!/bin/sh
# Made by bootstrap.py.
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
if [ "$root" != {root} ] || [ ! -x "$root/.venv/bin/{program}" ]; then
    echo "error: {lack}" >&2
    echo "next: In $root run: python3 bootstrap.py{option}" >&2
    exit 7
fi
{run}
"""

_LACK = (
    "This checkout has no environment for its tools, or was moved or copied since "
    "it was made."
)
_TEST_LACK = "The test tools are not installed, or the checkout was moved or copied."


def rendered(root: Path) -> dict[str, str]:
    """Return the commands of the checkout *root*: name and content."""
    plain = {
        name: _FRAME.format(
            root=shlex.quote(str(root)),
            program=name,
            lack=_LACK,
            option="",
            run=f'exec "$root/.venv/bin/python" "$root/.venv/bin/{name}" "$@"',
        )
        for name in ("buildout", "karl-index")
    }
    test = _FRAME.format(
        root=shlex.quote(str(root)),
        program="pytest",
        lack=_TEST_LACK,
        option=" --test",
        run='cd "$root" && exec "$root/.venv/bin/python" -m pytest "$@"',
    )
    return {**plain, "test": test}


def written(checkout: Checkout) -> list[str]:
    """Write the commands that are not as they should be; return their names."""
    return [
        name
        for name, content in rendered(checkout.root).items()
        if files.write_if_changed(checkout.bin / name, content, 0o755)
    ]
