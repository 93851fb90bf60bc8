"""Code that generated commands run: a copy that outlives the checkout.

``lib/<digest>/`` of a root gets copies of modules, byte-compiled; commands in
``bin/`` name that folder.  It is complete or absent at every moment, and what
runs from another goes on working.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import py_compile
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import UsageError

#: Content of each file, by its path below the folder.
Payload = Mapping[str, bytes]

_SHEBANG_LIMIT = 127


def read(source: Path, package: str, modules: Iterable[str]) -> dict[str, bytes]:
    """Return the content of modules, by their relative paths.

    :param source: the package's folder.
    :param package: its dotted name.
    :param modules: such as ``base/files``, without suffix.
    """
    folder = Path(*package.split("."))
    return {
        str(folder / f"{name}.py"): (source / f"{name}.py").read_bytes()
        for name in modules
    }


def read_with_base(
    folder: Path, package: str, parts: Sequence[str]
) -> dict[str, bytes]:
    """Return a distribution's modules and all of the base, by their relative paths.

    :param folder: of the package.
    :param parts: the packages in it whose modules are read.
    """
    names = [
        path.relative_to(folder).with_suffix("").as_posix()
        for part in parts
        for path in sorted(folder.joinpath(part).glob("*.py"))
    ]
    base = Path(__file__).parent
    base_names = [f"base/{path.stem}" for path in sorted(base.glob("*.py"))]
    return {
        **read(folder, package, ["__init__", *names]),
        **read(base.parent, "karl.recipe.release", ["__init__", *base_names]),
    }


def digest_of(payload: Payload) -> str:
    """Return the name of the folder for a payload, and this Python's bytecode."""
    digest = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for path in sorted(payload):
        digest.update(f"{path}\0{len(payload[path])}\0".encode())
        digest.update(payload[path])
    return digest.hexdigest()[:16]


def base_interpreter() -> str:
    """Return the real path of the interpreter below any virtual environment."""
    base = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


def first_lines(interpreter: str, options: str) -> str:
    """Return what a script begins with to be run by *interpreter*.

    The kernel cuts a first line that is too long and splits it at blanks.  Then
    ``/bin/sh`` reads it: it takes the second line for a command, Python for the
    beginning of a string.

    :raises UsageError: a path has a character that neither can carry.
    """
    if not interpreter.isprintable() or "\\" in interpreter:
        raise UsageError(
            f"The path {interpreter!r} cannot be written into a script.",
            "Run the buildout with a Python that is somewhere else.",
        )
    first = f"#!{interpreter} {options}"
    if " " in interpreter or len(first.encode()) > _SHEBANG_LIMIT:
        quoted = shlex.quote(interpreter)
        first = f"#!/bin/sh\n'''exec' {quoted} {options} \"$0\" \"$@\"\n' '''"
    return f"{first}\n"


def write(lib: Path, payload: Payload) -> None:
    """Write the code to the folder *lib*, or repair what is not as it was written."""
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


def remove_unused(libs: Path, commands: Path) -> None:
    """Remove the folders of *libs* that no file in *commands* names any more.

    A folder that a running program holds (``flock``, shared) stays until a later
    run.  The caller holds the lock under which commands are written.
    """
    named = "".join(
        path.read_text(errors="replace")
        for path in commands.iterdir()
        if path.is_file()
    )
    for path in libs.iterdir():
        if str(path) not in named and not path.name.startswith("."):
            with _unless_held(path) as free:
                if free:
                    files.remove_tree(path)


@contextlib.contextmanager
def _unless_held(path: Path) -> Iterator[bool]:
    """Tell whether no running program holds the folder *path*."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


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
