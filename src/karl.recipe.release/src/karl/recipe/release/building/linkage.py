"""The proof that a project is linked with the system's libraries.

Three witnesses: the ELF files (what they need, and that they bring nothing),
the loader (what a process has mapped after importing them), and the project
itself (which versions it was compiled with and runs with).
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import DamagedError, ProcessError
from karl.recipe.release.base.names import extension_module, normalised
from karl.recipe.release.building import archives, prerequisites
from karl.recipe.release.building.elf import Elf
from karl.recipe.release.building.linkedprojects import LinkedProject

_SHARED = re.compile(r"\.so(?:\.|\Z)")

#: A function of each library that something with a copy inside defines itself.
_TELLTALES = {
    "libxml-2.0": ("xmlParseDocument", "xmlReadMemory"),
    "libxslt": ("xsltApplyStylesheet", "xsltParseStylesheetDoc"),
    "libexslt": ("exsltRegisterAll",),
    "xmlsec1": ("xmlSecInit",),
}

#: Imports modules, then tells what is mapped and what they say of versions.
_PROBE = """
import importlib, json, sys
place, modules, versions = json.loads(sys.argv[1])
sys.path.insert(0, place)
for name in modules:
    importlib.import_module(name)
told = []
for name in versions:
    module, _, attribute = name.partition(":")
    value = getattr(importlib.import_module(module), attribute)
    told.append(list(value() if callable(value) else value))
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as stream:
    fields = [line.rstrip("\\n").split(None, 5) for line in stream]
files = sorted({field[5] for field in fields if len(field) == 6})
print("KARL " + json.dumps([told, [name for name in files if ".so" in name]]))
"""


def prove(
    site_packages: Path, interpreter: Path, project: LinkedProject
) -> dict[str, Any]:
    """Prove how *project*, installed in *site_packages*, is linked.

    :param interpreter: that runs what is installed there.
    :returns: for the manifest: the libraries, by module, with soname, file and
        version, and which extension module needs which; the same every time.
    :raises DamagedError: it brings a copy of a library, or is linked otherwise
        than with the system's.
    :raises PrerequisiteError: the system's version cannot be told.
    """
    recorded = _recorded(site_packages, project)
    proof = _prove_files(site_packages, recorded, project)
    modules = [extension_module(name) for name in proof["modules"]]
    told, mapped = _probed(site_packages, interpreter, project, modules)
    system = prerequisites.versions(project)
    for (module, source), version in zip(project.versions, told, strict=True):
        if not _same(version, system[module]):
            raise _wrong(
                project,
                f"{source} is {_dotted(version)}, but the system has "
                f"{module} {system[module]}",
            )
    tree = site_packages.resolve()
    for library in project.libraries:
        entry = proof["libraries"][library.module]
        entry["version"] = system[library.module]
        entry["files"] = [
            _mapped_once(soname, mapped, tree, project) for soname in entry["sonames"]
        ]
    return proof


def prove_wheel(wheel: Path, project: LinkedProject) -> dict[str, Any]:
    """Prove how the extension modules in *wheel* are linked; see :func:`prove`.

    Only the files are looked at; nothing is imported.

    :raises DamagedError: it brings a copy of a library.
    """
    with tempfile.TemporaryDirectory(prefix="karl-linkage-") as name:
        folder = Path(name)
        entries = archives.read_zip(wheel)
        archives.write_entries(entries, folder, wheel)
        return _prove_files(folder, sorted(one.name for one in entries), project)


def refuse_copies(names: Iterable[str], projects: Iterable[LinkedProject]) -> None:
    """Refuse a tree in which any distribution brings a library of *projects*.

    :param names: every file of the tree.
    :raises DamagedError: tells all such files.
    """
    links = {
        link
        for project in projects
        for library in project.libraries
        for link in prerequisites.links(library)
    }
    found = sorted(name for name in names if ".so" in name and _is_copy(name, links))
    if found:
        raise DamagedError(
            "The release would bring its own copies of libraries that must be the "
            f"system's: {', '.join(found)}.",
            "Take out the distribution that has them, list it as system-linked too, "
            "or take the project that must use the system's out of system-linked.",
        )


def _prove_files(
    root: Path, names: Iterable[str], project: LinkedProject
) -> dict[str, Any]:
    """Prove what the files alone can tell."""
    shared = [name for name in names if _SHARED.search(name.rpartition("/")[2])]
    links = {lib.module: prerequisites.links(lib) for lib in project.libraries}
    for name in shared:
        for library in project.libraries:
            if _is_copy(name, links[library.module]):
                raise _wrong(project, f"it brings its own {library.module}: {name}")
    elves = {name: Elf.read(root / name) for name in shared}
    for name, elf in elves.items():
        _check_elf(name, elf, root, project)
    sonames = {
        library.module: sorted(
            {
                soname
                for elf in elves.values()
                for soname in elf.needed
                if _is_copy(soname, links[library.module])
            }
        )
        for library in project.libraries
    }
    for library in project.libraries:
        if not sonames[library.module]:
            raise _wrong(project, f"nothing in it is linked with {library.module}")
    wanted = {soname for found in sonames.values() for soname in found}
    return {
        "libraries": {module: {"sonames": found} for module, found in sonames.items()},
        "modules": {
            name: sorted(wanted & set(elf.needed))
            for name, elf in sorted(elves.items())
            if wanted & set(elf.needed)
        },
    }


def _check_elf(name: str, elf: Elf, root: Path, project: LinkedProject) -> None:
    """Check that one file neither has a library inside nor looks beside itself."""
    for folder in elf.search:
        inside = Path(folder).is_absolute() and Path(folder).is_relative_to(root)
        if inside or "$ORIGIN" in folder or "${ORIGIN}" in folder:
            raise _wrong(project, f"{name} looks for libraries in {folder}")
    defined = elf.defined()
    for library in project.libraries:
        for symbol in _TELLTALES.get(library.module, ()):
            if symbol in defined:
                raise _wrong(
                    project, f"{name} has {library.module} inside: it defines {symbol}"
                )


def _is_copy(name: str, links: Iterable[str]) -> bool:
    """Tell whether a file or soname is that of one of the libraries *links*.

    ``libxml2-0123abcd.so.2`` is what auditwheel calls a copy.
    """
    base = name.rpartition("/")[2]
    return any(
        re.match(rf"lib{re.escape(link)}(?:-[0-9a-f]+)?\.so(?:\.|\Z)", base)
        for link in links
    )


def _recorded(site_packages: Path, project: LinkedProject) -> list[str]:
    """Return the files of *project*, as its RECORD lists them."""
    for folder in sorted(site_packages.glob("*.dist-info")):
        if normalised(folder.name.partition("-")[0]) == project.name:
            with (folder / "RECORD").open(encoding="utf-8", newline="") as stream:
                listed = [row[0] for row in csv.reader(stream) if row]
            # What no RECORD lists but lies where auditwheel puts copies counts too.
            beside = site_packages.glob("*.libs/*")
            extra = [path.relative_to(site_packages).as_posix() for path in beside]
            return sorted(
                {name for name in (*listed, *extra) if (site_packages / name).is_file()}
            )
    raise _wrong(project, f"it is not installed in {site_packages}")


def _probed(
    site_packages: Path,
    interpreter: Path,
    project: LinkedProject,
    modules: list[str],
) -> tuple[list[list[int]], list[str]]:
    """Return what the project says of versions, and the files mapped with it."""
    wanted = [source for _, source in project.versions]
    question = json.dumps([str(site_packages), modules, wanted])
    argv: list[str | Path] = [interpreter, "-I", "-B", "-c", _PROBE, question]
    try:
        text = process.run(argv, env=process.clean_environment())
    except ProcessError as error:
        raise _wrong(project, f"it does not import: {error.output.strip()}") from error
    answer = next(line for line in text.splitlines() if line.startswith("KARL "))
    told, mapped = json.loads(answer.removeprefix("KARL "))
    return told, mapped


def _mapped_once(
    soname: str, mapped: list[str], tree: Path, project: LinkedProject
) -> str:
    """Return the name of the one mapped file that is *soname*, outside the tree."""
    stem = soname.partition(".so")[0]
    found = [name for name in mapped if Path(name).name.startswith(f"{stem}.so")]
    inside = [name for name in found if Path(name).is_relative_to(tree)]
    if inside or len(found) != 1:
        raise _wrong(project, f"the loader takes {soname} from {found or 'nowhere'}")
    return Path(found[0]).name


def _same(version: list[int], system: str) -> bool:
    """Compare a version tuple with a version's text, as far as both go."""
    numbers = [int(part) for part in re.findall(r"\d+", system)]
    length = min(len(numbers), len(version))
    return length > 1 and numbers[:length] == list(version)[:length]


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _wrong(project: LinkedProject, reason: str) -> DamagedError:
    return DamagedError(
        f"{project.name} is not linked with the system's libraries: {reason}.",
        "Install the wheel that is built from its sdist here, not the one that a "
        "registry has; list the project as system-linked.",
    )
