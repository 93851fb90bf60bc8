"""One run of steps: forward, and back where that must be.

A step is written to the journal before it is begun and when it is done.  When one
fails, all that was begun is undone in reverse order, until the new database copy is
live; from then on a run can only be finished, or be gone back from by a rollback.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

from karl.recipe.evolve.upgrade import (
    history,
    interruption,
    report,
    sitesteps,
    storagesteps,
)
from karl.recipe.evolve.upgrade.history import DONE, UNDONE, Run
from karl.recipe.evolve.upgrade.model import FIRST, REFRESH
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.step import Step, Work
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError, RefusedError, UnfinishedError
from karl.recipe.release.base.journal import Journal

#: What a command of the site said when it failed is in a report, too.
_PAGE = 0o640


class Operation:
    """One run, with its journal."""

    def __init__(self, programs: Programs, run: Run) -> None:
        self.run = run
        self.steps = STEPS[run.kind]
        self.resumed = bool(run.attempts)
        self.journal = Journal(run.places.journal)
        programs = dataclasses.replace(programs, errors=run.places.errors)
        self.work = Work(
            programs.declared, run.places, programs, programs.reporter, dict(run.facts)
        )

    def note(self, event: str, **details: Any) -> None:
        """Write to the journal, durably."""
        self.journal.append(event, **details)

    def is_live(self) -> bool:
        """Tell whether the new database copy is live: there is something to lose."""
        return self.run.is_begun("adopt") and bool(storagesteps.is_live(self.work))

    def check_no_first(self) -> None:
        """Refuse if the site's first revision is live: there is none before it.

        :raises RefusedError: it is.
        """
        if self.run.kind == FIRST and self._has_happened():
            number = self.run.facts["revision"]
            raise RefusedError(
                f"Revision {number} is live, and the site has none before it.",
                "Finish: evolve --resume.",
            )

    def _has_happened(self) -> bool:
        """Tell whether something was done that cannot be undone, only finished."""
        return any(map(self._is_final, self.steps))

    def _is_final(self, step: Step) -> bool:
        if not step.final or not self.run.is_begun(step.name):
            return False
        if self.run.is_done(step.name) or step.undo is not None:
            return self.run.is_done(step.name)
        with contextlib.suppress(KarlError):
            return bool(step.check(self.work))
        return False

    @property
    def is_left(self) -> bool:
        """Tell whether the run is done, but for what can be done later."""
        return self.run.outcome == DONE and any(map(self._is_left, self.steps))

    def _is_left(self, step: Step) -> bool:
        done = self.run.is_done(step.name)
        return step.late and not done and not step.check(self.work)

    def forward(self, *, late: bool = True) -> Run:
        """Do all steps that are not done.

        :param late: also what can be done later.
        :raises KarlError: one failed.
        """
        with contextlib.closing(self.work):
            return self._forward(late=late)

    def _forward(self, *, late: bool) -> Run:
        for step in self.steps:
            if self._is_left(step):
                self._end()
                if not late:
                    continue
            if not self.run.is_done(step.name):
                try:
                    self._do(step)
                # Whatever it is: production must not be left half-way.
                except (Exception, KeyboardInterrupt) as caught:  # noqa: BLE001
                    self._deal_with(step, caught)
        self._end()
        return self._ended()

    def _deal_with(self, step: Step, caught: BaseException) -> None:
        """Go on with a warning, if the run can; else undo, and raise."""
        error = interruption.told(caught)
        if step.soft:
            try:
                return self._warn(step, error)
            except OSError as worse:  # The disk is full.
                error = interruption.told(worse)
        raise self._failed(step, error) from caught

    def _end(self) -> None:
        """Note that the run has done what it should, and write its report."""
        if not self.run.outcome:
            self.note("end", outcome=DONE)
            self.run.outcome = DONE
            self._ended()

    def _do(self, step: Step) -> None:
        work, began = self.work, time.time()
        self._limit(step)
        self.note("step", step=step.name)
        self.run.attempts[step.name] = history.Attempt(began)
        skipped = "" if step.sure and not self.resumed else step.check(work)
        if not skipped:
            work.reporter.say(f"[{step.phase}] {self.run.texts[step.name]}")
        found = {} if skipped else dict(step.apply(work))
        seconds = round(time.time() - began, 3)
        # Known even if the journal cannot be written: it may have to be undone.
        work.facts.update(found)
        self.note("done", step=step.name, facts=found, seconds=seconds, skipped=skipped)
        self.run.attempts[step.name].seconds = seconds
        work.done_now.add(step.name)

    def _limit(self, step: Step) -> None:
        """Look whether there is time left for a step in the window."""
        allowed, begun = self.work.declared.timeouts.window, self.run.attempts
        if not allowed or not step.window or "mode" not in begun:
            return
        if any(self.run.is_done(each.name) for each in self.steps if each.final):
            return
        self.work.limit = begun["mode"].begun + allowed
        sitesteps.check_window(self.work)

    def _warn(self, step: Step, error: KarlError) -> None:
        tip = " Go on with: evolve --resume." if step.late else ""
        text = f"{step.name}: {error}{tip}"
        self.work.reporter.warn(text)
        self.note("warning", text=text)

    def _failed(self, step: Step, error: KarlError) -> KarlError:
        """Undo everything, unless it is too late; return the error to end with."""
        with contextlib.suppress(OSError):
            self.note(
                "failed", step=step.name, message=error.message, tip=error.tip,
                exit=error.exit_code,
            )  # fmt: skip
        first = f"The step {step.name} failed: {error.message}"
        if self._has_happened():
            self._ended()
            return UnfinishedError(
                f"{first} The new release and its data are live.",
                f"{error.tip} Finish: evolve --resume.".strip(),
            )
        self.work.reporter.warn(first)
        try:
            run = self.undo(first)
        except UnfinishedError as worse:
            return worse
        undone = "; ".join(run.undone) or "nothing had to be"
        whose = "The site" if self.run.kind == REFRESH else "Production"
        message = f"{first} {whose} is as it was before. Undone: {undone}."
        # "Done, but not all" is not true of what was undone.
        kind = KarlError if isinstance(error, UnfinishedError) else type(error)
        return kind(message, error.tip)

    def undo(self, why: str) -> Run:
        """Undo all that was begun, in reverse order.

        :raises UnfinishedError: something could not be undone.
        """
        problems: list[str] = []
        with interruption.ignored():
            self._note_if_possible(problems, "undoing", why=why)
            for step in reversed(self.steps):
                if step.undo is None or not self.run.is_begun(step.name):
                    continue
                if not self._undo(step, problems) and step.barrier:
                    break
            if not problems:
                self._note_if_possible(problems, "end", outcome=UNDONE)
        if problems:
            raise UnfinishedError(
                f"{why} Not everything could be undone: {' '.join(problems)}",
                "Correct that, then: evolve --abort.",
            )
        return self._ended()

    def _undo(self, step: Step, problems: list[str]) -> bool:
        assert step.undo is not None  # noqa: S101  # the caller has looked
        self._note_if_possible(problems, "undo", step=step.name)
        try:
            text = step.undo(self.work)
        except Exception as caught:  # noqa: BLE001  # the rest is undone all the same
            error = interruption.told(caught)
            problems.append(f"{step.name}: {error}")
            self.work.reporter.warn(f"Not undone: {step.name}: {error}")
            return False
        if text:
            self.work.reporter.say(f"Undone: {text}")
        self._note_if_possible(problems, "undone", step=step.name, text=text)
        return True

    def _note_if_possible(
        self, problems: list[str], event: str, **details: Any
    ) -> None:
        """Write to the journal; a full disk must not keep production from going on."""
        try:
            self.note(event, **details)
        except OSError as error:
            text = f"The journal cannot be written: {error}."
            if text not in problems:
                problems.append(text)

    def _ended(self) -> Run:
        """Return the run as its journal has it, and write its report."""
        run = history.load(self.run.places)
        with contextlib.suppress(OSError):
            data = files.canonical_json(report.data(run))
            files.write(run.places.report_json, data, _PAGE)
            files.write(run.places.report_html, report.page(run), _PAGE)
        return run
