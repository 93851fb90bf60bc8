"""Faults of the system under an upgrade, with real database servers."""

from __future__ import annotations

import pytest
from support.upgrades import STORAGE
from support.zeoservers import fill, put

BROKEN = """\
from karl.recipe.evolve.steps import Step


class Odd(Step):
    \"\"\"Leave the data odd\"\"\"

    def objects(self, root):
        return root["things"]

    def change(self, item):
        return False

    def invariants(self, root):
        yield "The data are odd."


evolve = Odd()
"""

#: zeoctl, killed the first time that each verb is asked for, once it has begun.
DYING = """\
#!/bin/sh
mark={root}/died-$1
[ -e $mark ] && exec {zeoctl} "$@"
case $1 in status|client-conf) exec {zeoctl} "$@";; esac
touch $mark
{zeoctl} "$@" > /dev/null &
child=$!
sleep {seconds}
kill -9 $child
exit 137
"""


@pytest.mark.slow
def test_invariants_that_do_not_hold(site):
    """What evolving has broken is found on the copy, and the copy is given up."""
    before = site.facts()
    site.add_release("2.1", 1, BROKEN)
    failed = site.evolve("2.1", code=4)["error"]
    assert "The data are odd." in failed["message"]
    assert "retired database copy 2" in failed["message"]
    assert site.facts() == before


@pytest.mark.slow
@pytest.mark.parametrize("backed_up", [False, True], ids=["backup", "copy"])
def test_no_room_for_the_data(site, backed_up):
    """Where the database's files cannot be written whole, nothing else is tried."""
    with site.box.client(STORAGE) as db:
        put(db, "large", "x" * 2_000_000)
    if backed_up:
        site.zeoctl("backup", STORAGE)
    before = site.facts()
    path = site.root / "zeoctl"
    path.write_text(f'#!/bin/sh\nulimit -f 2000\nexec {site.box.places.zeoctl} "$@"\n')
    path.chmod(0o755)
    site.declare(zeo_command=(str(path),))
    error = site.evolve("1.1", code=1)["error"]
    step = "stage" if backed_up else "backup"
    assert f"The step {step} failed" in error["message"]
    assert "File too large" in error["message"]
    assert "Production is as it was before." in error["message"]
    assert site.facts() == before
    site.declare()
    site.evolve("1.1")
    found = site.facts()
    site.check_new(copy=found["live"], revision=found["current"])


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_zeoctl_dies(site, seconds):
    """Killed once in each of its verbs, it is asked again, and all is well."""
    with site.box.client(STORAGE) as db:
        fill(db, 2000)
    path = site.root / "zeoctl"
    zeoctl = site.box.places.zeoctl
    path.write_text(DYING.format(root=site.root, zeoctl=zeoctl, seconds=seconds))
    path.chmod(0o755)
    site.declare(zeo_command=(str(path),))
    done = site.evolve("1.1")
    assert done["outcome"] == "done"
    died = {each.name.removeprefix("died-") for each in site.root.glob("died-*")}
    assert died >= {"backup", "stage", "catch-up", "read-only", "serve", "adopt"}
    found = site.facts()
    site.check_new(copy=found["live"], revision=found["current"])
    with site.box.client(STORAGE) as db, db.transaction() as connection:
        assert len(connection.root()["things"]) == 2022
