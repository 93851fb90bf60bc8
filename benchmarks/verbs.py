"""One verb of zeoctl in a process of its own, timed inside too.

``python -m benchmarks.verbs ROOT VERB ...`` does what ``bin/zeoctl VERB ... --json``
does, and then prints the seconds without the start of Python and imports.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.programs import ROOT, output

#: What verbs import when they need it; it is not what they do.
_LATE = ("ZODB.FileStorage", "ZODB.blob")


@dataclass(frozen=True)
class Done:
    """What a verb did.

    :ivar seconds: of the whole process.
    :ivar alone: seconds without the start of Python and imports.
    :ivar found: its result for the storage.
    """

    seconds: float
    alone: float
    found: Mapping[str, Any]


def run(root: Path, verb: str, storage: str, *options: str, home: Path) -> Done:
    """Run a verb for one storage.

    :param root: of the database server.
    :raises ProgramError: it failed.
    """
    start = time.perf_counter()
    words = [verb, storage, *options, "--json", "--quiet"]
    argv = [sys.executable, "-m", "benchmarks.verbs", str(root), *words]
    text = output(argv, home=home, cwd=ROOT)
    seconds = time.perf_counter() - start
    document, _, alone = text.strip().rpartition("\n")
    return Done(seconds, float(alone), json.loads(document)["storages"][storage])


def _main() -> int:
    from karl.recipe.zeoserver.commands import zeoctl

    root, *words = sys.argv[1:]
    zeoctl.find(words[0])
    for module in _LATE:
        importlib.import_module(module)
    start = time.perf_counter()
    code = zeoctl.main(root, words)
    print(time.perf_counter() - start)
    return code


if __name__ == "__main__":
    sys.exit(_main())
