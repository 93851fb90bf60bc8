"""Deciding what a switch will do: from a state and a request to a plan.

Pure: nothing here reads or changes a disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.names import checked_label
from karl.recipe.release.sites.revisionlog import HOOKS_FAILED, HOOKS_UNKNOWN
from karl.recipe.release.sites.revisions import Binding, Revision
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.sitestate import SiteState

SWITCH = "switch"
PREPARE = "prepare"
ACTIVATE = "activate"
ROLLBACK = "rollback"
HOOKS = "hooks"
NOTHING = "nothing"

VERIFY = "verify"
SMOKE = "smoke"
WRITE = "write"
RENAME = "rename"

_STEPS = {
    SWITCH: (VERIFY, SMOKE, WRITE, RENAME, HOOKS),
    PREPARE: (VERIFY, SMOKE, WRITE),
    ACTIVATE: (VERIFY, SMOKE, RENAME, HOOKS),
    ROLLBACK: (VERIFY, SMOKE, RENAME, HOOKS),
    HOOKS: (VERIFY, HOOKS),
    NOTHING: (VERIFY,),
}


@dataclass(frozen=True)
class SwitchRequest:
    """What the operator asks for.

    :ivar action: ``switch``, ``prepare``, ``activate`` or ``rollback``.
    :ivar release: version of the release; for switch and prepare.
    :ivar to: number of the revision; for activate, and where rollback is told.
    :ivar binding: the database to bind; None: the one that is bound now.
    :ivar configured: bind what the buildout says, not what is bound now.
    :ivar note: what to record in the revision.
    :ivar full: compare every byte of the release, not only sizes and modes.
    :ivar accept_damaged: version of a damaged release to accept, or "".
    :ivar hooks: run the commands after the switch.
    :ivar smoke: import the release first.
    :ivar smoke_timeout: seconds for the smoke test; None: the site's own.
    :ivar wait: seconds to wait for another command to end.
    """

    action: str
    release: str = ""
    to: int | None = None
    binding: Binding | None = None
    configured: bool = False
    note: str = ""
    full: bool = False
    accept_damaged: str = ""
    hooks: bool = True
    smoke: bool = True
    smoke_timeout: float | None = None
    wait: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What will be done.

    :ivar action: as in the request; or ``hooks``, to finish what an earlier run
        began; or ``nothing``.
    :ivar number: number of the revision that it is about.
    :ivar release: version of its release.
    :ivar release_sha256: what the release's manifest must hash to, or "" if any.
    :ivar binding: of a revision that will be written.
    :ivar previous: number of the revision that is live now.
    :ivar steps: names of the steps, in order.
    """

    action: str
    number: int
    release: str
    release_sha256: str
    binding: Binding | None
    previous: int | None
    steps: tuple[str, ...]

    def describe(self, hooks: tuple[tuple[str, ...], ...]) -> list[str]:
        """Return a sentence for each step."""
        database = self.binding.database if self.binding else None
        bound = f", bound to database {database}" if database else ""
        words = {
            VERIFY: f"check that release {self.release} is sealed and complete",
            SMOKE: f"import the entry points of release {self.release}",
            WRITE: f"write revision {self.number}: release {self.release}{bound}",
            RENAME: f"point current to revision {self.number} by one rename",
        }
        lines = [words[step] for step in self.steps if step in words]
        if HOOKS in self.steps:
            lines += [f"run {' '.join(command)}" for command in hooks]
        if self.action == NOTHING:
            lines.append(f"nothing else: revision {self.number} is as asked for")
        return lines


def make_plan(
    state: SiteState,
    request: SwitchRequest,
    binding: Binding | None,
    release_sha256: str,
) -> Plan:
    """Decide what to do.

    :param binding: the binding that a new revision gets; see :func:`binding_for`.
    :param release_sha256: of the manifest of the requested release, or "".
    :raises RefusedError: the state forbids it.
    """
    if request.action in (SWITCH, PREPARE) and binding is not None:
        return _plan_new(state, request, binding, release_sha256)
    return _plan_existing(state, request)


def binding_for(
    request: SwitchRequest, live: Binding | None, config: SiteConfig
) -> Binding:
    """Return the binding of a new revision: named, else bound now, else built."""
    if request.binding is not None:
        return request.binding
    if request.configured or live is None:
        return Binding(config.database, config.zodb_conf)
    return live


def _plan_new(
    state: SiteState, request: SwitchRequest, binding: Binding, sha256: str
) -> Plan:
    version = checked_label(request.release)

    def same(revision: Revision | None) -> bool:
        return (
            revision is not None
            and (revision.release, revision.release_sha256) == (version, sha256)
            and revision.binds(binding)
        )

    if same(state.live) and state.live is not None:
        return _plan_live(state, state.live, request)
    number = state.next_number
    action = request.action
    if action == PREPARE:
        prepared = [
            revision.number
            for revision in state.revisions.values()
            if same(revision)
            and revision.previous == state.current
            and not state.is_live_or_was(revision.number)
        ]
        if prepared:
            number, action = prepared[-1], NOTHING
    return Plan(
        action, number, version, sha256, binding, state.current, _steps(action, request)
    )


def _plan_existing(state: SiteState, request: SwitchRequest) -> Plan:
    number = request.to
    if number is None:
        number = state.rollback_target
    if number is None:
        raise RefusedError(
            "There is no revision to go back to.",
            "Name one with --to; switch-version --list shows them.",
        )
    revision = _whole(state, number)
    if number == state.current:
        return _plan_live(state, revision, request)
    if request.action == ROLLBACK and not state.is_live_or_was(number):
        raise RefusedError(
            f"Revision {number} was never live: nothing to go back to.",
            f"Make it live with switch-version --activate {number}.",
        )
    if request.action == ACTIVATE:
        _check_activation(state, revision)
    return Plan(
        request.action,
        number,
        revision.release,
        revision.release_sha256,
        None,
        state.current,
        _steps(request.action, request),
    )


def _check_activation(state: SiteState, revision: Revision) -> None:
    if state.is_live_or_was(revision.number):
        raise RefusedError(
            f"Revision {revision.number} was live before.",
            f"Go back to it with switch-version --rollback --to {revision.number}.",
        )
    if revision.previous != state.current:
        raise RefusedError(
            f"Revision {revision.number} was prepared while revision "
            f"{revision.previous} was live; now {state.current} is.",
            f"Prepare it anew: switch-version {revision.release} --prepare.",
        )


def _plan_live(state: SiteState, revision: Revision, request: SwitchRequest) -> Plan:
    """Plan for what is live already: finish its hooks if they are due, or nothing."""
    due = state.history.hooks_of(revision.number) in (HOOKS_FAILED, HOOKS_UNKNOWN)
    interrupted = any(
        run.revision == revision.number for run in state.history.unfinished
    )
    action = HOOKS if request.hooks and (due or interrupted) else NOTHING
    made_live = [run for run in state.history.live if run.revision == revision.number]
    return Plan(
        action,
        revision.number,
        revision.release,
        revision.release_sha256,
        None,
        made_live[-1].previous if made_live else state.previous_of(revision.number),
        _steps(action, request),
    )


def _whole(state: SiteState, number: int) -> Revision:
    if number in state.damaged:
        raise state.damaged[number]
    if number not in state.revisions:
        raise RefusedError(
            f"There is no revision {number}.", "See switch-version --list."
        )
    return state.revisions[number]


def _steps(action: str, request: SwitchRequest) -> tuple[str, ...]:
    unwanted = {HOOKS: not request.hooks, SMOKE: not request.smoke}
    return tuple(step for step in _STEPS[action] if not unwanted.get(step))
