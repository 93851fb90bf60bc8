"""The karl-index command, run as an operator runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from support.registries import Registry
from support.wheels import make_wheel

COMMAND = Path(sysconfig.get_path("scripts")) / "karl-index"


@pytest.fixture
def karl_index(tmp_path: Path):
    def run(*words: object, expect: int = 0) -> tuple[str, str]:
        done = subprocess.run(
            [COMMAND, *map(str, words), "--base", tmp_path],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout, done.stderr

    return run


@pytest.fixture
def answer(karl_index):
    def run(*words: object, expect: int = 0) -> Any:
        return json.loads(karl_index(*words, "--json", expect=expect)[0])

    return run


@pytest.fixture
def two(karl_index, registry: Registry) -> None:
    """Indexes team/1.0 and team/1.1, of which the second has a newer project."""
    for version in ("1.0", "1.1"):
        make_wheel(registry.folder, "one", version)
        make_wheel(registry.folder, f"only{version[-1]}", "1.0")
        karl_index(
            "freeze", f"team/{version}", "--require", f"one=={version}",
            "--require", f"only{version[-1]}", "--registry", registry.url,
        )  # fmt: skip


def test_freeze_reads_files_of_requirements_and_constraints(answer, registry, tmp_path):
    """Requirements and constraints come from files, with comments and blank lines."""
    make_wheel(registry.folder, "one", "1.0")
    make_wheel(registry.folder, "one", "2.0")
    (tmp_path / "r.in").write_text("# ours\n\none  # the one\n")
    (tmp_path / "c.in").write_text("one<2\n")
    words = (
        "freeze", "team/1.0", "-r", tmp_path / "r.in", "-c", tmp_path / "c.in",
        "--registry", registry.url,
    )  # fmt: skip
    assert answer(*words)["changed"] is True
    again = answer(*words)
    assert (again["changed"], again["packages"]) == (False, 1)
    shown = answer("show", "team/1.0")
    assert shown["contents"][0]["version"] == "1.0"
    assert shown["constraints"] == ["one<2"]


def test_freeze_dry_run_writes_nothing(answer, tmp_path):
    """With --dry-run the plan is told and nothing is made."""
    plan = answer("freeze", "team/1.0", "--require", "one", "--dry-run")["request"]
    assert plan["index"] == "team/1.0"
    assert plan["requirements"] == ["one"]
    assert list(tmp_path.glob("indexes")) == []


@pytest.mark.usefixtures("two")
def test_list_names_every_index(karl_index, answer):
    """List tells every index, as a table and as JSON."""
    assert [found["index"] for found in answer("list")["indexes"]] == [
        "team/1.0",
        "team/1.1",
    ]
    text, _ = karl_index("list")
    assert text.splitlines()[0].split()[:2] == ["INDEX", "PACKAGES"]
    assert "team/1.1" in text


@pytest.mark.usefixtures("two")
def test_diff_tells_added_removed_and_changed(karl_index, answer):
    """Diff names versions added, removed and changed, each with its kind."""
    assert answer("diff", "team/1.0", "team/1.1")["changes"] == [
        {"name": "one", "kind": "upgraded", "old": "1.0", "new": "1.1"},
        {"name": "only0", "kind": "removed", "old": "1.0", "new": ""},
        {"name": "only1", "kind": "added", "old": "", "new": "1.0"},
    ]
    text, _ = karl_index("diff", "team/1.1", "team/1.0")
    assert "~ one 1.1 -> 1.0 (downgraded)" in text


@pytest.mark.usefixtures("two")
def test_fetch_fills_the_pool_by_hash(karl_index, answer, registry, tmp_path):
    """A lock file alone is enough: fetch brings the files and writes the pages."""
    index = tmp_path / "indexes" / "team" / "1.0"
    karl_index("verify")
    subprocess.run(["rm", "-rf", index / "simple", tmp_path / "pool"], check=True)
    problems = answer("verify", "team/1.0", expect=4)["indexes"]["team/1.0"]
    assert {problem["kind"] for problem in problems} == {"missing", "unlisted"}
    fetched = answer("fetch", "team/1.0", "--registry", registry.url)
    assert len(fetched["indexes"]["team/1.0"]["fetched"]) == 2
    assert answer("verify", "team/1.0")["intact"]
    again = answer("fetch", "team/1.0", "--registry", registry.url)
    assert again["indexes"] == {"team/1.0": {"fetched": [], "written": False}}


@pytest.mark.usefixtures("two")
def test_verify_looks_at_what_was_built_here(answer, tmp_path):
    """A wheel below pool/built that differs from its provenance is found."""
    folder = tmp_path / "pool" / "built" / "one-1.0-cp311-any-00"
    wheel = make_wheel(folder, "one", "1.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    provenance = {"sdist": {"sha256": "0" * 64}, "wheel": {"sha256": digest}}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    assert answer("verify")["intact"]
    wheel.write_bytes(wheel.read_bytes() + b"?")
    found = answer("verify", expect=4)["built"]
    assert [problem["kind"] for problem in found] == ["altered"]


def test_verify_and_gc_refuse_a_folder_without_indexes(karl_index, tmp_path):
    """A mistyped folder is an error: nothing is intact there, nothing garbage."""
    stray = make_wheel(tmp_path / "pool", "stray", "1.0")
    for words in (["verify"], ["gc"], ["gc", "--yes"]):
        _, told = karl_index(*words, expect=3)
        assert "no index" in told
    assert stray.exists()


def test_a_usage_error_is_json_too(answer):
    """A malformed command line is told to programs as any other error."""
    assert answer("show", expect=2)["error"]["exit"] == 2


@pytest.mark.parametrize("words", ["list", "list --json", "gc --help"])
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_an_output_that_takes_nothing_is_an_error(tmp_path, words, where):
    """With standard output closed or full the command fails with one clear error."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{COMMAND}" {words} {where}'],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    error, tip = done.stderr.splitlines()
    assert error.startswith("error: The answer cannot be written to standard output: ")
    assert tip.startswith("next: ")


@pytest.mark.usefixtures("two")
def test_fetch_refuses_other_bytes(karl_index, registry, tmp_path):
    """A registry that gives other bytes under the name is found out."""
    subprocess.run(["rm", "-rf", tmp_path / "pool"], check=True)
    make_wheel(registry.folder, "one", "1.0", files={"evil.py": "1\n"})
    _, told = karl_index("fetch", "team/1.0", "--registry", registry.url, expect=4)
    assert "the lock file says" in told
    assert not list((tmp_path / "pool").glob("one-*"))


@pytest.mark.usefixtures("two")
def test_gc_is_a_dry_run_by_default(answer, tmp_path):
    """Without --yes gc removes nothing; with it, what it listed."""
    stray = make_wheel(tmp_path / "pool", "stray", "1.0")
    listed = answer("gc")
    assert [item["path"] for item in listed["items"]] == [str(stray)]
    assert stray.exists()
    assert answer("gc", "--yes")["dry_run"] is False
    assert not stray.exists()
    assert answer("verify")["intact"]


def test_add_pools_files_and_refuses_what_is_none(answer, karl_index, tmp_path):
    """Add takes files and folders; a missing one is an error that names it."""
    path = make_wheel(tmp_path / "in", "one", "1.0")
    assert answer("add", path)["added"] == [path.name]
    assert answer("add", tmp_path / "in")["added"] == [path.name]
    _, told = karl_index("add", tmp_path / "nowhere.whl", expect=2)
    assert "nowhere.whl" in told


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("show", "team/9.9"), 3, "no index team/9.9"),
        (("show", "team"), 2, "NAME/VERSION"),
        (("freeze", "../../etc/1"), 2, "cannot be a name"),
        (("freeze", "team/1", "-r", "/nowhere"), 2, "/nowhere"),
        (("freeze", "team/1"), 3, "asked to hold nothing"),
        (("freeze", "team/1", "--require", "x", "--target", "win"), 2, "target"),
        (("freeze", "team/1", "--override", "x==1"), 2, "no index to extend"),
        (("freeze", "team/1", "--extends", "karl/9"), 3, "no index karl/9"),
        (("publish", "/nowhere", "--build-index", "toolchain/9"), 3, "toolchain/9"),
        (("nonsense",), 2, "invalid choice"),
    ],
)
def test_wrong_input_gets_one_clear_error(karl_index, words, code, complaint):
    """Each wrong input ends with its exit code and one sentence that names it."""
    out, told = karl_index(*words, expect=code)
    assert complaint in told
    assert out == ""
    assert "Traceback" not in told


def test_an_error_is_json_too(answer):
    """With --json an error is one JSON document with its exit code."""
    error = answer("show", "team/9.9", expect=3)["error"]
    assert error["exit"] == 3
    assert "team/9.9" in error["message"]
    assert error["next"]
