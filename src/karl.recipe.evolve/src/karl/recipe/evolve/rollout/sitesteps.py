"""Steps on the site, on this machine or another: build, rehearse, evolve, confirm."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

from karl.recipe.evolve.rollout.places import site_command
from karl.recipe.evolve.rollout.programs import Word
from karl.recipe.evolve.rollout.step import Facts, Work
from karl.recipe.release.base.errors import (
    BusyError,
    KarlError,
    PrerequisiteError,
    RefusedError,
    UnfinishedError,
)

#: Seconds between two looks at an upgrade that somebody else has begun.
_PAUSE = 1.0

#: Seconds that the address is given to answer.
_PATIENCE = 30.0

#: Lines of a failed buildout that are told.
_LINES = 6

#: What a rehearsal is called in the answers of evolve.
_REHEARSAL = "rehearsal"


def check(work: Work) -> Facts:
    """Look whether the site's machine is ready, and nothing is in the way there.

    :raises KarlError: it is not, or something is.
    """
    declared, there = work.declared, work.declared.there
    where = f" on {declared.host}" if declared.host else ""
    for command in (there.buildout, there.karl_index):
        if not work.programs.holds("-x", command):
            raise PrerequisiteError(
                f"There is no {command}{where}.",
                "Run python3 bootstrap.py in that checkout, or correct its path: the "
                "options base and remote-base.",
            )
    configuration = there.configuration(declared.buildout)
    if not work.programs.holds("-f", configuration):
        raise RefusedError(
            f"There is no {configuration}{where}.", "Correct the option buildout."
        )
    if work.programs.has_command("evolve"):
        found = work.programs.site("evolve", "status")
        if found.get("unfinished"):
            _refuse_other(work, found["run"])
    return {}


def is_built(work: Work) -> str:
    """Tell whether an earlier run has built the release, and it is there."""
    if "build" not in work.done or not work.programs.has_command("switch-version"):
        return ""
    for each in work.programs.site("switch-version", "--list")["releases"]:
        if each["release"] == work.version and not each["problem"]:
            return "it was done before"
    return ""


def build(work: Work) -> Facts:
    """Run the site's buildout with the new version."""
    declared, there = work.declared, work.declared.there
    task = work.reporter.task("Running the buildout")
    words: list[Word] = [
        there.buildout, "-c", there.configuration(declared.buildout),
        f"{declared.version_option}={work.version}",
    ]  # fmt: skip
    status, _ = work.programs.long(words, work.watching(task), logged=True)
    if status != 0:
        raise KarlError(
            f"The buildout ended with status {status}: {work.end_of_log(_LINES)}",
            f"Do what it says; all of it is in {work.places.log}.",
        )
    task.done()
    if not work.programs.has_command("evolve"):
        raise RefusedError(
            f"The site has no {site_command(declared.site_root, 'evolve')}.",
            "Give its buildout a part with recipe = karl.recipe.evolve.",
        )
    return {}


def needs_no_rehearsal(work: Work) -> str:
    """Tell why nothing is rehearsed."""
    if not work.rehearses:
        return "it was asked for without"
    if "rehearse" in work.done:
        return "it was done before"
    live = _live(work)
    if live is None:
        return "no release is live yet"
    if live["release"] == work.version:
        return f"release {work.version} is live"
    found = _settled(work)
    if found.get("unfinished") and found["run"]["kind"] != _REHEARSAL:
        return "an upgrade was begun already"
    return ""


def rehearse(work: Work) -> Facts:
    """Rehearse the upgrade: evolve a copy, and remove it."""
    if _settled(work).get("unfinished"):
        found = _evolve(work, "--resume")
    else:
        found = _evolve(work, work.version, "--rehearse")
    return {"predicted_window": found.get("predicted_window")}


def is_live(work: Work) -> str:
    """Tell whether the release is live, and nothing is left to be done of it."""
    if _settled(work).get("unfinished"):
        return ""
    live = _live(work)
    if live is None or live["release"] != work.version:
        return ""
    return f"release {work.version} is live"


def evolve(work: Work) -> Facts:
    """Have the site evolve: this makes the release live."""
    first = _live(work) is None
    found = _settled(work)
    if found.get("unfinished"):
        found = _evolve(work, "--resume")
        if found["kind"] == _REHEARSAL:
            found = _evolve(work, work.version)
    else:
        found = _evolve(work, work.version)
    if first and not work.programs.site("site", "status")["running"]:
        work.programs.site("site", "start")
    return {"window": found.get("window"), "run": found.get("number")}


def confirm(work: Work) -> Facts:
    """Look whether the site serves the release, and all is well.

    :raises UnfinishedError: it is live, but all is not well.
    """
    live = _live(work)
    if live is None or live["release"] != work.version:
        raise UnfinishedError(
            f"Release {work.version} is not live: {_name_of(live)} is.",
            "See bin/evolve status.",
        )
    found = work.programs.site("site", "status")
    problems = _problems(found)
    if problems:
        raise UnfinishedError(
            f"Release {work.version} is live, but {'; '.join(problems)}.",
            "See bin/site status and var/log; go back with bin/evolve --rollback, if "
            "need be.",
        )
    if work.declared.url:
        _ask(work.declared.url)
    return {"revision": live["number"]}


def _problems(found: Any) -> list[str]:
    """Return what is not well with a site, in words."""
    if not found["running"]:
        return ["the site does not run: bin/site start"]
    problems = [
        f"process {each['number']} {told}"
        for each in found["workers"]
        for told in [_problem(each)]
        if told
    ]
    mode = found["mode"]["mode"]
    return problems + ([f"its mode is {mode}"] if mode != "normal" else [])


def _problem(worker: Any) -> str:
    if not worker["healthy"]:
        return f"is not well ({worker['problem'] or worker['state']})"
    return "serves another revision: bin/site restart" if worker["outdated"] else ""


def _ask(url: str) -> None:
    """Ask the site as its visitors do.

    :raises UnfinishedError: it does not answer with status 200.
    """
    request = urllib.request.Request(url)  # noqa: S310  # http and https alone
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:  # noqa: S310
            status = str(reply.status)
    except urllib.error.HTTPError as error:
        status = str(error.code)
    except OSError as error:
        status = str(error)
    if status != "200":
        raise UnfinishedError(
            f"The new release is live, but {url} answers: {status}.",
            "Look at the web server before the site, or correct the option url.",
        )


def _live(work: Work) -> Any:
    """Return the live revision, as switch-version lists it; None: there is none."""
    found = work.programs.site("switch-version", "--list")
    return next((each for each in found["revisions"] if each["current"]), None)


def _name_of(live: Any) -> str:
    return "none" if live is None else f"release {live['release']}"


def _settled(work: Work) -> Any:
    """Wait until no upgrade is under way; return what evolve tells of the last.

    :raises BusyError: one to another release is.
    :raises RefusedError: one to another release was interrupted.
    """
    task = None
    while (found := work.programs.site("evolve", "status"))["running"]:
        run = found["run"]
        if run and run["outcome"] == "unfinished" and not _is_ours(work, run):
            raise BusyError(
                f"The site is on its way to release {run['to']['release']}.",
                "Wait until that has ended, then run rollout again.",
            )
        task = task or work.reporter.task("Waiting for evolve, which is at work")
        task.advance(0)
        time.sleep(_PAUSE)
    if task is not None:
        task.done()
    if found.get("unfinished"):
        _refuse_other(work, found["run"])
    return found


def _refuse_other(work: Work, run: Any) -> None:
    if not _is_ours(work, run):
        raise RefusedError(
            f"The {run['kind']} {run['number']} of the site, to release "
            f"{run['to']['release']}, was interrupted.",
            "Finish or undo it first, there: evolve --resume, or evolve --abort.",
        )


def _is_ours(work: Work, run: Any) -> bool:
    return bool(run["to"]["release"] == work.version)


def _evolve(work: Work, *words: str) -> Any:
    """Run evolve, which takes long; return its answer.

    :raises KarlError: it failed.
    """
    path = site_command(work.declared.site_root, "evolve")
    task = work.reporter.task(f"Running evolve {' '.join(words)}")
    try:
        status, text = work.programs.long([path, *words, "--json"], work.watching(task))
    except KeyboardInterrupt:
        if work.declared.host:
            work.warn(
                f"evolve goes on on {work.declared.host}; rollout {work.version} waits "
                "for it, when it is run again."
            )
        raise
    found = work.programs.result("evolve", status, text)
    task.done()
    for warning in found.get("warnings", ()):
        work.warn(f"evolve: {warning}")
    return found
