"""A process of a site, run by the interpreter of its release.

Nothing of ours need be in a release: this code comes from the site.  What it
imported is forgotten before the application is loaded, so that an application
that has karl.recipe.evolve in its own release finds that one.
"""

from __future__ import annotations

import configparser
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.modes.middleware import Application, ModeMiddleware
from karl.recipe.evolve.serving import fitting, launching
from karl.recipe.evolve.serving.launching import Launch
from karl.recipe.evolve.serving.records import WorkerRecord
from karl.recipe.release.base.command import guarded
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import PrerequisiteError, UsageError


def main(root: str, lib: str) -> int:
    """Serve until stopped; return only with an exit code.

    :param root: of the site.
    :param lib: where this code was imported from.
    """
    places = EvolveLayout(Path(root))
    return guarded(lambda: _serve(places, lib), Console(), as_json=False)


def _serve(places: EvolveLayout, lib: str) -> NoReturn:
    launch = Launch(**json.loads(os.environ.pop(launching.VARIABLE)))
    site = SiteDeclaration.load(places)
    _announce(places, launch)
    check = fitting.check_of(site, launch)
    _forget(lib)
    check()
    server = _server(site, launch)
    server.run()
    # gunicorn ends the process by itself.
    sys.exit(0)


def _announce(places: EvolveLayout, launch: Launch) -> None:
    if launch.number:
        WorkerRecord(
            launch.number, os.getpid(), launch.revision, launch.release, time.time()
        ).save(places.worker_record(launch.number))


def _forget(lib: str) -> None:
    """Leave the application's imports as if ours had never been there."""
    sys.path[:] = [entry for entry in sys.path if entry != lib]
    for name in [*sys.modules]:
        if name == "karl" or name.startswith("karl."):
            del sys.modules[name]


def _server(site: SiteDeclaration, launch: Launch) -> Any:
    """Return gunicorn, for one process with threads.

    :raises PrerequisiteError: the release has no gunicorn.
    """
    try:
        from gunicorn.app.base import BaseApplication
    except ImportError as error:
        raise _not_there("gunicorn", launch, error) from None

    class Server(BaseApplication):  # type: ignore[misc]  # it has no types
        """gunicorn, serving the site."""

        def load_config(self) -> None:
            """Set what gunicorn is told."""
            for name, value in _settings(site, launch).items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Application:
            """Return the application, once the process that serves it is there."""
            return load_application(site, launch)

    return Server()


def _settings(site: SiteDeclaration, launch: Launch) -> Mapping[str, Any]:
    serving, timeouts = site.serving, site.timeouts
    return {
        "workers": 1,
        "worker_class": "gthread",
        "threads": serving.threads,
        "timeout": serving.request_timeout,
        "graceful_timeout": max(1, round(timeouts.stop)),
        "proc_name": f"{site.name}-{launch.number}",
        "chdir": site.root,
        "errorlog": "-",
        # Otherwise it would leave one in the home directory.
        "control_socket_disable": True,
        **_logging(site),
    }


def _logging(site: SiteDeclaration) -> Mapping[str, str]:
    """Return the configuration of logs, if the application's file has one."""
    path = site.serving.application.partition("#")[0]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", "Correct it, and start the site again."
        ) from None
    return {"logconfig": path} if parser.has_section("loggers") else {}


def load_application(site: SiteDeclaration, launch: Launch) -> Application:
    """Return the site's application, as its ini file says, in its mode.

    The file can use ``%(revision)s``, ``%(root)s`` and ``%(site)s``.  A trial is in
    no mode: nobody but who began it can reach it.

    :raises PrerequisiteError: the release has no PasteDeploy.
    """
    try:
        from paste.deploy import loadapp
    except ImportError as error:
        raise _not_there("PasteDeploy", launch, error) from None
    application: Application = loadapp(
        f"config:{site.serving.application}",
        global_conf={
            "revision": launch.folder,
            "root": site.root,
            "site": site.name,
        },
    )
    if not launch.number:
        return application
    serving = site.serving
    return ModeMiddleware(
        application,
        site.places.mode,
        health_paths=serving.health_paths,
        safe_posts=serving.safe_posts,
        page=serving.mode_page or None,
        retry_after=serving.retry_after,
    )


def _not_there(name: str, launch: Launch, error: ImportError) -> PrerequisiteError:
    return PrerequisiteError(
        f"Release {launch.release} cannot import {name}: {error}.",
        f"Name {name} in the option eggs of the release and freeze its next index.",
    )
