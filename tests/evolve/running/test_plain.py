"""Packages that were written for repoze.evolution."""

from __future__ import annotations

import pytest
import transaction
from persistent.mapping import PersistentMapping
from support.evolvesites import database, event, fill, install, run

PLAIN = """
    def evolve(root):
        \"""Note a step.

        More about it.
        \"""
        root["trace"] = (*root.get("trace", ()), {name!r})
"""


@pytest.fixture
def plain(tmp_path):
    """Two packages with three steps each; ``beta`` requires ``omega``."""
    folder = tmp_path / "packages"
    for name, requires in (("beta.evolve", ("omega-evolve",)), ("omega.evolve", ())):
        files = {
            f"evolve{number}": PLAIN.format(name=f"{name} {number}")
            for number in (1, 2, 3)
        }
        install(folder, name, {"__init__": "VERSION = 3", **files}, requires=requires)
    return folder


@pytest.fixture
def data(tmp_path):
    """A site that no package has evolved."""
    return fill(tmp_path / "before" / "Data.fs", 10)


def as_repoze_evolution(root, modules):
    """Do what repoze.evolution 0.6 does for these packages, after its source."""
    for module in modules:
        for version in (1, 2, 3):
            registry = root.setdefault("repoze.evolution", {})
            transaction.begin()
            root["trace"] = (*root.get("trace", ()), f"{module} {version}")
            registry = root.setdefault("repoze.evolution", {})
            registry[module] = version
            root["repoze.evolution"] = registry
            transaction.commit()


def transactions(path):
    """Return how many transactions there are."""
    with database(path, read_only=True) as root:
        return sum(1 for _ in root._p_jar.db().storage.iterator())


def test_they_run_unchanged(plain, data, tmp_path):
    """Each step runs in a transaction of its own, and is recorded as usual."""
    other = fill(tmp_path / "other" / "Data.fs", 10)
    before = transactions(data)
    result = run(plain, "--data", data, "--evolve", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    with database(other) as root:
        as_repoze_evolution(root, ["omega.evolve", "beta.evolve"])
        expected = dict(root.items())
        kind = type(root["repoze.evolution"])
        with_it = {key: expected[key] for key in ("trace", "repoze.evolution")}
    with database(data, read_only=True) as root:
        assert {key: root[key] for key in with_it} == with_it
        assert sorted(root) == sorted(expected)
        assert type(root["repoze.evolution"]) is kind
    assert transactions(data) == before + 6
    assert event(result, "plan")["steps"][0]["title"] == "Note a step"


def test_a_recorded_version_is_gone_on_from(plain, data):
    """Only the steps after the recorded version run, whatever holds the record."""
    with database(data) as root:
        root["repoze.evolution"] = PersistentMapping({"omega.evolve": 2, "gone": 5})
        transaction.commit()
    told = event(run(plain, "--data", data, "--json"), "status")
    assert {p["module"]: p["state"] for p in told["packages"]} == {
        "omega.evolve": "pending",
        "beta.evolve": "pending",
        "gone": "absent",
    }
    assert run(plain, "--data", data, "--evolve").returncode == 0
    with database(data, read_only=True) as root:
        assert root["trace"] == (
            "omega.evolve 3",
            "beta.evolve 1",
            "beta.evolve 2",
            "beta.evolve 3",
        )
        assert dict(root["repoze.evolution"]) == {
            "omega.evolve": 3,
            "beta.evolve": 3,
            "gone": 5,
        }


def test_an_initial_version_spares_steps(plain, data):
    """A package may say which version a database without a record of it has."""
    for name in ("omega", "beta"):
        init = plain / name / "evolve" / "__init__.py"
        init.write_text("VERSION = 3\nINITIAL_VERSION = 3\n")
    result = run(plain, "--data", data, "--evolve", "--json")
    assert event(result, "end")["result"] == "current"


def test_a_failing_step_leaves_nothing(plain, data):
    """What a failing function did is thrown away; the steps before it stay."""
    (plain / "omega" / "evolve" / "evolve2.py").write_text(
        'def evolve(root):\n    root["half"] = True\n    raise OSError("disk")\n'
    )
    result = run(plain, "--data", data, "--evolve")
    assert result.returncode == 1
    assert "The step omega.evolve 2 (omega.evolve 2) failed: OSError: disk" in (
        result.stderr
    )
    with database(data, read_only=True) as root:
        assert root["repoze.evolution"] == {"omega.evolve": 1}
        assert "half" not in root


def test_they_may_be_called_with_the_site(plain, data):
    """With --context, functions get that object of the root, as many packages want."""
    for name in ("omega", "beta"):
        for number in (1, 2, 3):
            (plain / name / "evolve" / f"evolve{number}.py").write_text(
                "def evolve(site):\n    site.seen = len(site.notes)\n"
            )
    assert run(plain, "--data", data, "--evolve", "--context", "sight").returncode == 2
    assert run(plain, "--data", data, "--evolve", "--context", "site").returncode == 0
    with database(data, read_only=True) as root:
        assert root["site"].seen == 10


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("evolve3", None, "has no step to its version 3"),
        ("evolve3", "def evolved(root): pass", "has no function evolve(root)"),
        ("__init__", "VERSION = '3'", "is '3', which is no whole number"),
    ],
)
def test_what_cannot_run_is_found_first(plain, data, file, text, message):
    """A missing step, function or version is told before anything is changed."""
    place = plain / "beta" / "evolve" / f"{file}.py"
    if text is None:
        place.unlink()
    else:
        place.write_text(text)
    before = data.read_bytes()
    result = run(plain, "--data", data, "--evolve")
    assert result.returncode == 2
    assert message in result.stderr
    assert data.read_bytes() == before


def test_a_package_can_be_named(plain, data):
    """A package without an entry point evolves, last, if it is named."""
    (plain / "old").mkdir()
    (plain / "old" / "__init__.py").write_text("VERSION = 1\n")
    (plain / "old" / "evolve1.py").write_text("def evolve(root): pass\n")
    result = run(plain, "--data", data, "--package", "old", "--json")
    told = [p["package"] for p in event(result, "status")["packages"]]
    assert told == ["omega.evolve", "beta.evolve", "old"]
    result = run(plain, "--data", data, "--package", "older")
    assert result.returncode == 2
    assert "The package older of older cannot be imported" in result.stderr
