"""What a killed or failed command left behind, put right by the next one.

The journal's end tells which command did not end, and its last steps; the state
and the disk tell how far it came.  A new copy that the state does not know yet
is removed; a change of the live copy is undone until the state has it, and
finished from then on; servers are brought to what the state says.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection
from dataclasses import dataclass

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import KarlError, UnreachableError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups import chains, leftovers, materialise
from karl.recipe.zeoserver.databases import packing
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import Status, StorageState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.operations import runs
from karl.recipe.zeoserver.operations.runs import Run
from karl.recipe.zeoserver.servers import control, processes

#: Seconds that a server has to answer: what is not told now is found out later.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Scene:
    """A storage in which something is to be put right; its lock is held."""

    central: Central
    name: str
    journal: Journal
    reporter: Reporter

    @property
    def places(self) -> StorageLayout:
        """Where everything of it is."""
        return self.central.storage_places(self.name)

    @property
    def state(self) -> StorageState:
        """What is true now."""
        return states.load(self.places)

    def save(self, state: StorageState) -> None:
        """Make *state* true."""
        states.save(self.places, state)


def recover(central: Central, name: str, journal: Journal, reporter: Reporter) -> None:
    """Put right what the last command left of a storage; its lock is held."""
    scene = Scene(central, name, journal, reporter)
    places = scene.places
    states.load(places)
    states.keep(places)
    for folder in (places.root, places.databases, places.repository.root):
        for path in files.remove_partial(folder):
            reporter.say(f"Removed unfinished work of an earlier command: {path}")
    leftovers.repair(places.repository, reporter)
    run = runs.last(journal)
    if run is not None and not run.settled:
        _settle(scene, run)
        journal.append("recovered", verb=run.verb)
    _note_pack(scene)
    _mend_packs(scene)
    _follow(scene)


def _settle(scene: Scene, run: Run) -> None:
    _remove_unknown(scene, run)
    _settle_adoption(scene, run)
    _withdraw_increment(scene, run)


def _remove_unknown(scene: Scene, run: Run) -> None:
    """Remove a new copy that was there before the state could know it."""
    step = run.step("place")
    if step is None or step["number"] in scene.state.copies:
        return
    root = scene.places.copy(step["number"]).root
    if root.exists():
        partial = files.partial_name(root)
        files.rename(root, partial)
        files.remove_tree(partial)
        scene.reporter.say(
            f"Removed database copy {step['number']}: {run.verb} did not finish it."
        )


def _settle_adoption(scene: Scene, run: Run) -> None:
    """Make the live copy what it was, unless another is live already."""
    step, state = run.step("freeze"), scene.state
    if step is None or state.live is None or state.live.number != step["old"]:
        return
    if state.live.read_only != step["was_read_only"]:
        scene.save(
            state.with_copy(
                dataclasses.replace(state.live, read_only=step["was_read_only"])
            )
        )
        scene.reporter.say(
            f"Undone: adopt {step['new']}, which was interrupted; database copy "
            f"{step['old']} is live as before."
        )


def _withdraw_increment(scene: Scene, run: Run) -> None:
    """Take from a staged copy what was added to it and is not known yet."""
    step, state = run.step("append"), scene.state
    if step is None or step["number"] not in state.copies:
        return
    copy = state.copy(step["number"])
    data = scene.places.copy(copy.number).data
    untouched = (
        copy.status is Status.STAGED
        and state.side_of(copy.number) is None
        and copy.position == step["at"]
    )
    if not untouched or data.stat().st_size <= copy.position:
        return
    _, unit = chains.find(chains.load(scene.places.repository), step["unit"])
    if materialise.continues(unit, data, copy.position):
        largefiles.cut(data, copy.position)
        scene.reporter.say(
            f"Database copy {copy.number} is as before catch-up was interrupted."
        )


def _note_pack(scene: Scene) -> None:
    """Record a pack that ended after zeoctl, which had told a server to, was killed."""
    step, state = runs.open_pack(scene.journal), scene.state
    if step is None:
        return
    number = step["number"]
    if number in state.copies:
        if _goes_on(scene, state, number):
            return
        when = _packed(scene.places.copy(number), step["inode"])
        if when:
            packed = dataclasses.replace(state.copy(number), packed=when)
            scene.save(state.with_copy(packed))
    scene.journal.append("pack settled", number=number)


def _goes_on(scene: Scene, state: StorageState, number: int) -> bool:
    """Tell whether a copy's server packs it, or cannot be asked."""
    side = state.side_of(number)
    if side is None:
        return False
    try:
        found = control.status(scene.places, side, _PATIENCE)
    except UnreachableError:
        return True
    return found is not None and found.packing


def _packed(copy: CopyLayout, inode: int) -> float | None:
    """Return when Data.fs was replaced, in seconds since the epoch; None: it was not.

    :param inode: its number before.
    """
    try:
        if copy.data.stat().st_ino == inode:
            return None
        # Its status changed last when it got that name.
        return copy.before_pack.stat().st_ctime
    except FileNotFoundError:
        return time.time() if copy.data.exists() else None


def _mend_packs(scene: Scene) -> None:
    """Put right what a pack left whose server was killed."""
    for number in scene.state.copies:
        try:
            for sentence in packing.mend(scene.places.copy(number)):
                scene.reporter.say(sentence)
        except (KarlError, OSError):
            continue  # A server has it open, and packs.


def _follow(scene: Scene) -> None:
    """Bring the servers to what the state says, as far as they answer."""
    try:
        silent = processes.apply_programs(
            scene.central, scene.name, scene.state, scene.reporter, _PATIENCE
        )
        for side in silent:
            scene.reporter.warn(
                f"The server of {scene.name} on side {side} does not answer."
            )
        _follow_modes(scene, silent)
    except (KarlError, OSError) as error:
        scene.reporter.warn(
            f"The servers of {scene.name} are not as they should be: {error}"
        )


def _follow_modes(scene: Scene, silent: Collection[str]) -> None:
    state = scene.state
    for side, number in state.serving.items():
        if side in silent:
            continue
        found = control.status(scene.places, side, _PATIENCE)
        wanted = state.copy(number).read_only
        if found is None or found.copy != number or found.read_only == wanted:
            continue
        control.set_mode(
            scene.places,
            side,
            read_only=wanted,
            bound=scene.central.storages[scene.name].drain_timeout,
        )
