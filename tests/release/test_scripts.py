"""Scripts are chosen as zc.recipe.egg chooses them, and named safely."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.rawwheels import RawWheel
from support.workshop import Notes, Workshop, library, product, run

from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.sites import smokeprobe
from karl.recipe.release.trees import modules, specification
from karl.recipe.release.trees.interpreter import first_lines
from karl.recipe.release.trees.scripts import Provider, Scripts, plan

PRODUCT = Provider("product", "[console_scripts]\nrun = product:main\nstop=p.q:r.s\n")
LIBRARY = Provider("library", "[console_scripts]\ntool = library:tool [extra]\n")
OURS = {"python", "python3"}


def made(
    listed: Provider | list[Provider],
    *dependent: Provider,
    notes: Notes | None = None,
    **options: str,
) -> Scripts:
    names = {name.replace("_", "-"): value for name, value in options.items()}
    return plan(
        ReleaseLayout(Path("/srv/acme/releases/1.0")),
        specification.parse({"eggs": "product", **names}),
        listed if isinstance(listed, list) else [listed],
        dependent,
        notes or Notes(),
    )


def names(scripts: Scripts) -> set[str]:
    return scripts.files.keys() - OURS


def test_all_of_listed_eggs():
    """Without the option all scripts of listed eggs are made, and no others."""
    assert names(made(PRODUCT, LIBRARY)) == {"run", "stop"}


def test_none():
    """An empty option makes none, neither entry points nor an interpreter."""
    scripts = made(PRODUCT, scripts="", entry_points="a=b:c", interpreter="py")
    assert scripts.files.keys() == OURS


def test_renamed():
    """``a=b`` makes script b of entry point a; what is not named is left out."""
    scripts = made(PRODUCT, scripts="run=start")
    assert names(scripts) == {"start"}
    assert b"sys.exit(product.main())" in scripts.files["start"]


def test_dependent():
    """Scripts of what eggs need come on request, but never those of setuptools."""
    setuptools = Provider("setuptools", "[console_scripts]\neasy = setuptools:x\n")
    scripts = made(PRODUCT, LIBRARY, setuptools, dependent_scripts="true")
    assert names(scripts) == {"run", "stop", "tool"}


def test_text():
    """A script runs the release's own interpreter, by its real path."""
    text = (
        made(PRODUCT, scripts="stop", arguments="1, x", initialization="x = 2")
        .files["stop"]
        .decode()
    )
    assert text.startswith("#!/srv/acme/releases/1.0/libexec/python")
    assert "import sys\n\nx = 2\nimport p.q\n" in text
    assert "if __name__ == '__main__':\n    sys.exit(p.q.r.s(1, x))" in text


def test_unknown_script_warns():
    """A script that no egg has is left out with a warning, as zc.recipe.egg does."""
    notes = Notes()
    assert names(made(PRODUCT, scripts="run nope", notes=notes)) == {"run"}
    assert "nope" in notes.warned[0]


def test_clash():
    """Two distributions with one script are refused; entry-points decide it."""
    twin = Provider("twin", "[console_scripts]\nrun = twin:main\n")
    with pytest.raises(RefusedError, match="run is of both product and twin"):
        made([PRODUCT, twin])
    scripts = made([PRODUCT, twin], entry_points="run=twin:main")
    assert b"twin.main()" in scripts.files["run"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "python", "python3", ".hidden", "-x", "a;b", "ä"]
)
def test_hostile_names(name: str):
    """Names that are paths, options, hidden or ours are refused, also renamed ones."""
    hostile = Provider("product", f"[console_scripts]\n{name} = product:main\n")
    with pytest.raises(RefusedError, match="product: "):
        made(hostile)
    with pytest.raises(UsageError, match="scripts: "):
        made(PRODUCT, scripts=f"run={name}")


def test_hostile_targets():
    """An entry point that is no dotted name is none: code cannot get in."""
    hostile = Provider("p", "[console_scripts]\na = os:system('x')\nb = x;y:z\nc = m\n")
    with pytest.raises(RefusedError, match="c = m names no function") as caught:
        made(hostile)
    assert "system" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("eggs", "", "there is none"),
        ("eggs", "a b", "'a b' is no requirement"),
        ("entry_points", "a=b", "is not NAME=MODULE:ATTRIBUTE"),
        ("dependent_scripts", "yes", "neither true nor false"),
        ("initialization", "if", "initialization: is not Python"),
        ("arguments", "1, 2)", "arguments: is not Python"),
        ("interpreter", "a/b", "interpreter: "),
    ],
)
def test_malformed(option: str, value: str, message: str):
    """Malformed options are refused by name, all at once."""
    with pytest.raises(UsageError) as caught:
        made(PRODUCT, **{option: value, "scripts": "a=/"})
    assert message in str(caught.value)
    assert "scripts: '/'" in str(caught.value)


LEGACY = b"""#!python
# -*- coding: latin-1 -*-
'''Doc \xe4'''
from __future__ import annotations
NAME = '\xe4'
import sys, json
json.dump([NAME, sys.argv[1:], globals().get('ready')], sys.stdout)
"""


def test_legacy_scripts(workshop: Workshop):
    """Python scripts in a wheel get the release's interpreter; others stay as is."""
    wheel = product()
    wheel.requires = ()
    wheel.members[f"{wheel.data}/scripts/legacy"] = LEGACY
    wheel.members[f"{wheel.data}/scripts/shell"] = b"#!/bin/sh\necho $0\n"
    wheel.members[f"{wheel.data}/scripts/binary"] = b"\x7fELF\xff"
    workshop.index("acme/1.0", wheel)
    layout = workshop.build(
        initialization="ready = 1", scripts="legacy shell=sh1 binary"
    ).release
    assert json.loads(run([layout.bin / "legacy", "x"])) == ["ä", ["x"], 1]
    assert run([layout.bin / "sh1"]) == f"{layout.bin / 'sh1'}\n"
    assert (layout.bin / "binary").read_bytes() == b"\x7fELF\xff"
    assert not (layout.bin / "product").exists()


def test_interpreter_with_initialization(acme: Workshop, tmp_path: Path):
    """An interpreter runs the initialization, then -c, -m, -i or a file."""
    layout = acme.build(interpreter="py", initialization="ready = 5").release
    file = tmp_path / "file.py"
    file.write_text("import sys; print(ready, __file__, sys.argv[1:], __name__)")
    py = layout.bin / "py"
    assert run([py, "-c", "print(ready)"]) == "5\n"
    assert run([py, file, "-x"]) == f"5 {file} ['-x'] __main__\n"
    assert "usage" in run([py, "-m", "json.tool", "-h"])
    assert ">>> 6\n" in run([py], input="print(ready + 1)\n")


def test_nothing_writes_bytecode(acme: Workshop, tmp_path: Path):
    """No interpreter and no script of a release writes any: root could, into it."""
    layout = acme.build(interpreter="py", initialization="ready = 5").release
    program = "import sys; print(sys.dont_write_bytecode)"
    for name in ("python", "python3", "py"):
        assert run([layout.bin / name, "-c", program]) == "True\n"
    script = tmp_path / "script"
    script.write_text(f"{first_lines(layout)}{program}\n")
    script.chmod(0o755)
    assert run([script]) == "True\n"


MODULES = [
    (["acme/site/__init__.py", "acme/site/views.py"], ["acme.site"]),
    (["acme/__init__.py", "acme/site/__init__.py"], ["acme.site"]),
    (["one.py", "two/__init__.py", "two/a.py", "data/x.py"], ["one", "two"]),
    (["acme/tool.py", "acme/a-b.py", "acme/tests/__init__.py"], ["acme.tool"]),
    (["_fast.cpython-311-x86_64-linux-gnu.so", "fast.py"], ["fast"]),
    (["_fast.abi3.so", "x-1.dist-info/RECORD"], ["_fast"]),
    (["tests/__init__.py"], ["tests"]),
    (["a.pth", "share/x.txt"], []),
]


@pytest.mark.parametrize(("paths", "expected"), MODULES)
def test_modules(paths: list[str], expected: list[str]):
    """The modules of a distribution are its top ones, and those in namespaces."""
    found = modules.importable(paths, lambda path: path == "acme/__init__.py")
    assert list(found) == expected


def test_smoke_list_of_an_egg_without_entry_points(workshop: Workshop):
    """An egg that has no entry point must import as such; the probe does that."""
    good = {
        "acme/__init__.py": b"import pkgutil\n"
        b"__path__ = pkgutil.extend_path(__path__, __name__)\n",
        "acme/site/__init__.py": b"",
        "acme/site/late.py": b"",
    }
    bad = {"broken/__init__.py": b"import nowhere"}
    workshop.index(
        "acme/1.0", RawWheel("acme.site", members=good), RawWheel("bad", members=bad)
    )
    layout = workshop.build(eggs="acme.site\nbad").release
    assert json.loads(layout.manifest.read_text())["smoke"] == ["acme.site", "broken"]
    asked = json.dumps({"entry_points": ["acme.site", "broken"]})
    said = run([layout.bin / "python", "-IB", smokeprobe.__file__, "mark", asked])
    report = json.loads(said.split("mark ", 1)[1])
    assert report["failures"].keys() == {"broken"}
    assert "nowhere" in report["failures"]["broken"]


def test_smoke_list(workshop: Workshop):
    """Entry points whose extras were not asked for need not import."""
    points = (
        "[console_scripts]\nrun = one:run\nextra = one:extra [more]\n"
        "[paste.app_factory]\nmain = one:app\n[other]\nx = one:other\n"
    )
    made_of = RawWheel("one", members={"one.py": b""}, entry_points=points)
    made_of.metadata = (
        "Metadata-Version: 2.1\nName: one\nVersion: 1.0\nProvides-Extra: more\n"
    )
    workshop.index("acme/1.0", made_of)
    first = workshop.build(eggs="one").release
    second = workshop.build("2.0", eggs="one[more]", entry_points="x=a.b:c").release
    smoke = [json.loads(x.manifest.read_text())["smoke"] for x in (first, second)]
    assert smoke == [
        ["one:app", "one:run"],
        ["a.b:c", "one:app", "one:extra", "one:run"],
    ]
    assert os.access(first.bin / "extra", os.X_OK)


def test_other_distributions_scripts(acme: Workshop):
    """A dependency's script is there if its egg is listed, and runs."""
    acme.index("acme/1.1", product("1.1"), library())
    layout = acme.build("1.1", "acme/1.1", eggs="product\nlibrary").release
    assert run([layout.bin / "libtool"]) == "tool\n"
