"""Evolving a database with declared steps, by the command."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from support.evolvesites import content, database, event, events, fill, install, run


def digest(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_steps_change_objects_and_their_indexes(packages, data):
    """After the steps of two packages all is as they say."""
    before = content(data)
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    after = content(data)
    assert after["versions"] == {"product": 1, "addon": 1}
    assert after["keys"] == ["repoze.evolution", "site"]
    websites = {note["website"] for note in after["notes"].values()}
    assert websites == {"", *(f"https://www{number}.example" for number in range(50))}
    website = after["indexes"]["website"]["values"]
    assert set(website.values()) == websites - {""}
    assert after["indexes"]["title"]["values"][1] == "NOTE 0"
    for name in ("words", "text"):
        assert after["indexes"][name] == before["indexes"][name]


def test_documents_are_reindexed_once(packages, data):
    """Steps of several packages share one pass, with the indexes that each touches."""
    result = run(packages, "--data", data, "--evolve", "--json")
    told = event(result, "reindex_end")
    assert told["documents"] == 1000
    assert told["indexes"] == {"title": 1000, "website": 1000}
    assert [step["package"] for step in told["steps"]] == ["product", "addon"]
    plan = event(result, "plan")["steps"]
    assert [(step["package"], step["title"]) for step in plan] == [
        ("product", "Websites get a scheme"),
        ("addon", "Titles are in capitals"),
    ]
    ends = [e for e in events(result) if e["event"] == "step_end"]
    assert [(end["seen"], end["changed"]) for end in ends] == [
        (1000, 666),
        (1000, 1000),
    ]
    progress = [e for e in events(result) if e["event"] == "progress"]
    assert {"done", "total", "rate", "seconds", "left"} <= set(progress[0])


def test_evolving_again_changes_nothing(packages, data):
    """A database that is current is left exactly as it is."""
    assert run(packages, "--data", data, "--evolve").returncode == 0
    before = digest(data)
    result = run(packages, "--data", data, "--evolve", "--json")
    assert event(result, "end")["result"] == "current"
    assert digest(data) == before


def test_status_is_the_default(packages, data):
    """Without an action the versions are told, and the file stays as it is."""
    before = digest(data)
    told = event(run(packages, "--data", data, "--json"), "status")
    assert [(p["package"], p["state"], p["pending"]) for p in told["packages"]] == [
        ("product", "pending", [1]),
        ("addon", "pending", [1]),
    ]
    assert told["run"] is None
    assert "pending" in run(packages, "--data", data).stdout
    assert digest(data) == before


def test_a_check_counts_and_changes_nothing(packages, data):
    """A check tells how many objects each step would change; the file stays."""
    before = digest(data)
    result = run(packages, "--data", data, "--check", "--json")
    told = [e for e in events(result) if e["event"] == "would_change"]
    assert [(e["changes"], e["seen"]) for e in told] == [(666, 1000), (1000, 1000)]
    assert digest(data) == before


def test_a_dry_run_does_it_all_and_keeps_nothing(packages, data):
    """A dry run runs and verifies every step on a layer that is thrown away."""
    before = digest(data)
    result = run(packages, "--data", data, "--dry-run", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert event(result, "reindex_end")["documents"] == 1000
    assert event(result, "end")["result"] == "tried, and thrown away"
    assert [e["broken"] for e in events(result) if e["event"] == "verified"] == [[], []]
    assert digest(data) == before
    assert sorted(path.name for path in data.parent.iterdir()) == sorted(
        name
        for name in ("Data.fs", "Data.fs.index", "Data.fs.lock", "Data.fs.tmp")
        if (data.parent / name).exists()
    )


def test_a_newer_database_is_refused(packages, data):
    """Software older than the database does not touch it."""
    assert run(packages, "--data", data, "--evolve").returncode == 0
    (packages / "product" / "__init__.py").write_text("VERSION = 0\n")
    before = digest(data)
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 3
    assert "newer software: product is at 1" in event(result, "error")["message"]
    assert run(packages, "--data", data).returncode == 3
    assert digest(data) == before


def test_broken_invariants_are_told_and_remembered(packages, data):
    """What a step promised and did not keep is told, and remembered."""
    module = packages / "product" / "evolve1.py"
    text = module.read_text()
    module.write_text(
        text.replace('if not note.website or "://"', 'if "2" in note.title or "://"')
    )
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 4
    error = event(result, "error")
    assert error["message"].startswith("After evolving, product 1: NOTE 2 has the")
    told = event(run(packages, "--data", data, "--json"), "status")
    assert told["run"]["phase"] == "broken"
    assert told["run"]["unverified"] == ["product 1", "addon 1"]
    assert all(s.startswith("product 1: ") for s in told["run"]["broken"])
    assert run(packages, "--data", data, "--evolve").returncode == 4
    assert run(packages, "--data", data, "--verify").returncode == 4


def test_lost_documents_are_noticed(packages, data):
    """An index that knows fewer documents than before is told as broken."""
    module = packages / "addon" / "evolve1.py"
    module.write_text(
        module.read_text().replace(
            "    def change(self, note):",
            "    def finish(self, root):\n"
            '        root["site"].catalog["website"].unindex_doc(1)\n\n'
            "    def docid(self, note):\n"
            "        return note.docid + (note.docid == 1)\n\n"
            "    def change(self, note):",
        )
    )
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 4
    assert event(result, "reindex_end")["skipped"] == 1
    assert "index website has seen 999 documents" in event(result, "error")["message"]


def test_unknown_indexes_change_nothing(packages, data):
    """A step that names an index that is not there fails before its first change."""
    module = packages / "product" / "evolve1.py"
    module.write_text(module.read_text().replace('("website",)', '("wbsite",)'))
    before = content(data)
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 1
    assert "product 1 failed: The catalog has no index wbsite" in result.stdout
    assert content(data) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("return None", "returned None for Note"),
        ("raise KeyError(note.title)", "failed: KeyError: 'Note 250'"),
    ],
)
def test_a_failing_step_keeps_its_earlier_batches(packages, tmp_path, wrong, message):
    """An error names step and place; corrected, the step goes on where it was."""
    data = fill(tmp_path / "before" / "Data.fs", 600)
    module = packages / "product" / "evolve1.py"
    text = module.read_text()
    line = "    def change(self, note):\n"
    broken = f'{line}        if note.title == "Note 250":\n            {wrong}\n'
    module.write_text(text.replace(line, broken))
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 1
    assert message in event(result, "error")["message"]
    status = run(packages, "--data", data, "--json")
    assert status.returncode == 6
    assert event(status, "status")["run"]["seen"] == 200
    module.write_text(text)
    result = run(packages, "--data", data, "--evolve", "--json")
    begins = [e for e in events(result) if e["event"] == "step_begin"]
    assert [e["resumed"] for e in begins] == [True, False]
    visits = {note["visits"] for note in content(data)["notes"].values()}
    assert visits == {1, 2}


def test_a_begun_step_is_not_left_behind(packages, tmp_path):
    """Other software does not run over a step that is half done."""
    data = fill(tmp_path / "before" / "Data.fs", 300)
    module = packages / "product" / "evolve1.py"
    text = module.read_text()
    module.write_text(
        text.replace("note.visits += 1", "note.visits += 1 / (200 - note.docid // 7)")
    )
    assert run(packages, "--data", data, "--evolve").returncode == 1
    shutil.rmtree(packages / "product-1.0.dist-info")
    result = run(packages, "--data", data, "--evolve", "--json")
    assert result.returncode == 3
    assert "step 1 of product was begun with other software" in result.stdout


def test_packages_are_ordered_by_requirements(tmp_path):
    """A package evolves after those that its distribution requires, at any distance."""
    folder = tmp_path / "packages"
    plain = {"__init__": "VERSION = 1", "evolve1": "def evolve(root):\n    pass\n"}
    install(folder, "aa", plain, requires=("between",))
    install(folder, "bb", plain)
    install(folder, "cc", plain, requires=("aa[x]>1 ; python_version>'3'",))
    install(folder, "zz", plain, requires=("cc ; extra == 'tests'",))
    between = folder / "between-1.0.dist-info"
    between.mkdir()
    (between / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: between\nVersion: 1\nRequires-Dist: zz\n"
    )
    data = fill(tmp_path / "before" / "Data.fs", 10)
    told = event(run(folder, "--data", data, "--json"), "status")
    assert [p["package"] for p in told["packages"]] == ["bb", "zz", "aa", "cc"]


def test_a_step_that_searches_finds_an_up_to_date_catalog(packages, tmp_path):
    """What waits to be reindexed is reindexed before a plain function runs."""
    (packages / "addon" / "evolve1.py").write_text(
        "def evolve(root):\n"
        '    index = root["site"].catalog["website"]\n'
        '    root["found"] = len(index.applyEq("https://www1.example"))\n'
    )
    data = fill(tmp_path / "before" / "Data.fs", 600)
    result = run(packages, "--data", data, "--evolve")
    assert result.returncode == 0, result.stderr
    with database(data, read_only=True) as root:
        assert root["found"] == 8
