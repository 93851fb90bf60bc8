"""The whole flow, on one screen: which steps each kind of run takes, in order.

The order is the guarantee.  The new copy is read-only until it is live, and it
becomes live last of all, when the new release has been found well on the address
that visitors use: until then there is nothing that could be lost, and every step
can be undone.  The names of the copies keep old software from evolved data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from karl.recipe.evolve.upgrade import evolvesteps as evolving
from karl.recipe.evolve.upgrade import model, rehearsing
from karl.recipe.evolve.upgrade import scrubsteps as scrubbing
from karl.recipe.evolve.upgrade import sitesteps as site
from karl.recipe.evolve.upgrade import storagesteps as storage
from karl.recipe.evolve.upgrade.hooksteps import hook
from karl.recipe.evolve.upgrade.step import Step

_CHECK = Step(
    "check-release", "prepare", "check that release {version} is whole and imports",
    site.check_release,
)  # fmt: skip

_COPY = (
    Step("backup", "prepare", "back up the live database copy", storage.back_up),
    Step(
        "stage", "prepare", "make a new database copy from the backup",
        storage.stage, undo=storage.retire,
    ),
    Step(
        "load", "prepare", "have {version} loaded by the processes that will evolve",
        evolving.load,
    ),
    Step(
        "catch-up", "prepare", "add to it what was committed meanwhile",
        storage.catch_up,
    ),
)  # fmt: skip

_READ_ONLY = (
    hook("before", "read-only", window=False),
    Step(
        "inhibit", "read-only", "inhibit cron jobs, and wait for those that run",
        site.inhibit_jobs, undo=site.allow_jobs_again,
    ),
    Step(
        "mode", "read-only", "refuse writes politely; reading goes on",
        site.refuse_writes, undo=site.restore_mode, window=True,
    ),
    Step(
        "freeze", "read-only", "have the live database refuse commits",
        storage.freeze, undo=storage.thaw, window=True,
    ),
    hook("after", "read-only"),
)  # fmt: skip

_EVOLVE = (
    hook("before", "evolve"),
    Step(
        "final-catch-up", "evolve", "add the last commits to the new copy",
        storage.catch_up_to_the_end, window=True,
    ),
    Step(
        "evolve", "evolve", "evolve the new copy with {version}",
        evolving.evolve, window=True,
    ),
    Step(
        "verify", "evolve", "check what the steps declare", evolving.verify,
        window=True,
    ),
    hook("after", "evolve"),
)  # fmt: skip

_TRIAL = (
    Step(
        "serve", "trial", "serve the new copy on the free address, read-only",
        storage.serve, undo=storage.unserve, window=True,
    ),
    Step(
        "revision", "trial", "write the revision: release {version}, the new copy",
        site.write_revision, undo=site.discard_revision, window=True,
    ),
    Step(
        "try", "trial", "try the revision in a private process", site.try_revision,
        window=True,
    ),
    Step(
        "wait", "trial", "wait while the file that postpones the cut-over is there",
        site.wait_for_file, check=site.is_not_postponed, window=True,
    ),
)  # fmt: skip


def _live(what: str) -> tuple[Step, ...]:
    """Return the steps that make a revision live and find it well."""
    return (
        Step(
            "activate", "cut-over", f"make {what} the live one by one rename",
            site.activate, check=site.is_current, undo=site.deactivate,
            sure=True, window=True, barrier=True,
        ),
        Step(
            "restart", "cut-over", "restart one process after the other",
            site.restart, check=site.is_running, window=True,
        ),
        Step(
            "health", "cut-over", "ask the site on its own address whether it is well",
            site.check_health, window=True,
        ),
    )  # fmt: skip


def _unfrozen(step: Step) -> Step:
    """Return a step as it is where writes go on."""
    return dataclasses.replace(step, window=False)


_REHEARSAL = (
    *(_unfrozen(step) for step in (_EVOLVE[2], _EVOLVE[3], *_TRIAL[:3])),
    Step(
        "discard", "rehearse", "discard the revision that was tried",
        site.discard_tried,
    ),
    Step("drop", "rehearse", "remove the copy", storage.drop),
    Step("predict", "rehearse", "predict the read-only window", rehearsing.predict),
)  # fmt: skip

_ADOPT = (
    Step(
        "adopt", "cut-over", "make its database copy the live one, and writable",
        storage.adopt, check=storage.is_live, undo=storage.adopt_back,
        sure=True, window=True, barrier=True, final=True,
    ),
    Step(
        "normal", "cut-over", "accept writes", site.accept_writes,
        undo=site.refuse_writes_again, window=True, final=True,
    ),
    Step("allow", "cut-over", "let cron jobs begin again", site.allow_jobs, final=True),
)  # fmt: skip

_FINISH = Step(
    "unserve", "finish", "stop serving the former copy, and keep it",
    storage.unserve_old, soft=True,
)  # fmt: skip

_DEFERRED = Step(
    "deferred", "background", "do what the steps left for the background",
    evolving.do_deferred, check=evolving.is_nothing_deferred, soft=True, late=True,
)  # fmt: skip

_BACK = (
    hook("before", "rollback", window=False),
    Step(
        "serve-former", "prepare", "serve the former database copy, read-only",
        storage.serve_former, undo=storage.unserve_former,
    ),
    Step(
        "losses", "prepare", "count what would be lost", storage.count_losses,
    ),
)  # fmt: skip

_FOREIGN = (
    Step(
        "restore", "prepare", "make a new database copy from a backup of {source}",
        scrubbing.restore, undo=scrubbing.remove,
    ),
    hook("before", "evolve", window=False),
    Step("evolve", "evolve", "evolve the new copy with {version}", evolving.evolve),
    Step("scrub", "scrub", "make it fit to be seen: {scrub}", scrubbing.scrub),
    Step(
        "forget", "scrub", "pack it, so that nothing is left of what was scrubbed",
        scrubbing.forget, check=scrubbing.need_not_forget,
    ),
    Step("verify", "scrub", "check what the steps declare", evolving.verify),
    hook("after", "evolve", window=False),
    Step(
        "serve", "trial", "serve the new copy on the free address, read-only",
        scrubbing.serve, undo=storage.unserve,
    ),
)  # fmt: skip

STEPS: Mapping[str, tuple[Step, ...]] = {
    model.UPGRADE: (
        _CHECK,
        *_COPY,
        *_READ_ONLY,
        *_EVOLVE,
        *_TRIAL,
        hook("before", "cut-over"),
        *_live("the revision"),
        *_ADOPT,
        _FINISH,
        hook("after", "cut-over", window=False),
        _DEFERRED,
    ),
    model.REHEARSAL: (_CHECK, *_COPY, *_REHEARSAL),
    model.SWITCH: (
        _CHECK,
        Step(
            "revision", "trial", "write the revision: release {version}, same copy",
            site.write_same_revision, undo=site.discard_revision,
        ),
        *map(_unfrozen, _TRIAL[2:]),
        hook("before", "cut-over", window=False),
        *map(_unfrozen, _live("the revision")),
        hook("after", "cut-over", window=False),
        _DEFERRED,
    ),
    model.BACKGROUND: (_DEFERRED,),
    model.ROLLBACK: (
        *_BACK,
        *_READ_ONLY,
        Step(
            "exact-losses", "read-only", "count once more", storage.count_losses,
            window=True,
        ),
        *_live("revision {revision}"),
        *_ADOPT,
        _FINISH,
        hook("after", "rollback", window=False),
    ),
    model.SWITCH_BACK: (
        hook("before", "rollback", window=False),
        *map(_unfrozen, _live("revision {revision}")),
        hook("after", "rollback", window=False),
    ),
    model.REFRESH: (
        _CHECK,
        *_FOREIGN,
        *map(_unfrozen, _TRIAL[1:]),
        hook("before", "cut-over", window=False),
        *_READ_ONLY[1:3],
        *_live("the revision"),
        *_ADOPT,
        _FINISH,
        hook("after", "cut-over", window=False),
        _DEFERRED,
    ),
    model.FIRST: (
        _CHECK,
        Step(
            "bind", "trial", "learn from zeoctl how the live database copy is reached",
            storage.bind,
        ),
        Step(
            "revision", "trial", "write the revision: release {version}, that copy",
            site.write_revision, undo=site.discard_revision,
        ),
        *map(_unfrozen, _TRIAL[2:]),
        hook("before", "cut-over", window=False),
        Step(
            "activate", "cut-over", "make the revision the live one",
            site.activate, check=site.is_current, final=True,
        ),
        hook("after", "cut-over", window=False),
    ),
}  # fmt: skip
