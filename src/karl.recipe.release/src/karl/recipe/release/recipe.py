"""The recipe ``karl.recipe.release``: a sealed release and its site's commands."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import zc.buildout

from karl.recipe.release.base import files, optionreading
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError, UsageError
from karl.recipe.release.base.layout import SiteLayout, SoftwareLayout
from karl.recipe.release.base.names import IndexName, checked_label
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.sitestate import refuse_root
from karl.recipe.release.trees import release, specification
from karl.recipe.release.trees.release import Place
from karl.recipe.release.trees.specification import Specification

Value = TypeVar("Value")

#: Every option, with what it stands for if it is not given; None: nothing.
DEFAULTS: Mapping[str, str | None] = {
    "root": None,
    "version": None,
    "index": None,
    "eggs": None,
    "pool": "pool",
    "indexes": "indexes",
    "store": "store",
    "registry": "",
    "system-linked": specification.SYSTEM_LINKED,
    "scripts": None,
    "entry-points": None,
    "interpreter": None,
    "initialization": None,
    "arguments": None,
    "dependent-scripts": None,
    "workers": "0",
    "zodb-conf": "",
    "site-ini": "",
    "database": None,
    "after-switch": "",
    "keep": "5",
    "smoke-timeout": "120",
    "hook-timeout": "300",
}

#: Options whose text is written to files that outlive the checkout.
_NAMING_THE_ROOT = ("zodb-conf", "site-ini", "after-switch")

_REQUIRED = ("root", "version", "index", "eggs")

#: Options of zc.recipe.egg that mean nothing here, and why.
_REFUSED = {
    "extra-paths": "a release holds nothing but what its index names by hash",
    "relative-paths": "scripts name their release by its real path, so that a "
    "process stays on it",
    "find-links": "a release takes files from its index alone",
    "allow-hosts": "a release takes files from its index alone",
    "develop": "a release takes files from its index alone",
    "executable": "a release runs the Python that built it",
    "bin-directory": "scripts are in the bin folder of the release",
}


@dataclass(frozen=True)
class ReleaseOptions:
    """The options of the part, read and checked.

    :ivar place: where the release is built, and from what.
    :ivar config: what the site's commands are told.
    :ivar site_ini: text of the application's own configuration; may be empty.
    """

    place: Place
    version: str
    index: IndexName
    specification: Specification
    config: SiteConfig
    site_ini: str = ""


class Release:
    """Builds the release, if it is not there, and writes the site's commands."""

    def __init__(self, buildout: Any, name: str, options: Any) -> None:
        self.name = name
        try:
            self.options = given = read_options(buildout, options)
            # Here and not in install(), though it looks at the machine: zc.buildout
            # makes all parts before it installs the first, so that only here a
            # missing header is told before the index part fetches and builds.
            release.check_prerequisites(
                given.place, given.version, given.index, given.specification
            )
        except KarlError as error:
            raise zc.buildout.UserError(f"[{name}] {error}") from error

    def install(self) -> tuple[str, ...]:
        """Do the work.  Returns no path, so that buildout never deletes one."""
        files.let_no_stranger_write()
        try:
            ensure(self.options, Console())
        except (KarlError, OSError) as error:
            raise zc.buildout.UserError(f"[{self.name}] {error}") from error
        return ()

    update = install


def ensure(options: ReleaseOptions, reporter: Reporter) -> None:
    """Have the release built and the site's commands written; idempotent."""
    place = options.place.resolved()
    refuse_root(place.site)
    release.build(
        place,
        options.version,
        options.index,
        options.specification,
        reporter,
    )
    sitetools.install(place.site, options.config, reporter)
    if options.site_ini:
        files.write_if_changed(place.site.application_config, options.site_ini)


def read_options(buildout: Any, options: Any) -> ReleaseOptions:
    """Return the checked options of a part.

    :raises UsageError: tells everything that is wrong with them at once.
    """
    given = {name: options.get(name) for name in DEFAULTS}
    problems = [*_unknown(options), *_absent(given)]
    base = Path(buildout["buildout"]["directory"])
    for name in _NAMING_THE_ROOT:
        given[name] = _with_real_root(given[name], given["root"], base)

    def text(name: str) -> str:
        value = given[name]
        return (DEFAULTS[name] or "") if value is None else str(value).strip()

    def attempt(read: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return read()
        except KarlError as error:
            problems.append(error.message)
            return otherwise

    site = SiteLayout(base / (text("root") or "site"))
    found = ReleaseOptions(
        place=Place(
            SoftwareLayout(
                base / text("pool"), base / text("indexes"), base / text("store")
            ),
            site,
            attempt(lambda: int(_number("workers", text("workers"), int)), 0),
            offline=buildout["buildout"].get("offline") == "true",
            registry=text("registry"),
        ),
        version=attempt(lambda: checked_label(text("version") or "1"), ""),
        index=attempt(
            lambda: IndexName.parse(text("index") or "a/1"), IndexName("a", "1")
        ),
        specification=attempt(
            lambda: specification.parse({"eggs": "none", **_present(given)}),
            Specification(()),
        ),
        config=attempt(lambda: _config(site.root.name, given, text), SiteConfig("a")),
        site_ini=f"{text('site-ini')}\n" if text("site-ini") else "",
    )
    optionreading.refuse(problem.rstrip(".") for problem in problems)
    return found


def _with_real_root(text: str | None, root: str | None, base: Path) -> str | None:
    """Return *text* with the root as it is written replaced by its real path.

    A root such as ``${buildout:directory}/../sites/acme`` would lead through a
    folder of the checkout, and break when that is gone.  Only where the root is
    a whole path, or begins one; a root of one word, such as ``site``, is taken
    for that word unless a slash follows.
    """
    written = (root or "").strip().rstrip("/")
    if not text or not written:
        return text
    begin = r"(?<![\w.-])" if written.startswith("/") else r"(?<![\w./~-])(?:\./)?"
    end = r"(?![\w.-])" if "/" in written else "(?=/)"
    real = os.path.realpath(base / written)
    return re.sub(f"{begin}{re.escape(written)}{end}", lambda _: real, text)


def _present(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}


def _unknown(options: Any) -> list[str]:
    """Tell of options that the recipe does not have, and what may be meant."""
    reasons = {name: f"is not supported: {why}" for name, why in _REFUSED.items()}
    return optionreading.unknown(
        {*options} - optionreading.BUILDOUTS_OWN, DEFAULTS, reasons
    )


def _absent(given: Mapping[str, Any]) -> list[str]:
    return [
        f"the option {name} is missing"
        for name in _REQUIRED
        if not (given[name] or "").strip()
    ]


def _number(name: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise UsageError(f"{name} = {text!r} is not a number")
    return value


def _config(
    site: str, given: Mapping[str, Any], text: Callable[[str], str]
) -> SiteConfig:
    try:
        commands = tuple(
            tuple(shlex.split(line))
            for line in text("after-switch").splitlines()
            if line.strip()
        )
    except ValueError as error:
        raise UsageError(f"after-switch is malformed ({error})") from error
    return SiteConfig(
        site=site,
        zodb_conf=given["zodb-conf"] or "",
        database=text("database") or None,
        after_switch=commands,
        keep=_number("keep", text("keep"), int),
        smoke_timeout=_number("smoke-timeout", text("smoke-timeout"), float),
        hook_timeout=_number("hook-timeout", text("hook-timeout"), float),
    )
