"""Upgrades with real database servers, revisions and evolve steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from karl.recipe.evolve.declaration.model import MOMENTS


@pytest.mark.slow
def test_upgrade_and_rollback(site):
    """The new release goes live on evolved data; a rollback goes back to the old."""
    before = site.data(1)
    done = site.evolve("1.1")
    assert done["outcome"] == "done", done
    site.check_new(copy=2, revision=2)
    assert site.data(1) == before
    assert 0 < done["window"] < done["seconds"]
    page = Path(done["report"]).read_text()
    assert "<svg" in page
    assert "http:" not in page
    assert "https:" not in page
    assert site.evolve("status")["run"]["outcome"] == "done"

    site.put("since")
    refused = site.evolve("--rollback", code=3)["error"]
    assert "lose 1 transaction," in refused["message"]
    assert "--discard-writes" in refused["next"]
    site.check_new(copy=2, revision=2)
    back = site.evolve("--rollback", "--discard-writes")
    assert "given up: 1 transaction;" in back["text"]
    found = site.facts()
    assert (found["live"], found["current"], found["mode"]) == (1, 1, "writable")
    assert site.root_of()["evolved"] is None
    assert site.data(1) == before
    site.zeoctl("serve", "acme", "2")
    assert site.root_of(2)["written"] == "since"


@pytest.mark.slow
def test_rehearsal_then_failures(site):
    """A rehearsal predicts; what fails leaves production as it was before."""
    before = site.facts()
    planned = site.evolve("1.1", "--dry-run")
    assert (planned["kind"], planned["predicted_window"]) == ("upgrade", None)
    told = site.evolve("1.1", "--rehearse")
    assert told["predicted_window"] > 0
    assert [step["title"] for step in told["evolved"]] == ["Number the things"]
    assert site.facts() == before
    assert not list(site.box.storage_places("acme").databases.glob("2"))
    planned = site.evolve("1.1", "--dry-run")
    assert planned["predicted_window"] > 0

    failed = site.evolve("2.0", code=1)["error"]
    assert "The step evolve failed" in failed["message"]
    assert "the data are odd" in failed["message"]
    assert "Production is as it was before." in failed["message"]
    assert site.facts() == before
    report = site.evolve("status")["run"]
    assert report["outcome"] == "undone"
    assert report["failure"]["step"] == "evolve"

    site.stand_in(sick=[3])
    failed = site.evolve("1.1", code=1)["error"]
    assert "The step try failed" in failed["message"]
    assert site.facts() == before


@pytest.mark.slow
def test_on_another_host(site):
    """Where the files are elsewhere, the copy is evolved through its own server.

    The connection is lost after some verbs have been done for the first time.
    """
    log = site.root / "hooks.txt"
    script = f'echo "$PHASE $SITE $FROM $TO $COPY" >> {log}'
    command = ("sh", "-c", script)
    site.declare(
        zeo_command=(str(_flaky(site.root)), "zeo@db1", str(site.box.places.zeoctl)),
        hooks=dict.fromkeys(MOMENTS, (command,)),
    )
    before = site.facts()
    # The private process is well, and those for visitors are not.
    site.stand_in(sick=[2], tried=True)
    failed = site.evolve("1.1", code=1)["error"]
    assert "The step restart failed" in failed["message"]
    assert "made revision 1 the live one again" in failed["message"]
    assert site.facts() == before

    site.stand_in(sick=[])
    site.evolve("1.1")
    site.check_new(copy=4, revision=3)
    assert site.root_of()["evolved"] == 1
    assert "before-cut-over acme-prod 1.0 1.1 4" in log.read_text()
    assert log.read_text().splitlines()[0] == "before-read-only acme-prod 1.0 1.1 3"


def _flaky(root):
    """Return what runs a command as ssh would, with bad luck."""
    path = root / "ssh"
    path.write_text(f"""\
#!/bin/sh
shift
"$@"
code=$?
mark={root}/lost-$2
case $2 in stage|read-only|adopt) [ -e $mark ] || {{ touch $mark; exit 255; }};; esac
exit $code
""")
    path.chmod(0o755)
    return path
