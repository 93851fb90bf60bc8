"""Functions that make data fit to be seen, and packing, so that nothing old is left."""

from __future__ import annotations

import pytest
import transaction
from support.evolvesites import event, install, run
from support.zeoservers import database, get
from ZODB.blob import Blob

SECRET = "alice@example.org"

SCRUB = """
    import transaction
    from karl.recipe.evolve.steps import Step

    def scrub(root):
        root["mail"] = "someone@example.org"
        with root["letter"].open("w") as stream:
            stream.write(b"nothing")

    def in_parts(root):
        scrub(root)
        transaction.commit()

    def failing(root):
        scrub(root)
        raise ValueError("no such profile")

    nothing = None

    class Mails(Step):
        '''Addresses are made up.'''

        def objects(self, root):
            return [root]

        def change(self, root):
            root["mail"] = "someone@example.org"
            return True

        def invariants(self, root):
            if "letter" in root:
                yield "There is a letter still."

    mails = Mails()
"""

#: Kills the process right before or after one of the renames of a pack.
DYING = """
    import os, signal

    when, _, number = os.environ.get("DIE_AT", " 0").partition(" ")
    rename, left = os.rename, [int(number)]

    def dying(*names):
        left[0] -= 1
        if not left[0] and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*names)
        if not left[0] and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    os.rename = dying
"""


@pytest.fixture
def folder(tmp_path):
    """The software that scrubs."""
    install(tmp_path / "packages", "product", {"__init__": SCRUB})
    (tmp_path / "packages/sitecustomize.py").write_text(DYING.replace("\n    ", "\n"))
    return tmp_path / "packages"


@pytest.fixture
def files(tmp_path):
    """A copy with an address, and a blob that has it, too; as arguments."""
    data, blobs = tmp_path / "copy/Data.fs", tmp_path / "copy/blobs"
    blobs.mkdir(parents=True)
    with database(data, blobs) as db, db.transaction() as connection:
        connection.root()["mail"] = SECRET
        connection.root()["letter"] = Blob(f"Dear {SECRET}".encode())
    return "--data", data, "--blobs", blobs


def told(result, code=0):
    """Return the last event, of a run that ended with a code."""
    assert result.returncode == code, result.stderr
    return event(result, "error" if code else "end")


def has_secret(files):
    """Return which files hold the address."""
    return [
        path.name
        for path in files[1].parent.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


def mail(files):
    """Return what the database says."""
    with database(files[1], files[3]) as db:
        return get(db, "mail")


@pytest.mark.parametrize("name", ["scrub", "in_parts"])
def test_what_is_scrubbed_is_gone(folder, files, name):
    """A function's changes are committed; then packing takes what was before."""
    call = run(folder, "--call", f"product:{name}", *files, "--json")
    assert told(call)["result"] == f"called product:{name}"
    assert mail(files) == "someone@example.org"
    assert len(has_secret(files)) == 2
    assert told(run(folder, "--pack", *files, "--json"))["result"].startswith("packed")
    assert has_secret(files) == []
    assert mail(files) == "someone@example.org"
    assert (
        "called product:scrub" in run(folder, "--call", "product:scrub", *files).stdout
    )


def test_a_function_that_fails_has_done_nothing(folder, files):
    """What it did is thrown away, and the message says where it failed."""
    found = told(run(folder, "--call", "product:failing", *files, "--json"), code=1)
    assert "ValueError: no such profile (in" in found["message"]
    assert mail(files) == SECRET


def test_a_step_scrubs_too(folder, files):
    """A step is called as a function is; what must be true then is checked."""
    found = told(run(folder, "--call", "product:mails", *files, "--json"), code=1)
    assert "There is a letter still." in found["message"]
    assert mail(files) == SECRET
    with database(files[1], files[3]) as db, db.transaction() as connection:
        del connection.root()["letter"]
    told(run(folder, "--call", "product:mails", *files, "--json"))
    assert mail(files) == "someone@example.org"


@pytest.mark.parametrize("name", ["product:other", "nowhere:scrub", "product:nothing"])
def test_a_function_that_is_not_there(folder, files, name):
    """What cannot be called is wrong usage, and changes nothing."""
    found = told(run(folder, "--call", name, *files, "--json"), code=2)
    assert f"{name} cannot be called" in found["message"]


@pytest.mark.parametrize("moment", ["before 1", "after 1", "after 2"])
def test_a_pack_that_was_killed(folder, files, moment):
    """The next pack puts right what it left, and nothing old stays."""
    assert run(folder, "--call", "product:scrub", *files).returncode == 0
    assert run(folder, "--pack", *files, DIE_AT=moment).returncode == -9
    told(run(folder, "--pack", *files, "--json"))
    assert has_secret(files) == []
    assert mail(files) == "someone@example.org"
    assert not [*files[1].parent.glob("Data.fs.[op]*")]


def test_only_files_are_packed(folder, files, tmp_path):
    """A database that is named otherwise, in use, or not there, is refused."""
    transaction.abort()
    told(run(folder, "--pack", *files[:2], "--json"), code=2)
    missing = ("--data", tmp_path / "none", "--blobs", tmp_path)
    told(run(folder, "--pack", *missing, "--json"), code=3)
    assert not (tmp_path / "none").exists()
    with database(files[1], files[3]):
        told(run(folder, "--pack", *files, "--json"), code=5)
