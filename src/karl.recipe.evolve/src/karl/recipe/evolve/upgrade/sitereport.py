"""All that is worth knowing of a site, whatever of it is ill: nothing here fails."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.evolve.upgrade import history, page, report, siteattention, sitepage
from karl.recipe.evolve.upgrade.places import Places, RunPlaces
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.status import is_running
from karl.recipe.release.base import publishing
from karl.recipe.release.base.blocks import PROBLEM, Attention, notice, problem
from karl.recipe.release.base.errors import KarlError

#: Seconds that each command has to answer.
_PATIENCE = 60.0

#: How many runs are told of.
_MOST_RUNS = 20

_STATUS = "bin/evolve status"

#: What is told of a site's mode, of inhibited cron jobs, and of each process.
_MODE = ("mode", "since", "by", "message", "retry_after", "problem")
_INHIBITED = ("why", "since")
_WORKER = (
    "number", "state", "pid", "revision", "release", "since", "healthy", "problem",
    "outdated",
)  # fmt: skip


@dataclass
class _Asking:
    """What is asked for, and what did not answer."""

    attention: list[Attention] = field(default_factory=list)

    def attempt(self, what: Callable[[], Any], command: str, otherwise: Any) -> Any:
        """Return what *what* returns; if it fails, tell so and return *otherwise*.

        :param command: with which somebody can look after it.
        """
        try:
            return what()
        except KarlError as error:
            told = error.message
        except OSError as error:
            told = f"The system said: {error}."
        except (
            ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
        ) as error:  # fmt: skip
            told = f"What it tells has not the form that it should: {error!r}."
        self.attention.append(problem(f"{told} Look after it: {command}."))
        return otherwise


def written(programs: Programs, output: Path | None) -> dict[str, Any]:
    """Return what is known of a site, and write its page.

    :param output: where to; None: nowhere.
    """
    found = of_site(programs)
    shown = publishing.publish(output, sitepage.of_everything(found))
    return {**found, "output": shown, "text": text(found)}


def text(found: Mapping[str, Any]) -> str:
    """Return what needs attention, a line each."""
    told = list(found["attention"])
    told += found["storage"]["attention"] if found["storage"] else []
    lines = [f"{item['level']}: {item['text']}" for item in told]
    return "\n".join(lines or ["All is well."])


def of_site(programs: Programs) -> dict[str, Any]:
    """Return what is known of a site, of its database, and of its runs."""
    asking, declared, places = _Asking(), programs.declared, programs.places
    found: dict[str, Any] = {
        "site": declared.name,
        "host": socket.gethostname(),
        "made": time.time(),
        "address": str(declared.serving.address),
        "revisions": asking.attempt(
            lambda: _revisions(programs), "bin/switch-version --list", None
        ),
        "processes": asking.attempt(
            lambda: _processes(programs.site("status", timeout=_PATIENCE)),
            "bin/site status",
            None,
        ),
        "running": asking.attempt(lambda: is_running(places), _STATUS, otherwise=False),
        "runs": _runs(asking, places),
        "storage": _storage(programs),
    }
    return {
        **found,
        "glance": sitepage.glance(found),
        "attention": [*asking.attention, *siteattention.of_site(found)],
        "page": sitepage.of_site(found),
    }


def _revisions(programs: Programs) -> dict[str, Any]:
    """Return what ``switch-version --list`` tells, the newest revision first."""
    found = programs.switch("--list", timeout=_PATIENCE)
    rows = sorted(found["revisions"], key=lambda row: row["number"], reverse=True)
    names = ("current", "rollback_to", "unfinished", "pins_problem", "releases")
    return {"revisions": rows, **{name: found[name] for name in names}}


def _processes(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of ``site status`` is told, by the same names."""
    mode, inhibited = found["mode"], found["inhibited"]
    return {
        "running": found["running"],
        "mode": {name: mode[name] for name in _MODE},
        "inhibited": inhibited and {name: inhibited[name] for name in _INHIBITED},
        "workers": [
            {name: worker[name] for name in _WORKER} for worker in found["workers"]
        ],
    }


def _runs(asking: _Asking, places: Places) -> list[dict[str, Any]]:
    """Return the last runs, the newest first."""
    newest = asking.attempt(lambda: places.all_runs()[-_MOST_RUNS:], _STATUS, ())
    found = (
        asking.attempt(functools.partial(_run, each), _STATUS, None)
        for each in reversed(newest)
    )
    return [run for run in found if run is not None]


def _run(places: RunPlaces) -> dict[str, Any] | None:
    """Return what is known of a run; None: it was killed before it did anything.

    :raises DamagedError: it cannot be told, or shown.
    """
    if not places.journal.stat().st_size:
        return None
    with history.understood(places):
        found = report.data(history.load(places))
        page.of_run(found)
    return found


def _storage(programs: Programs) -> dict[str, Any] | None:
    """Return what ``zeoctl report`` tells of the database; None: it has no server."""
    declared, asking = programs.declared, _Asking()
    if not declared.zeo_command:
        return None
    name = declared.storage
    once = dataclasses.replace(programs, pauses=())
    found = asking.attempt(
        lambda: _told(once.zeo("report", timeout=_PATIENCE)),
        shlex.join([*declared.zeo_command, "report", name]),
        {"attention": [], "page": []},
    )
    return {
        "name": name,
        "attention": [*asking.attention, *found["attention"]],
        "page": found["page"],
    }


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    attention = [
        problem(str(each["text"])) if each["level"] == PROBLEM else notice(each["text"])
        for each in found["attention"]
    ]
    return {"attention": attention, "page": list(found["page"])}
