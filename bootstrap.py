#!/usr/bin/env python3
"""Make this checkout ready for work: ``python3 bootstrap.py --help``.

Needs nothing but Python and its standard library.  This file is kept to a
syntax that any Python reads, so that an old one can say what is wrong; the
work is done by the package ``toolchain`` beside it.
"""

import os
import sys

OLDEST = (3, 11)

#: The exit code of everything that is missing on a machine.
PREREQUISITE = 7


def complaint(version: "tuple[int | str, ...]") -> str:
    """Return what is wrong with this Python version; empty: nothing."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    wanted = ".".join(str(number) for number in OLDEST)
    found = ".".join(str(number) for number in version[:3])
    return (
        "error: karl.recipe needs Python " + wanted + " or newer; "
        "this is Python " + found + " (" + (sys.executable) + ").\n"
        "next: Install a newer one (Debian: apt-get install python3 python3-venv) "
        "and run bootstrap.py with it.\n"
    )


def main() -> int:
    """Check the Python version, then do the work."""
    wrong = complaint(sys.version_info)
    if wrong:
        sys.stderr.write(wrong)
        return PREREQUISITE
    # No folder of code that we run may be open to strangers' writing.
    os.umask(os.umask(0o022) | 0o022)
    root = os.path.dirname(os.path.realpath(__file__))
    sys.path[:0] = [root, os.path.join(root, "src", "karl.recipe.release", "src")]
    from toolchain.command import run

    return run(root, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
