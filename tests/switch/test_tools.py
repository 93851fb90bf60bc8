from __future__ import annotations

import ast
import json
import marshal
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.faults import Fault
from support.siteinvariants import snapshot
from support.sites import CONFIG, build_site

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.files import remove_tree
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.payload import base_interpreter
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig

SOURCE = Path(sitetools.__file__).parents[1]
PREFIX = "karl.recipe.release"


def _imported(name: str) -> set[str]:
    """Return what a module imports anywhere in it, by full names."""
    found = set()
    for node in ast.walk(ast.parse((SOURCE / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_payload_is_what_the_command_imports():
    """The fixed list of modules is the command's import graph, no more, no less."""
    needed, todo = {"__init__"}, ["sites/switchcli", "sites/smokeprobe"]
    while todo:
        name = todo.pop()
        if name in needed:
            continue
        needed |= {name, f"{name.partition('/')[0]}/__init__"}
        modules = [
            module.removeprefix(f"{PREFIX}.").replace(".", "/")
            for module in _imported(name)
            if module.startswith(f"{PREFIX}.")
        ]
        todo += [module for module in modules if (SOURCE / f"{module}.py").is_file()]
    assert sorted(needed) == sorted(sitetools.MODULES)


def test_the_payload_needs_the_standard_library_only():
    """Every other import of the payload is the standard library's."""
    tops = {
        module.split(".")[0] for name in sitetools.MODULES for module in _imported(name)
    }
    assert tops - {"karl"} <= set(sys.stdlib_module_names)


def test_the_command_works_from_anywhere_through_a_link_and_without_checkout(
    tmp_path,
):
    """Only what is below the site's root is needed, and the machine's Python."""
    site = build_site(tmp_path / "site")
    link = tmp_path / "links" / "sv"
    link.parent.mkdir()
    link.symlink_to("../site/bin/switch-version")
    trace = subprocess.run(
        [link, "1.0", "--json"], cwd="/", env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(trace.stdout)["revision"] == 1
    for path in (site.bin / "switch-version", *site.lib.rglob("*.py*")):
        assert str(SOURCE).encode() not in path.read_bytes()


def test_what_is_installed_on_the_machine_cannot_get_in_the_way(site, tmp_path):
    """Another package named karl, PYTHONPATH and a start-up hook are not seen."""
    foreign = tmp_path / "foreign"
    (foreign / "karl").mkdir(parents=True)
    (foreign / "karl" / "__init__.py").write_text("raise SystemExit(99)")
    (foreign / "sitecustomize.py").write_text("raise SystemExit(99)")
    done = subprocess.run(
        [site.bin / "switch-version", "--list"],
        cwd=foreign, env={**os.environ, "PYTHONPATH": str(foreign)}, check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["with blanks", "quote's $HOME", "l" * 130, "käse"])
def test_odd_paths(tmp_path, name):
    """Blanks, quotes, long and accented paths do no harm."""
    site = build_site(tmp_path / name / "site")
    done = subprocess.run([site.bin / "switch-version", "1.0"], check=False)
    assert done.returncode == 0
    assert site.current.exists()


def test_an_interpreter_in_an_odd_place_is_run_through_sh(site, tmp_path):
    """Where the kernel cannot read the first line, sh does."""
    place = tmp_path / "a 'place' with $blanks"
    place.mkdir()
    python = place / "python"
    python.write_text(f'#!/bin/sh\nexec {base_interpreter()} "$@"\n')
    python.chmod(0o755)
    lib = next(path for path in site.lib.iterdir())
    text = sitetools.render_script(str(python), lib, site.root)
    assert text.startswith("#!/bin/sh\n")
    script = site.bin / "script here"
    script.write_text(text)
    script.chmod(0o755)
    done = subprocess.run([script, "--list", "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["current"] is None


@pytest.mark.parametrize("how", [shutil.copytree, shutil.move])
def test_a_copied_or_moved_site_refuses_to_act(tmp_path, how):
    """The command of a copy leaves the original alone; after a move it says so."""
    site = build_site(tmp_path / "original")
    subprocess.run([site.bin / "switch-version", "1.0"], check=True)
    other = SiteLayout(tmp_path / "other")
    options = {"symlinks": True} if how is shutil.copytree else {}
    how(site.root, other.root, **options)
    before = snapshot(site), snapshot(other)
    done = subprocess.run(
        [other.bin / "switch-version", "1.1", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert str(other.root) in json.loads(done.stdout)["error"]["message"]
    assert "next: The site was copied or moved." in done.stderr
    assert (snapshot(site), snapshot(other)) == before


def test_a_moved_site_that_is_reached_by_its_old_path_works(tmp_path):
    """A symlink at the old place makes the new place the site's own."""
    site = build_site(tmp_path / "original")
    shutil.move(site.root, tmp_path / "moved")
    site.root.symlink_to("moved")
    command = tmp_path / "moved" / "bin" / "switch-version"
    assert subprocess.run([command, "1.0"], check=False).returncode == 0


def test_an_interpreter_that_no_script_can_name_is_refused(site):
    """A line end in the path cannot be written."""
    with pytest.raises(UsageError):
        sitetools.render_script("/a\nb/python", site.lib, site.root)


def test_again_changes_nothing(site):
    """The same input writes nothing, not even the same bytes again."""
    before = snapshot(site)
    sitetools.install(site, CONFIG)
    assert snapshot(site) == before


def test_a_changed_option_changes_only_its_file(site):
    """Another setting rewrites etc/site.json and leaves the code alone."""
    before = snapshot(site)
    sitetools.install(site, SiteConfig("acme-prod", keep=9))
    changed = {
        path for path, kind in snapshot(site).items() if before.get(path) != kind
    }
    assert changed == {str(site.etc / "site.json")}
    assert SiteConfig.load(site).keep == 9


def test_what_was_changed_by_hand_is_repaired(site):
    """A module that was edited or removed is as it was after the next run."""
    lib = next(site.lib.iterdir()) / "karl" / "recipe" / "release"
    (lib / "sites" / "switch.py").chmod(0o644)
    (lib / "sites" / "switch.py").write_text("broken")
    (lib / "base" / "locks.py").unlink()
    shutil.rmtree(lib / "base" / "__pycache__")
    (site.bin / "switch-version").unlink()
    sitetools.install(site, CONFIG)
    assert (
        subprocess.run([site.bin / "switch-version", "1.0"], check=False).returncode
        == 0
    )


def test_code_that_no_command_names_is_removed(site):
    """Old code goes, code that another command of the site names stays."""
    old, used = site.lib / "0000", site.lib / "1111"
    old.mkdir()
    used.mkdir()
    (site.bin / "evolve").write_text(f"sys.path.insert(0, {str(used)!r})\n")
    sitetools.install(site, CONFIG)
    assert not old.exists()
    assert used.exists()


def test_leftovers_of_a_killed_run_are_removed_and_others_are_not(site):
    """Only our own partial names go."""
    ours = [
        site.bin / ".partial-switch-version-00",
        site.etc / ".partial-site.json-0",
        site.lib / ".partial-abc-00",
    ]
    other = site.etc / ".partial-supervisord.conf-00"
    for path in (*ours, other):
        path.write_text("")
    sitetools.install(site, CONFIG)
    assert not [path for path in ours if path.exists()]
    assert other.exists()


def test_bytecode_is_there_and_is_never_checked_again(site):
    """Each module has unchecked-hash bytecode that names its final path."""
    lib = next(site.lib.iterdir())
    sources = list(lib.rglob("*.py"))
    assert len(sources) == len(sitetools.MODULES)
    for source in sources:
        [compiled] = (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")
        data = compiled.read_bytes()
        assert int.from_bytes(data[4:8], "little") == 1
        assert marshal.loads(data[16:]).co_filename == str(source)
    assert not (lib / "karl" / "__init__.py").exists()
    assert not (lib / "karl" / "recipe" / "__init__.py").exists()


def test_installing_never_touches_revisions_or_current(site, run):
    """A buildout run leaves what is live alone, also when it changes the code."""
    run("1.0")
    before = {
        path: kind
        for path, kind in snapshot(site).items()
        if "/lib/" not in path and "/bin/" not in path
    }
    remove_tree(site.lib)
    sitetools.install(site, CONFIG)
    after = snapshot(site)
    ours = {str(site.lib)}
    assert {path: after.get(path) for path in before if path not in ours} == {
        path: kind for path, kind in before.items() if path not in ours
    }


@pytest.mark.parametrize(
    "options",
    [
        {"site": "a/b"}, {"site": "x", "keep": 0}, {"site": "x", "smoke_timeout": 0},
        {"site": "x", "smoke_timeout": float("nan")},
        {"site": "x", "hook_timeout": float("inf")},
        {"site": "x", "hook_timeout": -1}, {"site": "x", "after_switch": ((),)},
        {"site": "x", "after_switch": (("",),)}, {"site": "x", "database": "a b"},
    ],
)  # fmt: skip
def test_settings_are_checked(options):
    """A value that cannot be is refused before anything is written."""
    with pytest.raises(UsageError):
        SiteConfig(**options)


def test_a_site_survives_a_round_trip_of_its_settings(site):
    """What is written is read again, the same."""
    assert SiteConfig.load(SiteLayout(site.root)) == CONFIG


def test_killed_before_each_change_the_command_still_works(tmp_path, monkeypatch):
    """While its code is replaced, a site's command works at every moment."""
    real = sitetools.read_payload
    number = 0
    killed = True
    while killed:
        number += 1
        site = SiteLayout(tmp_path / str(number))
        sitetools.install(site, CONFIG)
        child = os.fork()
        if child == 0:
            fault = Fault(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
            monkeypatch.setattr(files, "seam", fault)
            name = "karl/recipe/release/__init__.py"
            changed = {**real(), name: b"# another version\n"}
            monkeypatch.setattr(sitetools, "read_payload", changed.copy)
            sitetools.install(site, SiteConfig("acme-prod", keep=9))
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        subprocess.run([site.bin / "switch-version", "--list"], check=True)
        assert SiteConfig.load(site).keep in {5, 9}
        sitetools.install(site, CONFIG)
        assert not list(site.root.rglob(".partial-*"))
        assert len(list(site.lib.iterdir())) == 1
    assert number > 4
