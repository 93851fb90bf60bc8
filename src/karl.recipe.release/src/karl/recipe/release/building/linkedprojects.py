"""Which projects are linked with the system's libraries, and how: data.

Glossary: a *system-linked project* is one whose wheel on the registry brings
copies of libraries that the system has too (lxml: libxml2); a *library* is one
of those, known to pkg-config by its *module*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import normalised

_DECLARATION = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*=\s*(?P<modules>[^;]+);(?P<packages>.+)\Z"
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*\Z")


@dataclass(frozen=True)
class Library:
    """A shared library of the system.

    :ivar module: its name for pkg-config.
    :ivar package: the Debian package with its headers.
    :ivar links: names that ``-l`` takes; empty: what pkg-config says.
    :ivar config: a program that tells flags where pkg-config cannot.
    :ivar header: a header to be found; empty: pkg-config's word is taken.
    :ivar macro: the string in that header that is the version.
    """

    module: str
    package: str
    links: tuple[str, ...] = ()
    config: str = ""
    header: str = ""
    macro: str = ""


@dataclass(frozen=True)
class LinkedProject:
    """A project that is linked with libraries of the system.

    :ivar name: normalised.
    :ivar libraries: what it is linked with.
    :ivar env: variables of its build.
    :ivar config: a distutils configuration for its build; ``{cpus}`` becomes
        the number of processors.
    :ivar built_with: projects whose system-linked wheel its build must see.
    :ivar relaxed: build requirements whose version pins are not heeded,
        because an index has one version of each project.
    :ivar packages: further Debian packages that its build needs, each with a
        program by which it is known to be there.
    :ivar versions: where the imported project tells which version of a
        library it has: module of the library, then ``module:attribute`` (a
        version tuple, or a function that returns one).
    :ivar declaration: how an option declared it; empty for a known one.
    """

    name: str
    libraries: tuple[Library, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    built_with: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    declaration: str = ""

    def __str__(self) -> str:
        return self.declaration or self.name


LIBXML2 = Library(
    "libxml-2.0", "libxml2-dev", ("xml2",), "xml2-config",
    "libxml/xmlversion.h", "LIBXML_DOTTED_VERSION",
)  # fmt: skip
LIBXSLT = Library(
    "libxslt", "libxslt1-dev", ("xslt",), "xslt-config",
    "libxslt/xsltconfig.h", "LIBXSLT_DOTTED_VERSION",
)  # fmt: skip
LIBEXSLT = Library(
    "libexslt", "libxslt1-dev", ("exslt",), "xslt-config",
    "libexslt/exsltconfig.h", "LIBEXSLT_DOTTED_VERSION",
)  # fmt: skip
XMLSEC1 = Library(
    "xmlsec1", "libxmlsec1-dev", ("xmlsec1",), "xmlsec1-config",
    "xmlsec/version.h", "XMLSEC_VERSION",
)  # fmt: skip

#: Setuptools compiles extension modules side by side with this.
_PARALLEL = "[build_ext]\nparallel = {cpus}\n"

#: Cython's output gains next to nothing from -O2 or -O3 and takes five times
#: as long to compile.  CFLAGS replaces Python's own flags, so what must not be
#: lost is repeated: -fwrapv, -DNDEBUG and the hardening that Debian uses.
_QUICK = {
    "CFLAGS": "-O1 -DNDEBUG -fwrapv -fstack-protector-strong -D_FORTIFY_SOURCE=2",
}

_PKG_CONFIG = (("pkg-config", "pkg-config"),)

KNOWN: Mapping[str, LinkedProject] = MappingProxyType(
    {
        "lxml": LinkedProject(
            "lxml",
            (LIBXML2, LIBXSLT, LIBEXSLT),
            env=_QUICK,
            config=_PARALLEL,
            versions=(
                ("libxml-2.0", "lxml.etree:LIBXML_VERSION"),
                ("libxml-2.0", "lxml.etree:LIBXML_COMPILED_VERSION"),
                ("libxslt", "lxml.etree:LIBXSLT_VERSION"),
                ("libxslt", "lxml.etree:LIBXSLT_COMPILED_VERSION"),
            ),
        ),
        "xmlsec": LinkedProject(
            "xmlsec",
            (LIBXML2, XMLSEC1),
            # The headers that lxml's ordinary wheel brings are of its own copy.
            built_with=("lxml",),
            relaxed=("lxml", "setuptools"),
            packages=_PKG_CONFIG,
            versions=(
                ("libxml-2.0", "xmlsec:get_libxml_version"),
                ("libxml-2.0", "xmlsec:get_libxml_compiled_version"),
                ("xmlsec1", "xmlsec:get_libxmlsec_version"),
            ),
        ),
    }
)


def linked_projects(text: str) -> dict[str, LinkedProject]:
    """Return what the option *text* lists, by normalised name.

    A line has names of known projects, or declares an unknown one as
    ``name = pkg-config modules; Debian packages``.

    :raises UsageError: a name is unknown, or a line is not of that form.
    """
    found: dict[str, LinkedProject] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if "=" in line or ";" in line:
            project = _declared(line)
            found[project.name] = project
        else:
            for name in line.split():
                found[normalised(name)] = _known(name)
    return found


def _known(name: str) -> LinkedProject:
    """Return the known project of this name.

    :raises UsageError: it is not known.
    """
    try:
        return KNOWN[normalised(name)]
    except KeyError:
        raise UsageError(
            f"{name} is not known as a project that links with system libraries; "
            f"known are {', '.join(sorted(KNOWN))}.",
            f"Declare it: {name} = pkg-config modules; Debian packages.",
        ) from None


def _declared(line: str) -> LinkedProject:
    match = _DECLARATION.match(line)
    modules = match["modules"].split() if match else []
    packages = match["packages"].split() if match else []
    if not match or not modules or not packages:
        raise UsageError(
            f"{line!r} does not declare a system-linked project.",
            "Write: name = pkg-config modules; Debian packages.",
        )
    for word in (*modules, *packages):
        if not _WORD.match(word):
            raise UsageError(
                f"{word!r} in {line!r} is neither a module nor a package.",
                "Write: name = pkg-config modules; Debian packages.",
            )
    name = normalised(match["name"])
    declaration = f"{name} = {' '.join(modules)}; {' '.join(packages)}"
    # One package a module where there are as many; else all are named together.
    if len(packages) != len(modules):
        packages = [" ".join(packages)] * len(modules)
    libraries = tuple(map(Library, modules, packages))
    return LinkedProject(
        name,
        libraries,
        config=_PARALLEL,
        packages=_PKG_CONFIG,
        declaration=declaration,
    )
