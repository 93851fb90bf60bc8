from __future__ import annotations

import json
import os

import pytest
from support.siteinvariants import check_settled, snapshot
from support.sites import make_release, overwrite

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.sites import revisions, switch
from karl.recipe.release.sites.revisions import Binding
from karl.recipe.release.sites.sitestate import observe
from karl.recipe.release.sites.switchplan import SwitchRequest


def test_first_switch_makes_revision_one_with_the_configured_binding(site, to):
    """The first switch writes revision 1, bound to what the buildout names."""
    result = to("1.0", note="go live")
    assert result.changed
    assert os.readlink(site.current) == "revisions/1"
    assert os.readlink(site.current / "release") == "../../releases/1.0"
    record = json.loads(site.revision(1).record.read_text())
    assert record["release"] == "1.0"
    assert record["database"] == "acme-prod-1"
    assert record["previous"] is None
    assert record["note"] == "go live"
    assert (site.current / "zodb.conf").read_text() == "<zodb>\n</zodb>\n"
    check_settled(site)


def test_revisions_are_sealed(site, to):
    """A revision's files and folder are read-only."""
    to("1.0")
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (
            site.revision(1).root,
            site.revision(1).record,
            site.revision(1).zodb_conf,
        )
    }
    assert modes == {"1": 0o555, "revision.json": 0o444, "zodb.conf": 0o444}


def test_a_switch_to_what_is_live_changes_nothing(site, to):
    """The same release with the same binding is a no-op."""
    to("1.0")
    before = snapshot(site)
    result = to("1.0")
    assert not result.changed
    assert snapshot(site) == before


def test_the_live_binding_is_carried_over(site, to):
    """A switch keeps the database that is bound now, not the configured one."""
    binding = Binding("acme-prod-2", "<zodb 2>\n")
    to("1.0", binding=binding)
    to("1.1")
    assert revisions.load(site, 2).binds(binding)
    to("1.1", configured=True)
    assert revisions.load(site, 3).database == "acme-prod-1"
    check_settled(site)


def test_the_same_release_with_another_binding_is_a_new_revision(site, to):
    """Another database makes another revision of the same release."""
    to("1.0")
    assert to("1.0", binding=Binding("acme-prod-2", "<zodb 2>\n")).changed
    assert revisions.current_number(site) == 2


def test_rollback_follows_what_was_live_before(site, to, back):
    """From 3 a rollback goes to 2, the next to 1, and then there is no further."""
    for version in ("1.0", "1.1", "1.2"):
        to(version)
    for path in (site.revision(1).root, site.revision(2).root):
        os.utime(path, (2e9, 2e9))
    back()
    assert revisions.current_number(site) == 2
    back()
    assert revisions.current_number(site) == 1
    with pytest.raises(RefusedError, match="no revision to go back to"):
        back()
    to("1.2")
    assert revisions.current_number(site) == 4
    back()
    assert revisions.current_number(site) == 1
    check_settled(site)


def test_rollback_to_a_named_revision(site, to, back):
    """``--to`` makes any revision live that was live before, also a newer one."""
    to("1.0")
    to("1.1")
    back(1)
    assert back(2).changed
    assert not back(2).changed
    assert revisions.current_number(site) == 2
    with pytest.raises(RefusedError, match="no revision 7"):
        back(7)
    check_settled(site)


def test_rollback_passes_over_what_was_pruned(site, to, back):
    """If the revision before is gone, the one before that is gone back to."""
    for version in ("1.0", "1.1", "1.2"):
        to(version)
    revisions.remove(site, 2)
    back()
    assert revisions.current_number(site) == 1


def test_numbers_are_never_used_again(site, to, back):
    """The number of a removed revision is not given to another one."""
    to("1.0")
    to("1.1")
    back()
    revisions.remove(site, 2)
    to("1.1")
    assert revisions.current_number(site) == 3


def test_prepare_and_activate(site, to):
    """A prepared revision is written and checked, and live when activated."""
    to("1.0")
    request = SwitchRequest("prepare", "1.1", binding=Binding("acme-prod-2", "two"))
    first = switch.switch(site, request)
    assert first.changed
    assert revisions.current_number(site) == 1
    again = switch.switch(site, request)
    assert not again.changed
    assert again.plan.number == first.plan.number == 2
    with pytest.raises(RefusedError, match="never live"):
        switch.switch(site, SwitchRequest("rollback", to=2))
    switch.switch(site, SwitchRequest("activate", to=2))
    assert revisions.current_number(site) == 2
    assert observe(site).rollback_target == 1
    check_settled(site)


def test_activation_is_refused_when_the_site_moved_on(site, to):
    """A revision prepared beside 1 cannot follow 3."""
    to("1.0")
    switch.switch(site, SwitchRequest("prepare", "1.1"))
    to("1.0", binding=Binding("other", "other"))
    with pytest.raises(RefusedError, match="prepared while revision 1 was live"):
        switch.switch(site, SwitchRequest("activate", to=2))


def test_dry_run_changes_nothing(site, to):
    """A dry run tells the plan and leaves every byte as it was."""
    to("1.0")
    before = snapshot(site)
    plan, lines = switch.dry_run(site, SwitchRequest("switch", "1.1"))
    assert (plan.action, plan.number) == ("switch", 2)
    assert any("write revision 2" in line for line in lines)
    assert snapshot(site) == before


def test_a_damaged_release_is_refused_until_it_is_accepted_by_name(site, to):
    """A quick fix on production is seen, and let through only by name."""
    to("1.0")
    module = site.release("1.1").site_packages / "product.py"
    overwrite(module, "def main():\n    return 'quick fix'\n")
    with pytest.raises(DamagedError, match=r"product\.py"):
        to("1.1")
    assert revisions.current_number(site) == 1
    result = to("1.1", accept_damaged="1.1")
    assert result.warnings
    assert revisions.load(site, 2).accepted_damage


def test_full_check_sees_a_change_that_keeps_the_size(site, to):
    """``--full`` compares bytes, where the quick look compares sizes."""
    module = site.release("1.1").site_packages / "product.py"
    overwrite(module, module.read_text().replace("1.1", "6.6"))
    with pytest.raises(DamagedError, match=r"product\.py"):
        to("1.1", full=True)


def test_a_missing_release_is_refused_and_what_there_is_is_told(site, to):
    """The message names the releases that exist."""
    with pytest.raises(RefusedError, match=r"1\.0, 1\.1, 1\.2"):
        to("9.9")


def test_an_unsealed_release_is_refused(site, to):
    """A folder without a manifest is no release."""
    (site.releases / "2.0").mkdir()
    with pytest.raises(RefusedError, match="not sealed"):
        to("2.0")


def test_a_writable_release_is_refused(site, to):
    """A release whose files can be written is not sealed."""
    (site.release("1.0").bin / "app").chmod(0o755)
    with pytest.raises(DamagedError, match="bin/app"):
        to("1.0")


def test_a_corrupt_live_record_is_told_and_passed_over_by_a_named_binding(site, to):
    """What the damaged live revision binds is never guessed."""
    to("1.0")
    overwrite(site.revision(1).record, "{ torn")
    with pytest.raises(DamagedError, match="--database"):
        to("1.1")
    to("1.1", configured=True)
    assert revisions.current_number(site) == 2


def test_rollback_to_a_damaged_revision_is_refused(site, to, back):
    """A revision whose zodb.conf was changed is not made live."""
    to("1.0")
    to("1.1")
    overwrite(site.revision(1).zodb_conf, "other")
    with pytest.raises(DamagedError, match=r"zodb\.conf was changed"):
        back()
    assert revisions.current_number(site) == 2


def test_a_release_that_was_replaced_is_not_rolled_back_to(site, to, back):
    """A release of the same version with other content is another release."""
    to("1.0")
    to("1.1")
    from karl.recipe.release.base.files import remove_tree

    remove_tree(site.release("1.0").root)
    make_release(site, "1.0", modules={"other.py": ""})
    with pytest.raises(DamagedError, match="not the one"):
        back()


def test_a_torn_log_line_is_left_out(site, to, back):
    """A line that a crash cut off costs nothing; numbers and rollback hold."""
    to("1.0")
    to("1.1")
    with site.revision_log.open("ab") as stream:
        stream.write(b'{"event": "intent", "run": "x", \xff\x00')
    to("1.2")
    assert revisions.current_number(site) == 3
    back()
    assert revisions.current_number(site) == 2


def test_without_its_log_a_site_still_knows_the_revision_before(site, to, back):
    """If the log is lost, the revisions' own records tell."""
    to("1.0")
    to("1.1")
    site.revision_log.unlink()
    back()
    assert revisions.current_number(site) == 1
    to("1.1")
    assert revisions.current_number(site) == 3


@pytest.mark.parametrize("kind", ["folder", "file", "foreign link"])
def test_a_current_that_is_not_ours_is_left_alone(site, to, kind):
    """What is no symlink to a revision is not replaced."""
    if kind == "folder":
        site.current.mkdir()
    elif kind == "file":
        site.current.write_text("")
    else:
        site.current.symlink_to("releases/1.0")
    with pytest.raises(RefusedError, match="not a symlink to a revision"):
        to("1.0")


def test_a_dangling_current_is_repaired_by_a_switch(site, to):
    """When the live revision was removed by hand, a switch still works."""
    to("1.0")
    revisions.remove(site, 1)
    to("1.1", configured=True)
    assert revisions.current_number(site) == 2


def test_a_dangling_current_is_repaired_by_a_rollback(site, to, back):
    """The log knows what was live before, although the live revision is gone."""
    to("1.0")
    to("1.1")
    revisions.remove(site, 2)
    back()
    assert revisions.current_number(site) == 1
    check_settled(site)
