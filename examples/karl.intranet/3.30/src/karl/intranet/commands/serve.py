"""karl-serve: serve a site over HTTP."""

from __future__ import annotations

import argparse
import configparser
import ipaddress
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.app.pasterapp import has_logging_config
from gunicorn.util import parse_address
from paste.deploy import loadapp

from karl.intranet.commands import places
from karl.intranet.database import opened, prepare

# What the [server:main] section of the ini file may say, as gunicorn calls it.
SERVER_SETTINGS = ("workers", "threads", "timeout", "graceful_timeout", "accesslog")


class UsageError(Exception):
    """The command cannot start; the message says what to do."""


class Server(BaseApplication):
    """gunicorn, serving what an ini file configures."""

    def __init__(
        self, config: Path, revision: Path, options: Mapping[str, Any]
    ) -> None:
        self.config = config
        self.revision = revision
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn: set what was asked for."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called by gunicorn in each worker: the WSGI application."""
        places_of_site = {"revision": str(self.revision), "root": str(places.root())}
        return loadapp(f"config:{self.config}", global_conf=places_of_site)


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; 2 if it cannot start as asked, 3 if the site fails to."""
    options = _parser().parse_args(arguments)
    if options.sample_config:
        print(resources.files("karl.intranet").joinpath("site.ini").read_text("utf-8"))
        return 0
    try:
        server = _server(options)
    except UsageError as error:
        print(f"karl-serve: {error}", file=sys.stderr)
        return 2
    try:
        # Before there are workers, which would all create the site at once.
        with opened(server.revision / "zodb.conf") as database:
            prepare(database)
    except Exception as error:  # noqa: BLE001 - storages raise what they like
        print(f"karl-serve: {str(error) or type(error).__name__}", file=sys.stderr)
        return 3
    server.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="karl-serve", description="Serve a site.")
    parser.add_argument(
        "--revision",
        type=Path,
        help="folder with zodb.conf (default: current, beside the releases)",
    )
    parser.add_argument(
        "--config", type=Path, help="ini file (default: etc/site.ini of the site)"
    )
    parser.add_argument(
        "--bind",
        default="127.0.0.1:8080",
        help="loopback HOST:PORT, fd://NUMBER or unix:PATH (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, help="processes; wins over the ini file")
    parser.add_argument("--threads", type=int, help="threads of each process")
    parser.add_argument(
        "--sample-config", action="store_true", help="print a sample ini file"
    )
    return parser


def _server(options: argparse.Namespace) -> Server:
    # Resolved once: the process stays on its revision when "current" moves on.
    revision = (options.revision or places.current_revision()).resolve()
    if not (revision / "zodb.conf").is_file():
        message = f"{revision} has no zodb.conf; name a revision with --revision"
        raise UsageError(message)
    config = (options.config or places.configuration()).resolve()
    if not config.is_file():
        message = (
            f"{config} is missing; name an ini file with --config, or make one"
            " with --sample-config"
        )
        raise UsageError(message)
    _require_private(options.bind)
    settings: dict[str, Any] = {
        "bind": options.bind,
        "worker_class": "gthread",
        **_server_settings(config),
    }
    for name in ("workers", "threads"):
        if (value := getattr(options, name)) is not None:
            settings[name] = value
    if has_logging_config(str(config)):
        settings["logconfig"] = str(config)
    # gunicorn would otherwise leave a control socket in the home directory.
    settings["control_socket_disable"] = True
    return Server(config, revision, settings)


def _require_private(bind: str) -> None:
    """There is no login, so only this machine may connect."""
    try:
        address = parse_address(bind)
    except RuntimeError as error:
        raise UsageError(str(error)) from None
    if not isinstance(address, tuple) or address[0] == "localhost":
        return
    try:
        private = ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        private = False
    if not private:
        message = f"{bind} is open to strangers; bind to 127.0.0.1, fd:// or unix:"
        raise UsageError(message)


def _server_settings(config: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config, encoding="utf-8")
    if not parser.has_section("server:main"):
        return {}
    settings = dict(parser.items("server:main"))
    settings = {k: v for k, v in settings.items() if k not in parser.defaults()}
    if unknown := sorted(set(settings) - set(SERVER_SETTINGS)):
        message = (
            f"[server:main] of {config} has {', '.join(unknown)};"
            f" it may have {', '.join(SERVER_SETTINGS)}"
        )
        raise UsageError(message)
    return settings


if __name__ == "__main__":
    sys.exit(main())
