"""What building against the system's libraries needs, probed and named.

A library is there if its header can be found with the flags that pkg-config,
or the library's own ``-config`` program, tells; its version is the one that
the header has, which is what gets compiled in.  The compiler reads the header;
where there is none, because what it would build is there already, we do.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import KarlError, PrerequisiteError
from karl.recipe.release.building.linkedprojects import Library, LinkedProject

#: What tells where libraries are, and so must reach probes and builds alike.
_KEPT = ("PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR", "CPATH")

_MARK = "KARL_VERSION"

_VERSION = r'"?([0-9][\w.+~-]*)"?'


def environment() -> dict[str, str]:
    """Return the variables that say where libraries are."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def compiler() -> list[str]:
    """Return the command of the C compiler that Python's own builds use."""
    return shlex.split(sysconfig.get_config_var("CC") or "cc")[:1]


def compiler_version() -> str:
    """Return what the compiler says of itself, one line."""
    return _told([*compiler(), "--version"]).splitlines()[0]


def check(projects: Iterable[LinkedProject]) -> None:
    """Check that the wheels of *projects* can be built.

    :raises PrerequisiteError: something is missing; names every Debian package.
    """
    wanted = list(projects)
    missing: dict[str, str] = {}
    if wanted:
        missing.update(_missing_tools())
    for project in wanted:
        for package, program in project.packages:
            if not shutil.which(program):
                missing.setdefault(package, program)
        for library in project.libraries:
            if version_of(library) is None:
                missing.setdefault(library.package, library.header or library.module)
    if missing:
        things = ", ".join(dict.fromkeys(missing.values()))
        names = ", ".join(project.name for project in wanted)
        raise PrerequisiteError(
            f"This machine lacks what {names} is built with: {things}.",
            f"On Debian and Ubuntu: apt-get install {' '.join(sorted(missing))}",
        )


def check_proving(projects: Iterable[LinkedProject]) -> None:
    """Check that it can be proven how wheels of *projects*, built before, link.

    :raises PrerequisiteError: the program that looks into them is missing.
    """
    names = ", ".join(project.name for project in projects)
    if names and not shutil.which("readelf"):
        raise PrerequisiteError(
            f"This machine lacks readelf, which proves how {names} is linked.",
            "On Debian and Ubuntu: apt-get install binutils",
        )


def _has_compiler() -> bool:
    return shutil.which(compiler()[0]) is not None


def _missing_tools() -> Iterable[tuple[str, str]]:
    if not _has_compiler():
        yield "gcc", "a C compiler"
    elif not _preprocessed("#include <stdio.h>\n", []):
        yield "libc6-dev", "the headers of the C library"
    if not shutil.which("readelf"):
        yield "binutils", "readelf"
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        yield _python_package(), f"Python.h in {include}"


def _python_package() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"python{version}-dev"


def versions(project: LinkedProject) -> dict[str, str]:
    """Return the version of each library of *project*, by its module.

    :raises PrerequisiteError: one is missing.
    """
    found: dict[str, str] = {}
    for library in project.libraries:
        version = version_of(library)
        if version is None:
            check([project])
            raise PrerequisiteError(
                f"The version of {library.module} cannot be told.",
                f"On Debian and Ubuntu: apt-get install {library.package}",
            )
        found[library.module] = version
    return found


def version_of(library: Library) -> str | None:
    """Return the version of the library's headers; None if they are missing."""
    flags = _flags(library)
    if flags is None:
        return None
    if not library.header:
        return _told(["pkg-config", "--modversion", library.module]).strip() or None
    if not _has_compiler():
        return _defined(library, flags)
    source = f"#include <{library.header}>\n{_MARK} {library.macro}\n"
    text = _preprocessed(source, flags)
    match = re.search(rf"^{_MARK}\s+{_VERSION}", text, re.MULTILINE)
    return match[1] if match else None


def _defined(library: Library, flags: list[str]) -> str | None:
    """Return the version that the text of the header defines."""
    folders = [flag.removeprefix("-I") for flag in flags if flag.startswith("-I")]
    folders += filter(None, os.environ.get("CPATH", "").split(os.pathsep))
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders += ["/usr/local/include", f"/usr/include/{multiarch}", "/usr/include"]
    for folder in folders:
        try:
            text = Path(folder, library.header).read_text("utf-8", "replace")
        except OSError:
            continue
        macro = rf"^[ \t]*#[ \t]*define[ \t]+{re.escape(library.macro)}[ \t]+"
        match = re.search(macro + _VERSION, text, re.MULTILINE)
        return match[1] if match else None
    return None


def links(library: Library) -> tuple[str, ...]:
    """Return the names that ``-l`` takes for the library."""
    if library.links:
        return library.links
    words = shlex.split(_told(["pkg-config", "--libs-only-l", library.module]))
    return tuple(word.removeprefix("-l") for word in words if word.startswith("-l"))


def _flags(library: Library) -> list[str] | None:
    """Return the compiler's flags; None if nobody knows the library."""
    if shutil.which("pkg-config"):
        argv = ["pkg-config", "--cflags", library.module]
        if _told(["pkg-config", "--modversion", library.module]):
            return shlex.split(_told(argv))
    if library.config and shutil.which(library.config):
        return shlex.split(_told([library.config, "--cflags"]))
    return None


def _preprocessed(source: str, flags: list[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="karl-probe-") as folder:
        path = Path(folder, "probe.c")
        path.write_text(source, encoding="ascii")
        return _told([*compiler(), "-E", "-P", *flags, str(path)])


def _told(argv: list[str]) -> str:
    """Return what a program says; nothing if it fails or is not there."""
    try:
        return process.run(argv, env=process.clean_environment(**environment()))
    except KarlError:
        return ""
