from __future__ import annotations

import json

import pytest
from support.siteinvariants import check_log, check_settled, snapshot
from support.sites import make_release, overwrite
from support.workshop import Notes

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, DamagedError, RefusedError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.sites import prune, revisions, smallchanges, switch
from karl.recipe.release.sites.revisionlog import RevisionLog, Run
from karl.recipe.release.sites.sitestate import sealed_releases
from karl.recipe.release.sites.switchplan import SwitchRequest


@pytest.fixture
def five(site, to):
    """A site with five revisions of five releases, and one that was never live."""
    for version in ("1.0", "1.1", "1.2", "1.3", "1.4"):
        if version > "1.2":
            make_release(site, version)
        to(version)
    make_release(site, "1.5")
    return site


def test_it_is_a_dry_run_unless_told(five):
    """Without execute it only tells, and changes nothing."""
    before = snapshot(five)
    plan = prune.prune(five, 2)
    assert plan.revisions == (1, 2, 3)
    assert plan.releases == ("1.0", "1.1", "1.2")
    assert snapshot(five) == before


def test_it_removes_old_revisions_and_their_releases(five):
    """What is kept: the newest N, and the release that was never live."""
    prune.prune(five, 3, execute=True)
    assert revisions.numbers(five) == (3, 4, 5)
    assert sealed_releases(five) == ("1.2", "1.3", "1.4", "1.5")
    check_settled(five)
    assert prune.prune(five, 3, execute=True).empty


def test_the_live_one_and_the_one_before_always_stay(five, back):
    """After rollbacks --keep 1 keeps what is live, what is next, what is newer."""
    back()
    back()
    plan = prune.prune(five, 1, execute=True)
    assert plan.revisions == (1,)
    assert revisions.numbers(five) == (2, 3, 4, 5)
    assert plan.kept[2] == "a rollback goes to it"
    assert plan.kept[5] == "newer than the live one"
    back()
    assert revisions.current_number(five) == 2
    check_settled(five)


def test_a_pinned_revision_stays_with_its_release(five):
    """--pin keeps a revision until --unpin."""
    smallchanges.make(five, smallchanges.CHANGES["pin"], 1)
    prune.prune(five, 1, execute=True)
    assert revisions.numbers(five) == (1, 4, 5)
    assert "1.0" in sealed_releases(five)
    smallchanges.make(five, smallchanges.CHANGES["unpin"], 1)
    prune.prune(five, 1, execute=True)
    assert revisions.numbers(five) == (4, 5)
    check_settled(five)


def test_unused_releases_go_only_when_asked(five):
    """A release that was never live stays, unless --unused."""
    prune.prune(five, 9, execute=True)
    assert "1.5" in sealed_releases(five)
    prune.prune(five, 9, unused=True, execute=True)
    assert "1.5" not in sealed_releases(five)


def test_a_release_that_was_pruned_and_built_again_is_a_new_one(five):
    """Built again after pruning, it waits to be live, and stays."""
    prune.prune(five, 3, execute=True)
    make_release(five, "1.0")
    assert prune.prune(five, 3).empty


def test_the_release_of_a_stale_prepared_revision_stays(five, to):
    """A revision that never became live takes no release with it."""
    switch.switch(five, SwitchRequest("prepare", "1.5"))
    to("1.3")
    plan = prune.prune(five, 1, execute=True)
    assert 6 in plan.revisions
    assert "1.5" in sealed_releases(five)


def test_unknown_names_are_left_alone(five):
    """Folders and files that are not ours stay, whatever they are called."""
    (five.releases / "backup").mkdir()
    (five.releases / "notes.txt").write_text("")
    (five.revisions / "01").mkdir()
    (five.revisions / "old").mkdir()
    prune.prune(five, 1, unused=True, execute=True)
    assert (five.releases / "backup").is_dir()
    assert (five.releases / "notes.txt").is_file()
    assert (five.revisions / "01").is_dir()
    assert (five.revisions / "old").is_dir()


def test_numbers_are_not_used_again_after_pruning(five, to, back):
    """The highest number ever is remembered by the log."""
    back()
    to("1.0")
    assert revisions.current_number(five) == 6
    prune.prune(five, 1, execute=True)
    to("1.5")
    assert revisions.current_number(five) == 7


def test_a_damaged_revision_that_stays_stops_it(five):
    """If it cannot be told which release is needed, nothing is removed."""
    overwrite(five.revision(4).record, "{")
    before = snapshot(five)
    with pytest.raises(DamagedError, match="Revision 4"):
        prune.prune(five, 1, execute=True)
    assert snapshot(five) == before


def test_corrupt_pins_stop_nothing_else(five, to, back, run):
    """Switching, going back and the list do without; pins are not written over."""
    to("1.2")
    RevisionLog(five.revision_log).begin(Run("", "pin", 2))  # killed, as it were
    five.pins.write_text("junk")
    assert back().changed
    assert to("1.1").changed
    assert "pins.json cannot be read" in run("--list")[1]
    assert json.loads(run("--list", "--json")[1])["pins_problem"]
    for words in (("--pin", "2"), ("--unpin", "2"), ("--prune", "--yes")):
        code, _, errors = run(*words)
        assert code == 4
        assert "pins.json cannot be read" in errors
    assert five.pins.read_text() == "junk"
    check_log(five, 7)


def test_corrupt_pins_stop_it(five):
    """If it cannot be told what is pinned, nothing is removed."""
    five.pins.write_text("[")
    with pytest.raises(DamagedError, match="pins"):
        prune.prune(five, 1, execute=True)


def test_not_while_a_release_is_built(five):
    """A build in progress may be about to use a release."""
    with locked(five.release_lock, "build"), pytest.raises(BusyError):
        prune.prune(five, 1, execute=True)
    assert len(revisions.numbers(five)) == 5


def test_pinning_what_is_not_there_is_refused(five):
    """There is no revision 99 to pin; unpinning it changes nothing."""
    with pytest.raises(RefusedError, match="99"):
        smallchanges.make(five, smallchanges.CHANGES["pin"], 99)
    assert not smallchanges.make(five, smallchanges.CHANGES["unpin"], 99)


def test_discarding_what_was_live_is_refused(five):
    """The history is not thrown away by --discard."""
    with pytest.raises(RefusedError, match="history"):
        smallchanges.make(five, smallchanges.CHANGES["discard"], 1)


def test_a_dangling_current_stops_it(five, back, run):
    """What is live cannot be told, so nothing goes; the list says what to do."""
    five.current.unlink()
    five.current.symlink_to("revisions/99")
    before = snapshot(five)
    for words in (("--prune", "--keep", "1"), ("--prune", "--keep", "1", "--yes")):
        code, _, errors = run(*words)
        assert code == 3
        assert "current leads to revision 99" in errors
    assert "current leads to revision 99" in run("--list")[1]
    kept = {path: kind for path, kind in before.items() if "/var/" not in path}
    after = snapshot(five)
    assert {path: after.get(path) for path in kept} == kept


def test_leftovers_that_cannot_be_removed_stop_nothing(
    five, to, back, run, monkeypatch
):
    """Another user's leftover is warned of, and every command goes on."""

    def refuse(action, path):
        if action == "rmtree" and path.name.startswith(".partial-"):
            raise PermissionError(1, "Operation not permitted", str(path))

    (five.revisions / ".partial-9-00").mkdir()
    (five.releases / ".partial-9.0-00").mkdir()
    monkeypatch.setattr(files, "seam", refuse)
    assert to("1.2").changed
    assert back().changed
    code, _, errors = run("--rollback")
    assert code == 0
    assert ".partial-9-00, left by a killed run, cannot be removed" in errors
    plan = prune.prune(five, 9, notes := Notes(), execute=True)
    assert plan.empty
    remaining = sealed_releases(five)
    plan = prune.prune(five, 9, notes, unused=True, execute=True)
    assert plan.releases == ("1.5",)
    assert sealed_releases(five) == tuple(name for name in remaining if name != "1.5")
    assert any("which release 1.5 was" in text for text in notes.warned)


def test_the_command(five, run):
    """--prune tells; --prune --yes does; --json says both."""
    code, output, _ = run("--prune", "--keep", "2")
    assert code == 0
    assert "would remove revision 1" in output
    assert "Add --yes" in output
    assert len(revisions.numbers(five)) == 5
    code, output, _ = run("--prune", "--keep", "2", "--yes", "--json")
    assert json.loads(output)["revisions"] == [1, 2, 3]
    assert revisions.numbers(five) == (4, 5)
    code, output, _ = run("--prune", "--yes")
    assert "Nothing to remove." in output
    assert run("--pin", "5")[1] == "Revision 5 is pinned.\n"
    assert run("--pin", "5")[1] == "Revision 5 was pinned already.\n"
    assert run("--unpin", "5", "--dry-run")[1] == (
        "Revision 5 would no longer be pinned.\n"
    )
