"""One plan of a switch, on its way to being done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from karl.recipe.release.base.errors import UnfinishedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.recovery import took_effect
from karl.recipe.release.sites.releasecheck import CheckedRelease, check_release
from karl.recipe.release.sites.revisionlog import (
    DONE,
    FAILED,
    HOOKS_DONE,
    HOOKS_FAILED,
    HOOKS_NONE,
    HOOKS_SKIPPED,
    HOOKS_UNKNOWN,
    MAKES_LIVE,
    WRITES,
    RevisionLog,
    Run,
)
from karl.recipe.release.sites.revisions import Revision
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.sitestate import SiteState, actor
from karl.recipe.release.sites.switchplan import (
    HOOKS,
    NOTHING,
    PREPARE,
    RENAME,
    SMOKE,
    VERIFY,
    WRITE,
    Plan,
    SwitchRequest,
)


@dataclass(frozen=True)
class SwitchResult:
    """What came of a switch.

    :ivar plan: what was decided.
    :ivar changed: False if all was as asked for already.
    :ivar hooks: what became of the commands after the switch.
    :ivar warnings: what the operator should know.
    :ivar seconds: how long each step took.
    """

    plan: Plan
    changed: bool
    hooks: str
    warnings: tuple[str, ...]
    seconds: dict[str, float]


@dataclass
class Stopwatch:
    """Measures the steps of one run."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the time that the body takes to *step*."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[step] = round(self.seconds.get(step, 0.0) + spent, 6)


class Switching:
    """One plan on its way to being done."""

    def __init__(
        self,
        site: SiteLayout,
        config: SiteConfig,
        state: SiteState,
        plan: Plan,
        request: SwitchRequest,
        reporter: Reporter,
        watch: Stopwatch,
    ) -> None:
        self.site = site
        self.config = config
        self.state = state
        self.plan = plan
        self.request = request
        self.reporter = reporter
        self.watch = watch
        self.log = RevisionLog(site.revision_log)
        self.warnings: list[str] = []
        self.checked: CheckedRelease | None = None
        self.hooks = "" if plan.action in (NOTHING, PREPARE) else HOOKS_SKIPPED

    def apply(self) -> SwitchResult:
        """Run the checks, then make the changes under an intent."""
        self.check()
        steps = {WRITE: self._write, RENAME: self._rename, HOOKS: self._run_hooks}
        changes = [step for step in self.plan.steps if step in steps]
        if changes:
            run = self.log.begin(self._intent())
            with self._settled(run):
                for step in changes:
                    self._measured(step, steps[step])
        return SwitchResult(
            self.plan,
            changed=bool(changes),
            hooks=self.hooks,
            warnings=tuple(self.warnings),
            seconds=dict(self.watch.seconds),
        )

    def check(self) -> None:
        """Do what of the plan changes nothing: verify, and the smoke test."""
        for step, action in ((VERIFY, self._verify), (SMOKE, self._smoke)):
            if step in self.plan.steps:
                self._measured(step, action)

    def _measured(self, step: str, action: Callable[[], None]) -> None:
        with self.watch.measure(step):
            action()

    def _intent(self) -> Run:
        return Run(
            key="",
            action=self.plan.action,
            revision=self.plan.number,
            previous=self.plan.previous,
            release=self.plan.release,
            details={**actor(), "note": self.request.note},
        )

    @contextlib.contextmanager
    def _settled(self, run: Run) -> Iterator[None]:
        """Write the outcome, whether the body succeeds or fails."""
        try:
            yield
        except UnfinishedError:
            with contextlib.suppress(OSError):
                self.log.finish(run, DONE, self.hooks)
            raise
        except BaseException as error:
            self._undo(run, error)
            raise
        try:
            self.log.finish(run, DONE, self.hooks)
        except OSError as error:
            raise self._unfinished(
                f"the revision log cannot be written: {error}"
            ) from (error)

    def _undo(self, run: Run, error: BaseException) -> None:
        """After a failure: leave things as they were, or say that they changed."""
        if run.action in MAKES_LIVE and took_effect(self.site, run):
            with contextlib.suppress(OSError):
                self.log.finish(run, DONE, HOOKS_UNKNOWN, error=str(error))
            if isinstance(error, Exception):
                raise self._unfinished(str(error)) from error
            return
        with contextlib.suppress(OSError):
            if run.action in WRITES and self.plan.number in revisions.numbers(
                self.site
            ):
                revisions.remove(self.site, self.plan.number)
            self.log.finish(run, FAILED, error=str(error))

    def _unfinished(self, what: str) -> UnfinishedError:
        back = self.plan.previous
        return UnfinishedError(
            f"Revision {self.plan.number} (release {self.plan.release}) is live, "
            f"but {what}",
            "Repair that, then run the same command again: it finishes what is left"
            + (
                f"; or go back with switch-version --rollback --to {back}."
                if back
                else "."
            ),
        )

    def _verify(self) -> None:
        self.checked = check_release(
            self.site,
            self.plan.release,
            self.plan.release_sha256,
            full=self.request.full,
            accept_damaged=self.request.accept_damaged,
            reporter=self.reporter,
        )
        self.warnings += self.checked.warnings

    def _smoke(self) -> None:
        # Running programs needs many modules; what runs none starts sooner.
        from karl.recipe.release.sites.smoke import smoke_test

        if self.checked is not None:
            timeout = self.request.smoke_timeout or self.config.smoke_timeout
            self.warnings += smoke_test(self.checked, timeout, self.reporter)

    def _write(self) -> None:
        binding = self.plan.binding
        if binding is None or self.checked is None:
            return
        self.reporter.say(f"Writing revision {self.plan.number}")
        revision = Revision(
            number=self.plan.number,
            release=self.plan.release,
            release_sha256=self.checked.sha256,
            database=binding.database,
            zodb_conf_sha256=binding.sha256,
            previous=self.plan.previous,
            when=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            note=self.request.note,
            accepted_damage=self.checked.damaged,
            **actor(),
        )
        revisions.write(self.site, revision, binding)

    def _rename(self) -> None:
        # A revision is loaded again right before it becomes live: what is
        # switched to is what is on disk, not what was meant to be there.
        revisions.load(self.site, self.plan.number)
        self.reporter.say(f"Pointing current to revision {self.plan.number}")
        revisions.make_current(self.site, self.plan.number)
        self.hooks = HOOKS_SKIPPED

    def _run_hooks(self) -> None:
        if not self.config.after_switch:
            self.hooks = HOOKS_NONE
            return
        from karl.recipe.release.sites import hooks

        previous = self.plan.previous
        env = hooks.environment(
            self.site,
            self.config,
            self.plan.action,
            revisions.load(self.site, self.plan.number),
            self.state.revisions.get(previous, previous) if previous else None,
        )
        failure = hooks.run_hooks(self.site, self.config, env, self.reporter)
        self.hooks = HOOKS_FAILED if failure else HOOKS_DONE
        if failure:
            raise self._unfinished(
                f"the command after the switch failed: {failure.error}"
            ) from failure.error
