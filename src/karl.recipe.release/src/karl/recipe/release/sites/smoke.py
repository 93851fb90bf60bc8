"""The smoke test: that the entry points of a release import, and from what."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import (
    DamagedError,
    ProcessError,
    RefusedError,
    TimeLimitError,
)
from karl.recipe.release.base.names import extension_module
from karl.recipe.release.base.process import clean_environment, run
from karl.recipe.release.base.reporter import Reporter, counted
from karl.recipe.release.sites import smokeprobe
from karl.recipe.release.sites.releasecheck import CheckedRelease

_PROBE = Path(smokeprobe.__file__)


def smoke_test(
    checked: CheckedRelease, timeout: float, reporter: Reporter
) -> list[str]:
    """Import the entry points of a release, in a process of its own.

    It runs the release's interpreter, isolated (``-I``), in a clean environment,
    and writes no bytecode (``-B``).

    :param timeout: seconds that it may take.
    :returns: what the operator should know.
    :raises RefusedError: an import fails, or the test does not end.
    :raises DamagedError: a library that must be the system's comes from the tree.
    """
    recorded = checked.manifest.system_libraries
    entry_points = [*checked.manifest.smoke, *_linked_modules(recorded)]
    version = checked.layout.root.name
    imports = counted(len(entry_points), "imports")
    reporter.say(f"Smoke test of release {version}: {imports}")
    report = _report(checked, entry_points, timeout)
    failures = report["failures"]
    if failures:
        told = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise RefusedError(
            f"The smoke test of release {version} failed: {told}.",
            "The release cannot start; nothing was switched. Build a new version.",
        )
    warnings = check_linkage(recorded, report, checked.layout.root)
    for warning in warnings:
        reporter.warn(warning)
    return warnings


def _report(
    checked: CheckedRelease, entry_points: list[str], timeout: float
) -> Mapping[str, Any]:
    version = checked.layout.root.name
    mark = f"smoke-{os.urandom(8).hex()}"
    argv = (
        _interpreter(checked), "-I", "-B", _PROBE, mark,
        json.dumps({"entry_points": entry_points}),
    )  # fmt: skip
    try:
        output = run(
            argv,
            env=clean_environment(HOME="/nonexistent"),
            cwd=Path("/"),
            timeout=timeout,
        )
    except TimeLimitError as error:
        raise RefusedError(
            f"The smoke test of release {version} took longer than {timeout:g} s; "
            "nothing was switched.",
            f"{error.tip}\nIf it only needs longer: --smoke-timeout SECONDS.".lstrip(),
        ) from error
    except ProcessError as error:
        end = "was killed" if error.status < 0 else "ended"
        raise RefusedError(
            f"The smoke test of release {version} {end} with status "
            f"{error.status}; nothing was switched.",
            error.tip,
        ) from error
    for line in reversed(output.splitlines()):
        if line.startswith(f"{mark} "):
            report: Mapping[str, Any] = json.loads(line[len(mark) + 1 :])
            return report
    raise RefusedError(
        f"The smoke test of release {version} left without a report.",
        f"One of its entry points ends the process. Its output:\n{output[-2000:]}",
    )


def _interpreter(checked: CheckedRelease) -> Path:
    """Return the release's interpreter, which may be another Python than ours."""
    folder = os.path.dirname(
        os.path.relpath(checked.layout.interpreter, checked.layout.root)
    )
    for path in checked.manifest.links:
        if os.path.dirname(path) == folder:
            return checked.layout.root / path
    return checked.layout.interpreter


def check_linkage(
    recorded: Mapping[str, Any], report: Mapping[str, Any], root: Path
) -> list[str]:
    """Compare the libraries that were loaded with those that were recorded.

    :param recorded: ``system_libraries`` of the manifest.
    :param report: of the probe.
    :param root: of the release.
    :returns: which of the system's libraries are others by now.
    :raises DamagedError: one of them is not the system's, or is not loaded at all.
    """
    warnings = []
    for project, proof in sorted(recorded.items()):
        for name, library in sorted(proof["libraries"].items()):
            found = _loaded(library["sonames"], report["libraries"])
            inside = [path for path in found if Path(path).is_relative_to(root)]
            if inside or not found:
                raise DamagedError(
                    f"{project} of release {root.name} must use the system's {name}, "
                    f"but loads {', '.join(inside) or 'none'}.",
                    "Build a new version of the release on this machine.",
                )
            now = report["versions"].get(name, library["version"])
            names = sorted(os.path.basename(path) for path in found)
            if now != library["version"] or names != sorted(library["files"]):
                warnings.append(
                    f"{project} was built with {name} {library['version']} "
                    f"({', '.join(library['files'])}); the system has {now} "
                    f"({', '.join(names)}) now."
                )
    return warnings


def _loaded(sonames: Iterable[str], libraries: Iterable[str]) -> list[str]:
    """Return the loaded files that are one of these shared libraries."""
    stems = tuple(f"{soname.partition('.so')[0]}.so" for soname in sonames)
    return [path for path in libraries if os.path.basename(path).startswith(stems)]


def _linked_modules(recorded: Mapping[str, Any]) -> list[str]:
    """Return the extension modules whose linkage was proven at the build."""
    return sorted(
        extension_module(path)
        for proof in recorded.values()
        for path in proof["modules"]
    )
