"""Bytecode that never goes stale: PEP 552, unchecked hash.

A sealed tree cannot write bytecode, and one with timestamps goes stale when it
is copied.  Whoever changes a source in a sealed tree has broken the seal anyway.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
import warnings

#: Magic number, and the flags word that says: by hash, not checked.
_HEAD = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")
_TAG = sys.implementation.cache_tag or "python"

#: What compiling a file that is no Python 3 source raises: Python 2 leftovers
#: and templates are in many wheels, and pip installs them without bytecode too.
_NOT_SOURCE = (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError)


def bytecode_path(source: str) -> str:
    """Return where the bytecode of the module *source* belongs."""
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{_TAG}.pyc"


def is_cached_bytecode(path: str) -> bool:
    """Tell whether *path* is in a ``__pycache__``: left out, and made anew."""
    return "__pycache__" in path.split("/")


def bytecode(source: bytes, path: str) -> bytes | None:
    """Return the bytecode of *source*, or None if it does not compile.

    :param path: for tracebacks; importing replaces it by the real one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        except _NOT_SOURCE:
            return None
    return b"".join((_HEAD, importlib.util.source_hash(source), marshal.dumps(code)))
