"""The frozen tools, and the choice of files among them."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from karl.recipe.release.base.errors import PrerequisiteError, ProcessError
from toolchain.pip import explained
from toolchain.tools import Toolchain

LOCK = """
lock-version = "1.0"
[[packages]]
name = "fast"
version = "1"
[[packages.wheels]]
name = "fast-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
hashes = {sha256 = "a"}
[[packages.wheels]]
name = "fast-1-cp312-cp312-manylinux_2_17_x86_64.whl"
hashes = {sha256 = "b"}
[[packages.wheels]]
name = "fast-1-1build-py3-none-any.whl"
hashes = {sha256 = "c"}
[[packages]]
name = "old"
version = "2"
sdist = {name = "old-2.tar.gz", hashes = {sha256 = "d"}}
"""


@pytest.fixture
def chain(tmp_path):
    """The tools of a small lock file."""
    path = tmp_path / "pylock.toml"
    path.write_text(LOCK)
    return Toolchain(path)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["cp311-cp311-manylinux2014_x86_64", "py3-none-any"], "a"),
        (["cp312-cp312-manylinux_2_17_x86_64", "py3-none-any"], "b"),
        (["cp313-cp313-manylinux_2_17_x86_64", "py3-none-any"], "c"),
    ],
)
def test_best_file_is_chosen(chain, tags, expected):
    """Of a tool's wheels the one is chosen whose tag the Python likes best."""
    assert chain.tools(tags)[0].sha256 == expected


def test_sdist_serves_where_no_wheel_is(chain):
    """A tool that has no wheel at all comes as its sdist."""
    old = chain.tools(["py3-none-any"])[1]
    assert (old.file, old.is_wheel) == ("old-2.tar.gz", False)


def test_unsuited_tool_is_named(chain):
    """A tool without a file for this Python is named."""
    with pytest.raises(PrerequisiteError, match="fast"):
        chain.tools(["cp399-none-any"])


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("OSError: [Errno 28] No space left on device", 3),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", 4),
        ("Max retries exceeded with url\nNo matching distribution found", 8),
        ("ERROR: No matching distribution found for pip==26.3", 8),
        ("something else", 1),
    ],
)
def test_failures_of_pip_have_exit_codes(tmp_path, output, code):
    """Each kind of failure of pip has its exit code."""
    error = ProcessError("pip failed", ("pip",), 1, output)
    assert explained(error, tmp_path / "no.log").exit_code == code


def test_bootstrap_is_standard_library_only(checkout):
    """The bootstrap imports nothing that a bare Python does not have."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; import toolchain.command;"
        "print(*{name.partition('.')[0] for name in sys.modules}"
        " - set(sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code,
         checkout, checkout / "src/karl.recipe.release/src"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert sorted(done.stdout.split()) == ["__main__", "karl", "toolchain"]


def test_test_tools_extend_the_tools(checkout):
    """The index of the test tools has every tool, at the same version and bytes."""
    tools, test_tools = (
        {
            package["name"]: (package["version"], package.get("wheels"))
            for package in tomllib.loads(path.read_text())["packages"]
        }
        for path in (
            checkout / "indexes/toolchain/1/pylock.toml",
            checkout / "indexes/toolchain-test/4/pylock.toml",
        )
    )
    assert tools.items() <= test_tools.items()
    assert {
        "pytest",
        "ruff",
        "mypy",
        "sphinx",
        "twine",
        "jsonschema",
    } <= test_tools.keys()
