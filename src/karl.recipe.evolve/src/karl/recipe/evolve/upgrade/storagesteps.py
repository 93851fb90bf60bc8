"""Steps that the database server takes: each is a verb of ``zeoctl``."""

from __future__ import annotations

import time
from typing import Any

from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError, UnfinishedError

#: How ``zeoctl`` begins to say that it stages a copy.
_STAGING = "stage "

#: Seconds between two looks at what the database server does.
_PAUSE = 1.0


def back_up(work: Work) -> Facts:
    """Back up the live copy, so that what is backed up later is little."""
    return {"backup": work.programs.zeo("backup")["backup"]}


def stage(work: Work) -> Facts:
    """Make a copy of the live database from its backup.

    Nothing was staged when the run began: what is, was left by this step.
    """
    found = work.programs.zeo("stage", "--again")
    kept = ("data", "blobs", "database")
    return {"copy": found["number"], **{name: found[name] for name in kept}}


def retire(work: Work) -> str:
    """Give up the new copy; its files stay until they are pruned."""
    _let_staging_end(work)
    numbers = _ours(work)
    for number in numbers:
        work.programs.zeo("retire", str(number))
    return _sentence("retired database copy", numbers)


def _let_staging_end(work: Work) -> None:
    """Wait while a copy is being staged: who asked for it was cut off, or killed.

    :raises UnfinishedError: that takes longer than a command may.
    """
    limit = time.monotonic() + work.declared.timeouts.storage
    told = ""
    while work.copy is None:
        doing = str(work.programs.zeo("status")["doing"] or "")
        if not doing.startswith(_STAGING):
            return
        if time.monotonic() > limit:
            raise UnfinishedError(
                f"The database server goes on with what was asked for: {doing}.",
                "Wait until it has ended.",
            )
        if doing != told:
            work.reporter.say(f"Waiting until the database server has done: {doing}")
            told = doing
        time.sleep(_PAUSE)


def drop(work: Work) -> Facts:
    """Give up the copy that was rehearsed on, and remove its files."""
    retire(work)
    if work.copy is not None and _status(work, work.copy) == "retired":
        work.programs.zeo("prune", "--copy", str(work.copy))
    return {}


def catch_up(work: Work) -> Facts:
    """Add what was committed since to the copy, while production goes on."""
    return {"tail": work.programs.zeo("catch-up", work.number("copy"))["added"]}


def freeze(work: Work) -> Facts:
    """Have the live copy refuse commits, and learn its last transaction."""
    return {"tid": work.programs.zeo("read-only")["tid"]}


def thaw(work: Work) -> str:
    """Have the copy that was live before accept commits again."""
    number = work.facts["copy_from"]
    if _live(work) != number:
        return ""
    work.programs.zeo("writable")
    return f"made database copy {number} writable"


def catch_up_to_the_end(work: Work) -> Facts:
    """Add the rest to the copy, which then ends with the recorded transaction."""
    words = (work.number("copy"), "--final", "--tid", work.facts["tid"])
    return {"final_tail": work.programs.zeo("catch-up", *words)["added"]}


def serve(work: Work, *words: str) -> Facts:
    """Serve the new copy on the free address, read-only until it is live.

    :param words: what else is said to zeoctl.
    """
    number = work.number("copy")
    if not work.is_direct:
        # It is served already, and writable, to the one who has evolved it.
        work.programs.zeo("read-only", "--copy", number)
    found = work.programs.zeo("serve", number, "--read-only", *words)
    files.write(work.places.zodb_conf, found["zodb_conf"])
    return {"database": found["database"], "address": found["address"]}


def bind(work: Work) -> Facts:
    """Learn how clients reach the live copy."""
    found = work.programs.zeo("client-conf")
    files.write(work.places.zodb_conf, found["zodb_conf"])
    return {"database": found["database"]}


def serve_for_evolving(work: Work) -> None:
    """Serve the new copy, writable, to the one who evolves it."""
    number = work.number("copy")
    work.programs.zeo("writable", "--copy", number)
    files.write(work.places.zodb_conf, work.programs.zeo("serve", number)["zodb_conf"])


def unserve(work: Work) -> str:
    """Stop serving the new copy."""
    numbers = _ours(work)
    for number in numbers:
        work.programs.zeo("unserve", str(number))
    return _sentence("stopped serving database copy", numbers)


def adopt(work: Work) -> Facts:
    """Make the new copy the live one, and writable: from here on it counts."""
    words = ["--discard-writes"] if work.facts.get("discard_writes") else []
    found = work.programs.zeo("adopt", work.number("copy"), *words)
    return {"discarded": found.get("discarded")}


def is_live(work: Work) -> str:
    """Tell whether the new copy is live already."""
    live = _live(work)
    return f"database copy {live} is live already" if live == work.copy else ""


def adopt_back(work: Work) -> str:
    """Make the copy that was live before the live one again.

    :raises RefusedError: something was written to the new copy since.
    """
    before = work.facts["copy_from"]
    if _live(work) == before:
        return ""
    work.programs.zeo("serve", str(before))
    work.programs.zeo("adopt", str(before))
    return f"made database copy {before} the live one again"


def check_going_back(work: Work) -> None:
    """Refuse if :func:`adopt_back` would; what is served stays as it is then.

    :raises RefusedError: something was written to the new copy since.
    """
    before = work.facts["copy_from"]
    found = work.programs.zeo("status")
    if found["live"] is not None and int(found["live"]["number"]) == before:
        return
    served = [int(server["number"]) for server in found["servers"]]
    work.programs.zeo("serve", str(before))
    try:
        work.programs.zeo("adopt", str(before), "--dry-run")
    except RefusedError:
        if before not in served:
            work.programs.zeo("unserve", str(before))
        raise


def serve_former(work: Work) -> Facts:
    """Serve the copy that was live before, read-only, on the free address."""
    found = work.programs.zeo("serve", work.number("copy"))
    return {"database": found["database"]}


def unserve_former(work: Work) -> str:
    """Stop serving the copy that a rollback did not get to."""
    number = work.facts["copy"]
    if _live(work) == number:
        return ""
    work.programs.zeo("unserve", str(number))
    return f"stopped serving database copy {number}"


def count_losses(work: Work) -> Facts:
    """Count what the live copy has that the copy to go back to has not.

    :raises RefusedError: there is something, and it was not said to be given up.
    """
    number = work.number("copy")
    found = work.programs.zeo("adopt", number, "--discard-writes", "--dry-run")
    lost = found["discarded"]
    if lost != 0 and not work.facts.get("discard_writes"):
        told = f"{lost} transaction" + ("" if lost == 1 else "s")
        told = "transactions that cannot be counted" if lost is None else told
        raise RefusedError(
            f"A rollback would lose {told}, committed to database copy "
            f"{work.facts['copy_from']} since it became live.",
            "To give that up: evolve --rollback --discard-writes; copy "
            f"{work.facts['copy_from']} is kept all the same.",
        )
    return {"lost": lost}


def unserve_old(work: Work) -> Facts:
    """Stop serving the copy that was live before; it is kept."""
    work.programs.zeo("unserve", work.number("copy_from"))
    return {}


def _live(work: Work) -> int | None:
    live: Any = work.programs.zeo("status")["live"]
    return None if live is None else int(live["number"])


def _status(work: Work, number: int) -> str:
    return _copies(work).get(number, "")


def _copies(work: Work) -> dict[int, str]:
    found = work.programs.zeo("status", "--copies")["copies"]
    return {int(copy["number"]): str(copy["status"]) for copy in found}


def _ours(work: Work) -> list[int]:
    """Return the copies of this run that are neither live nor retired.

    If it is not known which was made, it is the one that is staged.
    """
    copies = _copies(work)
    if work.copy is None:
        return [number for number, status in copies.items() if status == "staged"]
    given_up = copies.get(work.copy) in {"staged", "ready", "former"}
    return [work.copy] if given_up and work.copy != work.facts["copy_from"] else []


def _sentence(what: str, numbers: list[int]) -> str:
    return f"{what} {', '.join(map(str, numbers))}" if numbers else ""
