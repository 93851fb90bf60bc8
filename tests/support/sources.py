"""Small source trees and sdists, to be built for real."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

#: A C extension that asks libxml2 for its version.
_TINY = """
#include <Python.h>
#include <libxml/xmlversion.h>
#include <libxml/parser.h>
static PyObject *version(PyObject *self, PyObject *none) {
    xmlCheckVersion(LIBXML_VERSION);
    return PyUnicode_FromString(LIBXML_DOTTED_VERSION);
}
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "tiny", 0, -1, methods, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit_tiny(void) { return PyModule_Create(&module); }
"""

_TINY_SETUP = """
import subprocess, time
from setuptools import Extension, setup

def flags(option):
    words = ["pkg-config", option, "libxml-2.0"]
    return subprocess.check_output(words, text=True).split()

time.sleep({pause})
setup(ext_modules=[Extension("tiny", ["tiny.c"],
      extra_compile_args=flags("--cflags"),
      extra_link_args=flags("--libs") + {link!r})])
"""


def tiny(*, pause: float = 0.0, link: tuple[str, ...] = ()) -> dict[str, str]:
    """The files of a project with an extension module that needs libxml2."""
    return {
        "pyproject.toml": (
            "[build-system]\nrequires = ['setuptools']\n"
            "build-backend = 'setuptools.build_meta'\n"
            "[project]\nname = 'tiny'\nversion = '1.0'\n"
        ),
        "setup.py": _TINY_SETUP.format(pause=pause, link=list(link)),
        "tiny.c": _TINY,
    }


def backend(source: str, requires: tuple[str, ...] = ()) -> dict[str, str]:
    """The files of a project that is its own build backend."""
    return {
        "pyproject.toml": (
            f"[build-system]\nrequires = {list(requires)!r}\n"
            "build-backend = 'backend'\nbackend-path = ['.']\n"
        ),
        "backend.py": source,
    }


def flit(name: str = "acme.thing", version: str = "1.0") -> dict[str, str]:
    """The files of a pure project, built with flit_core."""
    folder = name.replace(".", "/")
    return {
        "pyproject.toml": (
            "[build-system]\nrequires = ['flit_core>=3.2']\n"
            "build-backend = 'flit_core.buildapi'\n"
            f"[project]\nname = {name!r}\nversion = {version!r}\n"
            "description = 'A thing'\nrequires-python = '>=3.11'\n"
            f"[tool.flit.module]\nname = {name!r}\n"
        ),
        f"src/{folder}/__init__.py": f"VERSION = {version!r}\n",
        f"src/{folder}/data.txt": "data\n",
    }


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """Write *files* below *folder*."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def write_sdist(path: Path, files: Mapping[str, str]) -> Path:
    """Write *files* as the sdist *path*, ``name-version.tar.gz``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.name.removesuffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{stem}/{name}")
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return path
