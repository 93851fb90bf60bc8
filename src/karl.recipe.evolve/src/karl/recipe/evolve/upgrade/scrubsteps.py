"""Steps that bring another site's data here, and make them fit to be seen.

They work on the files of the new copy: the database server serves it only once that is
done, so that nobody ever sees what it was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from karl.recipe.evolve.declaration.model import Command
from karl.recipe.evolve.upgrade import sitecommands, storagesteps
from karl.recipe.evolve.upgrade.evolvesteps import Watcher
from karl.recipe.evolve.upgrade.model import Facts, Foreign
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base import files, process
from karl.recipe.release.base.errors import RefusedError

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_FUNCTION = re.compile(rf"{_NAME}:{_NAME}\Z", re.ASCII)

_CONFIGURATION = """\
<zodb main>
  <filestorage>
    path {data}
    blob-dir {blobs}
    pack-keep-old false
  </filestorage>
</zodb>
"""


def foreign(programs: Programs, at: str) -> Foreign:
    """Return what would be brought here; nothing is changed.

    :param at: as of when; empty: the newest.
    :raises RefusedError: the site gets no other one's data, or there is no backup.
    """
    declared = programs.declared
    if declared.refresh is None:
        raise RefusedError(
            f"The site {declared.name} gets no other site's data.",
            "Say in its buildout whose: refresh-from; and how to scrub them: scrub.",
        )
    source = declared.refresh.source
    found = programs.zeo("restore", *_words(source, at), "--dry-run")
    databases = Path(found["data"]).parents[1]
    return Foreign(
        source,
        found["backup"],
        ", ".join(" ".join(command) for command in declared.refresh.scrub),
        programs.database_is_here and _is_ours(databases),
    )


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder is here, and what we write there belongs to its owner."""
    try:
        return folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


def restore(work: Work) -> Facts:
    """Make a copy of the other site's backup.

    No copy was withheld when the run began: what is, was left by this step.
    """
    words = _words(work.facts["source"], work.facts["at"])
    found = work.programs.zeo("restore", *words, "--again")
    kept = ("data", "blobs", "database", "backup")
    return {"copy": found["number"], **{name: found[name] for name in kept}}


def _words(source: str, at: str) -> list[str]:
    words = ["--from", source, "--to-new-copy"]
    return [*words, "--at", at] if at else words


def remove(work: Work) -> str:
    """Remove the new copy, wherever it came from the run."""
    copies = {
        int(row["number"]): row
        for row in work.programs.zeo("status", "--copies")["copies"]
    }
    numbers = [work.copy] if work.copy is not None else []
    if work.copy is None:
        numbers = [number for number, row in copies.items() if row["withheld"]]
    done = []
    for number in numbers:
        row = copies.get(number)
        if row is None or row["status"] == "live":
            continue
        if row["status"] != "retired":
            work.programs.zeo("retire", str(number))
        work.programs.zeo("prune", "--copy", str(number))
        done.append(f"removed database copy {number}")
    return ", ".join(done)


def scrub(work: Work) -> Facts:
    """Run the site's functions and commands on the copy."""
    assert work.declared.refresh  # noqa: S101  # it was planned
    commands = work.declared.refresh.scrub
    for command in commands:
        text = " ".join(command)
        work.reporter.say(f"Scrubbing: {text}")
        if len(command) == 1 and _FUNCTION.match(command[0]):
            _evolve_run(work, "--call", command[0])
        else:
            _run(work, command)
    return {"scrubbed": [" ".join(command) for command in commands]}


def forget(work: Work) -> Facts:
    """Keep nothing of what was scrubbed: neither history, nor files beside it."""
    _evolve_run(work, "--pack")
    return {}


def need_not_forget(work: Work) -> str:
    """Tell that the data may be seen as they were."""
    return "" if work.facts.get("scrubbed") else "nothing was scrubbed"


def serve(work: Work) -> Facts:
    """Serve the copy on the free address: from here on it may be seen."""
    return storagesteps.serve(work, "--scrubbed")


def _evolve_run(work: Work, *words: str) -> None:
    where = ("--data", work.facts["data"], "--blobs", work.facts["blobs"])
    watcher = Watcher(work.reporter)
    code = work.programs.evolve_run(work.facts["version"], [*words, *where], watcher)
    if code:
        raise watcher.failure(code)


def _run(work: Work, command: Command) -> None:
    configuration = work.places.scrub_conf
    files.write(configuration, _configuration(work))
    limit = work.declared.timeouts.evolve
    sitecommands.run(work, "scrub", command, limit, _environment(work))


def _environment(work: Work) -> Mapping[str, str]:
    release = work.programs.places.layout.release(work.facts["version"])
    return process.clean_environment(
        SITE=work.declared.name,
        COPY=work.number("copy"),
        ZODB_CONF=str(work.places.scrub_conf),
        PYTHON=str(release.bin / "python"),
        PYTHONDONTWRITEBYTECODE="1",
    )


def _configuration(work: Work) -> str:
    """Return the ``zodb.conf`` of the copy's files; ``$`` has a meaning in it."""
    quoted = {name: work.facts[name].replace("$", "$$") for name in ("data", "blobs")}
    return _CONFIGURATION.format(**quoted)
