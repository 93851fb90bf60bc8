"""The server processes, as supervisord runs them."""

from __future__ import annotations

from collections.abc import Mapping

from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.servers.control import ServerStatus


def supervisor_runs(central: Central) -> bool:
    """Tell whether supervisord answers."""
    raise NotImplementedError


def start_supervisor(central: Central, reporter: Reporter) -> None:
    """Start supervisord, with all servers, unless it runs."""
    raise NotImplementedError


def stop_supervisor(central: Central, reporter: Reporter) -> None:
    """Stop supervisord with all servers, if it runs; wait until it is gone."""
    raise NotImplementedError


def apply_programs(
    central: Central, name: str, state: StorageState, reporter: Reporter
) -> None:
    """Have exactly those servers of a storage run that *state* says.

    Writes and removes supervisord's programs; if supervisord runs, it starts and
    stops them.
    """
    raise NotImplementedError


def start(central: Central, name: str, side: str) -> None:
    """Start the server of *side*, unless it runs; does not wait until it serves."""
    raise NotImplementedError


def stop(central: Central, name: str, side: str) -> None:
    """Stop the server of *side*, and wait until it has ended."""
    raise NotImplementedError


def restart(central: Central, name: str, side: str) -> None:
    """Stop and start the server of *side*; does not wait until it serves."""
    raise NotImplementedError


def wait_until_serving(
    central: Central, name: str, side: str, number: int, timeout: float = 30.0
) -> ServerStatus:
    """Return the status of the server of *side* once it serves copy *number*.

    :param timeout: seconds.
    """
    raise NotImplementedError


def process_states(central: Central) -> Mapping[str, str]:
    """Return supervisord's word for each server: ``acme-prod-a`` → ``RUNNING``."""
    raise NotImplementedError
