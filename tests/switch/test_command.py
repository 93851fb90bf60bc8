from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.siteinvariants import check_settled, snapshot
from support.sites import make_release, overwrite

from karl.recipe.release.base.files import remove_tree
from karl.recipe.release.sites import revisions, sitestate, switchcli


def test_the_whole_story_through_the_command(site, command):
    """Switch, switch, roll back, list: with the site's own command."""
    assert command("1.0")[0] == 0
    code, output, errors = command("1.1", "--note", "second")
    assert (code, output) == (0, "Revision 2 (release 1.1) is live.\n")
    assert "Smoke test" in errors
    code, output, _ = command("--rollback")
    assert (code, output) == (0, "Revision 1 (release 1.0) is live.\n")
    code, output, _ = command("1.0")
    assert (code, output) == (
        0,
        "Nothing to do: revision 1 (release 1.0) is live already.\n",
    )
    check_settled(site)


def test_json_tells_what_was_done_and_how_long_each_step_took(run):
    """A program learns the revision, what was before, and seconds per step."""
    run("1.0")
    code, output, _ = run("1.1", "--json")
    found = json.loads(output)
    assert code == 0
    assert found["changed"] is True
    assert (found["revision"], found["previous"], found["release"]) == (2, 1, "1.1")
    assert {"verify", "smoke", "write", "rename", "hooks"} <= set(found["seconds"])


def test_an_error_is_json_too(run):
    """With --json an error is one object with the exit code in it."""
    code, output, _ = run("9.9", "--json")
    found = json.loads(output)["error"]
    assert code == found["exit"] == 3
    assert "9.9" in found["message"]
    assert found["next"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["1.0", "--rollback"],
        ["1.0", "1.1"],
        ["--rollback", "--list"],
        ["--to", "1"],
        ["--list", "--yes"],
        ["--keep", "3"],
        ["--prune", "--keep", "0"],
        ["--prune", "--keep", "x"],
        ["--prune", "--yes", "--dry-run"],
        ["--verify", "1.0", "--all"],
        ["--all"],
        ["--prepare"],
        ["--prepare", "--rollback"],
        ["1.0", "--prepare", "--no-hooks"],
        ["1.0", "--no-smoke-test"],
        ["--rollback", "--no-smoke-test"],
        ["--activate", "1", "--note", "x"],
        ["1.0", "--database", "x"],
        ["1.0", "--zodb-conf", "x"],
        ["1.0", "--database", "a b", "--zodb-conf", "/dev/null"],
        ["1.0", "--database", "x", "--zodb-conf", "/nowhere"],
        ["1.0", "--database", "x", "--zodb-conf", "/dev/null", "--configured"],
        ["1.0", "--smoke-timeout", "-1"],
        ["1.0", "--smoke-timeout", "0"],
        ["1.0", "--accept-damaged", "1.1"],
        ["--verify", "--dry-run"],
        ["--roll"],
        ["../1.0"],
        [".."],
        [""],
        ["--pin", "-1"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_2_and_changes_nothing(site, words, capsys):
    """Options that do not go together are refused before anything is done."""
    before = snapshot(site)
    assert switchcli.main(str(site.root), words) == 2
    assert "error:" in capsys.readouterr().err
    assert snapshot(site) == before


def test_help_teaches(command):
    """--help says what it is for, shows examples and the exit codes."""
    code, output, _ = command("--help")
    assert code == 0
    for word in (
        "sealed",
        "examples:",
        "exit codes:",
        "--rollback",
        "--accept-damaged",
    ):
        assert word in output


def test_a_binding_can_come_from_standard_input(site, command):
    """``--zodb-conf -`` reads the binding, as through ssh."""
    code, _, _ = command(
        "1.0", "--database", "acme-2", "--zodb-conf", "-", input="<zodb two>\n"
    )
    assert code == 0
    assert (site.current / "zodb.conf").read_text() == "<zodb two>\n"


def test_dry_run_tells_the_plan(site, run):
    """--dry-run prints the steps, also as JSON, and changes nothing."""
    run("1.0")
    before = snapshot(site)
    code, output, _ = run("1.1", "--dry-run")
    assert code == 0
    assert "write revision 2: release 1.1" in output
    code, output, _ = run("--rollback", "--to", "1", "--dry-run", "--json")
    assert json.loads(output)["plan"][-1].startswith("nothing else")
    assert snapshot(site) == before


def test_dry_run_in_a_site_without_var_makes_no_folder(site, run):
    """A dry run does not even make a lock file."""
    shutil.rmtree(site.var)
    assert run("1.0", "--dry-run")[0] == 0
    assert run("--list")[0] == 0
    assert not site.var.exists()


def test_list_shows_every_revision(site, run):
    """The table has a row each, with current, intact and pinned."""
    run("1.0")
    run("1.1", "--note", "x")
    run("--pin", "1")
    run("1.2", "--prepare")
    code, output, _ = run("--list")
    lines = output.splitlines()
    assert code == 0
    assert lines[0].split() == [
        "revision", "release", "database", "when", "by", "current", "intact", "pinned",
    ]  # fmt: skip
    assert lines[1].split()[-2:] == ["yes", "pinned"]
    assert lines[2].split()[-2:] == ["current", "yes"]
    assert lines[3].split()[-2:] == ["prepared", "yes"]
    assert "A rollback goes to revision 1." in output
    found = json.loads(run("--list", "--json")[1])
    assert found["current"] == 2
    assert [row["release"] for row in found["revisions"]] == ["1.0", "1.1", "1.2"]
    assert found["rollback_to"] == 1


def test_list_shows_damage(site, run):
    """A changed release, a corrupt record and a missing release are told."""
    for version in ("1.0", "1.1", "1.2"):
        run(version)
    overwrite(site.release("1.0").site_packages / "product.py", "")
    overwrite(site.revision(2).record, "{")
    make_release(site, "1.3")
    remove_tree(site.release("1.2").root)
    code, output, _ = run("--list")
    assert code == 0
    assert output.count(" NO") == 3
    rows = {
        row["number"]: row
        for row in json.loads(run("--list", "--json")[1])["revisions"]
    }
    assert "product.py" in rows[1]["problem"]
    assert "damaged" in rows[2]["problem"]
    assert "does not exist" in rows[3]["problem"]
    assert "1.3" in output


def test_list_of_a_new_site(run):
    """Before the first switch the list says so, and which releases wait."""
    code, output, _ = run("--list")
    assert code == 0
    assert "No revision yet." in output
    assert "1.0, 1.1, 1.2" in output


def test_verify_lists_every_difference(site, run):
    """A changed, an added and a missing file are all told; the exit code is 4."""
    run("1.0")
    assert run("--verify")[0] == 0
    packages = site.release("1.0").site_packages
    overwrite(packages / "product.py", (packages / "product.py").read_text() + "#")
    packages.chmod(0o755)
    (packages / "extra.py").write_text("")
    packages.chmod(0o555)
    code, output, _ = run("--verify")
    assert code == 4
    assert "product.py" in output
    assert "extra.py" in output
    code, output, _ = run("--verify", "1.0", "--json")
    found = json.loads(output)
    assert code == 4
    assert not found["intact"]
    kinds = {
        row["path"].split("/")[-1]: row["kind"]
        for row in found["releases"][0]["differences"]
    }
    assert kinds["product.py"] == "changed"
    assert kinds["extra.py"] == "added"
    assert run("--verify", "1.1")[0] == 0


def test_list_names_a_file_once(site, run):
    """A file of two revisions that differs in two ways is told once, with both."""
    run("1.0")
    run("1.1")
    run("1.0")
    path = site.release("1.0").site_packages / "product.py"
    overwrite(path, path.read_text() + "#")
    path.chmod(0o644)
    _, output, _ = run("--list")
    assert "revision 1, revision 3, release 1.0: lib/" in output
    assert "(changed: 30 bytes instead of 29, mode: 0644 instead of 0444)" in output
    assert output.count("product.py") == 1


def test_verify_all_covers_revisions_too(site, run):
    """--all looks at every release, every revision, and at what is live."""
    run("1.0")
    run("1.1")
    assert run("--verify", "--all")[0] == 0
    overwrite(site.revision(1).zodb_conf, "changed")
    code, output, _ = run("--verify", "--all")
    assert code == 4
    assert "revision 1: DAMAGED" in output


def test_verify_all_sees_what_is_missing_or_replaced(site, run):
    """Missing releases, replaced ones and a missing live revision are all told."""
    for version in ("1.0", "1.1", "1.2"):
        run(version)
    for version in ("1.0", "1.1"):
        remove_tree(site.release(version).root)
    make_release(site, "1.1", modules={"other.py": ""})
    revisions.remove(site, 3)
    code, output, _ = run("--verify", "--all", "--json")
    assert code == 4
    told = {row["number"]: row["problem"] for row in json.loads(output)["revisions"]}
    assert "1.0 is missing" in told[1]
    assert "1.1 was replaced" in told[2]
    assert "missing" in told[3]
    rows = json.loads(run("--list", "--json")[1])["revisions"]
    assert "not the one" in rows[1]["problem"]


def test_verify_of_a_manifest_that_cannot_be_read(site, run):
    """A damaged release.json is damage, not a crash."""
    overwrite(site.release("1.0").manifest, "{")
    code, output, _ = run("--verify", "1.0")
    assert code == 4
    assert "release.json" in output


def test_verify_before_the_first_switch(run):
    """Without a live release --verify asks for a version."""
    assert run("--verify")[0] == 3


def test_a_folder_that_is_no_site(tmp_path, capsys):
    """--site of something else is refused."""
    for words in (["1.0"], ["--list"], ["--verify"], ["--pin", "1"]):
        assert switchcli.main(str(tmp_path), words) == 3
    assert not list(tmp_path.iterdir())
    assert "not a site" in capsys.readouterr().err


def test_a_corrupt_site_file_is_told(site, run):
    """A site.json that cannot be read ends with 4 and a way out."""
    site.config.write_text("{")
    code, _, errors = run("1.0")
    assert code == 4
    assert "Run the site's buildout again" in errors


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_without_permission_nothing_changes(site, command, tmp_path, capfd):
    """A user who may not write gets exit code 1 and a reason, and may look."""

    def as_nobody(*words: str) -> int:
        # A fork, for nobody may not even read this interpreter's libraries.
        child = os.fork()
        if child == 0:
            os.setresuid(65534, 65534, 65534)
            os._exit(switchcli.main(str(site.root), words))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    ours = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if folder == ours or ours not in folder.parents:
            break
        folder.chmod(folder.stat().st_mode & 0o7777 | 0o011)
    command("1.0")
    before = snapshot(site)
    assert as_nobody("1.1") == 1
    assert "Permission denied" in capfd.readouterr().err
    assert snapshot(site) == before
    assert as_nobody("--list") == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_root_leaves_another_users_site_alone(site, run):
    """Files that root would write, the site's user could not change any more."""
    os.chown(site.root, 65534, 65534)
    code, _, errors = run("1.0")
    assert code == 3
    assert "sudo -u" in errors
    assert run("1.0", "--dry-run")[0] == 0
    assert revisions.current_number(site) is None


def test_who_did_it_is_recorded(site, command):
    """The human behind sudo is recorded, else the login name."""
    command("1.0", env={**os.environ, "SUDO_USER": "kim", "LOGNAME": "acme"})
    command("1.1", env={**os.environ, "SUDO_USER": "", "LOGNAME": "acme"})
    assert revisions.load(site, 1).by == "kim"
    assert revisions.load(site, 2).by == "acme"


def test_without_a_login_the_account_is_recorded(site, command):
    """In a cron job or a container, too, a name is recorded, if there is one."""
    command("1.0", env={"PATH": os.environ["PATH"]})
    assert revisions.load(site, 1).by == pwd.getpwuid(os.getuid()).pw_name


def test_an_account_without_a_name_is_its_number(monkeypatch):
    """Some containers run as a number that nobody has."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert sitestate.actor()["by"] == "54321"


def test_it_runs_as_a_module_too(site):
    """During development: python -m … --site."""
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-m", "karl.recipe.release.sites.switchcli", "--site",
         site.root, "--list"],
        env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True,
    )  # fmt: skip
    assert b"1.0" in done.stdout
