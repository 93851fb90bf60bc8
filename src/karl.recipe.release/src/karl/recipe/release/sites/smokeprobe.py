"""The smoke test itself: runs inside a release, by the release's interpreter.

Imports every entry point it is given, tells which failed and why, and what the
process then has mapped.  Uses nothing of ours, opens nothing, writes nothing
but its report, and leaves without running what the imports left behind.

    smokeprobe.py MARK '{"entry_points": ["package.module:name", ...]}'
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any


def failure_of(entry_point: str) -> str:
    """Import what *entry_point* names; return why that failed, or ""."""
    module, _, attributes = entry_point.partition(":")
    try:
        found: Any = importlib.import_module(module.strip())
        for name in filter(None, attributes.split("[")[0].strip().split(".")):
            found = getattr(found, name)
    except BaseException as error:  # noqa: BLE001 - SystemExit is a failure too
        return "".join(traceback.format_exception_only(error)).strip()
    return ""


def mapped_libraries() -> list[str]:
    """Return the paths of the shared libraries that this process has mapped."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        words = (line.split(maxsplit=5) for line in maps)
        paths = {found[5].strip() for found in words if len(found) == 6}
    return sorted(path for path in paths if ".so" in os.path.basename(path))


def library_versions() -> dict[str, str]:
    """Return the versions that lxml says it runs with, by pkg-config's names."""
    etree = sys.modules.get("lxml.etree")
    return {
        name: ".".join(str(part) for part in getattr(etree, attribute))
        for name, attribute in (
            ("libxml-2.0", "LIBXML_VERSION"),
            ("libxslt", "LIBXSLT_VERSION"),
        )
        if hasattr(etree, attribute)
    }


def main() -> None:
    """Print the report behind the mark, and leave at once."""
    mark, request = sys.argv[1], json.loads(sys.argv[2])
    failures = {name: failure_of(name) for name in request["entry_points"]}
    report = {
        "failures": {name: reason for name, reason in failures.items() if reason},
        "libraries": mapped_libraries(),
        "versions": library_versions(),
    }
    sys.stdout.flush()
    os.write(1, f"\n{mark} {json.dumps(report)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
