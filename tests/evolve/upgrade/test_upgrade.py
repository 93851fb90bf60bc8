"""Upgrades with real database servers, revisions and evolve steps."""

from __future__ import annotations

from pathlib import Path


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
    assert "http" not in page
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
