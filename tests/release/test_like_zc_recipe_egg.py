"""The script options mean what they mean in zc.recipe.egg: both are run, compared.

The real recipe, in a real zc.buildout, makes its scripts from the same wheels;
ours makes a release. Then every script of either is run.
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.rawwheels import RawWheel
from support.workshop import Workshop

#: A part for every case: its options, beside recipe and eggs.
CASES: dict[str, dict[str, str]] = {
    "all": {},
    "none": {"scripts": "", "interpreter": "py"},
    "chosen": {"scripts": "first third"},
    "renamed": {"scripts": "first=uno second third=drei first=eins"},
    "unknown": {"scripts": "first nope=x"},
    "explicit": {
        "entry-points": "fourth=egg_main.sub:Class.method extra=egg_main:first",
    },
    "explicit-chosen": {
        "entry-points": "fourth=egg_main.sub:Class.method", "scripts": "fourth=vier",
    },
    "arguments": {
        "arguments": "1, *'ab', key={'a': ready}", "initialization": "ready = 2",
    },
    "initialization": {"initialization": "import os\nos.environ['MARK'] = 'set'"},
    "dependent": {"dependent-scripts": "true"},
    "dependent-chosen": {"dependent-scripts": "true", "scripts": "first helper=hilf"},
    "independent": {"dependent-scripts": "false"},
    "interpreter": {"interpreter": "py"},
    "interpreter-initialized": {
        "interpreter": "py", "initialization": "import os\nos.environ['MARK'] = 'py'",
    },
    "two-eggs": {"eggs": "egg-main\negg-dep"},
    "extras": {"eggs": "egg.main [more] >= 1"},
    "marker": {"eggs": "egg-main\nnot-there; python_version < '3'"},
}  # fmt: skip

_REPORT = b"""
import json, os, sys
def _say(name, args, kwargs):
    print(json.dumps([name, args, kwargs, sys.argv[1:], os.environ.get('MARK')]))
def first(*args, **kwargs):
    _say('first', args, kwargs)
def second(*args, **kwargs):
    _say('second', args, kwargs)
    return 3
def third(*args, **kwargs):
    _say('third', args, kwargs)
    return 'text'
"""


def wheels() -> list[RawWheel]:
    return [
        RawWheel(
            "egg-main",
            members={
                "egg_main/__init__.py": _REPORT,
                "egg_main/sub.py": (
                    b"from egg_main import first\n"
                    b"class Class:\n    method = staticmethod(first)\n"
                ),
            },
            entry_points=(
                "[console_scripts]\nfirst = egg_main:first\n"
                "second=egg_main:second [more]\nthird = egg_main:third\n"
                "[gui_scripts]\nwindow = egg_main:first\n"
                "[paste.app_factory]\nmain = egg_main:first\n"
            ),
            metadata=(
                "Metadata-Version: 2.1\nName: egg-main\nVersion: 1.0\n"
                "Requires-Dist: egg-dep\nProvides-Extra: more\n"
                "Requires-Dist: egg-more; extra == 'more'\n"
            ),
        ),
        RawWheel(
            "egg-dep",
            members={"egg_dep.py": _REPORT},
            entry_points="[console_scripts]\nhelper = egg_dep:first\n",
        ),
        RawWheel("egg-more", members={"egg_more.py": b""}),
    ]


#: Runs zc.buildout once a case, since all parts of a run share one folder for
#: scripts; forked, to import it but once.
_BUILDOUTS = """
import os, sys
import zc.buildout.buildout
root, *cases = sys.argv[1:]
for case in cases:
    child = os.fork()
    if not child:
        zc.buildout.buildout.main([
            "-c", f"{root}/buildout.cfg", f"buildout:parts={case}",
            f"buildout:bin-directory={root}/out/{case}",
            f"buildout:installed={root}/.{case}",
        ])
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"case {case} failed")
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what zc.recipe.egg made of every case, by name."""
    root = tmp_path_factory.mktemp("theirs")
    made = [wheel.write(root / "made") for wheel in wheels()]
    for path in made:
        project = root / "index" / path.name.split("-")[0].replace("_", "-")
        project.mkdir(parents=True)
        path.rename(project / path.name)
    config = configparser.RawConfigParser()
    config.optionxform = str  # type: ignore[assignment,method-assign]
    config["buildout"] = {
        "index": (root / "index").as_uri(),
        "newest": "false",
        "eggs-directory": str(root / "eggs"),
    }
    for name, options in CASES.items():
        config[name] = {
            "recipe": "zc.recipe.egg:scripts",
            "eggs": "egg-main",
            **{key: value.replace("\n", "\n  ") for key, value in options.items()},
        }
        (root / "out" / name).mkdir(parents=True)
    with (root / "buildout.cfg").open("w") as stream:
        config.write(stream)
    done = subprocess.run(
        [sys.executable, "-c", _BUILDOUTS, root, *CASES],
        check=False, capture_output=True, text=True, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "out"


def behaviour(folder: Path) -> Mapping[str, object]:
    """Return what every script of a folder does, by name."""
    return {
        path.name: _run(path) for path in sorted(folder.iterdir()) if path.name != "py"
    }


def _run(script: Path) -> object:
    done = subprocess.run(
        [script, "word", "--option"], check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    return (done.returncode, json.loads(done.stdout), done.stderr)


@pytest.mark.parametrize("name", CASES)
def test_same(name: str, theirs: Path, workshop: Workshop, tmp_path: Path):
    """The same options make the same scripts, that do the same."""
    workshop.index("acme/1.0", *wheels())
    options = {"eggs": "egg-main", **CASES[name]}
    folder = workshop.build(**options).release.bin
    found = behaviour(folder_without_python(folder, tmp_path))
    assert found == behaviour(theirs / name)
    assert bool(found) == (name != "none")
    assert (folder / "py").exists() == (theirs / name / "py").exists()
    if not (folder / "py").exists():
        return
    code = tmp_path / "code.py"
    code.write_text("import egg_main, os, sys; print(os.environ.get('MARK'), sys.argv)")
    for arguments in (
        ["-c", "import os; print(os.environ.get('MARK'))"],
        [code, "x"], ["-I", code], ["-m", "egg_more", "x"],
    ):  # fmt: skip
        outputs = {
            _printed(place / "py", *arguments) for place in (folder, theirs / name)
        }
        assert len(outputs) == 1, outputs


def _printed(*argv: str | Path) -> str:
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, env=environment
    )
    return done.stdout


def folder_without_python(folder: Path, tmp_path: Path) -> Path:
    """Return links to the scripts of a release, without our interpreter."""
    links = tmp_path / "links"
    links.mkdir()
    for path in folder.iterdir():
        if path.name not in ("python", "python3"):
            (links / path.name).symlink_to(path)
    return links
