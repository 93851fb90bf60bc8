"""The generated commands: whence they may be run, and on what they depend."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import eventually
from support.workshop import Notes
from support.zeodeclared import declare

from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.installation import scripts
from karl.recipe.zeoserver.installation.install import ensure

#: What the release of a database server has.
SOFTWARE = {
    "BTrees", "ZConfig", "ZEO", "ZODB", "cryptography", "persistent", "supervisor",
    "transaction", "zc", "zodbpickle",
}  # fmt: skip


def make(root: Path) -> Central:
    """Install a database server whose release is this Python's environment."""
    central = declare(root, acme={}, globex={})
    ensure(central, Notes())
    python = central.places.release_python
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s "$@"\n')
    python.chmod(0o755)
    return central


def run(command: Path, *words: str, **options):
    """Run a command and return what came of it."""
    return subprocess.run(
        [command, *words], capture_output=True, text=True, check=False, **options
    )


def imported(text: str) -> set[str]:
    """Return what a module imports anywhere in it, by full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_payload_is_whole():
    """Every module of ours that a generated command imports is copied with it."""
    payload = scripts.read_payload()
    assert "karl/recipe/zeoserver/recipe.py" not in payload
    for path, content in payload.items():
        for name in imported(content.decode()):
            if name.startswith("karl."):
                module = name.replace(".", "/")
                there = {
                    f"{module}.py", f"{module}/__init__.py",
                    f"{module.rpartition('/')[0]}.py",
                }  # fmt: skip
                assert there & set(payload), f"{path} imports {name}"


def test_the_payload_needs_the_servers_software_and_no_other():
    """Every other import is the standard library's or of the frozen index."""
    tops = {
        name.split(".")[0]
        for content in scripts.read_payload().values()
        for name in imported(content.decode())
    }
    assert tops - {"karl"} - SOFTWARE <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", ["plain", "with blanks", "käse $HOME", "l" * 40])
def test_commands_run_from_anywhere(place, name):
    """Another folder, a foreign PYTHONPATH, an empty environment, a link: no matter."""
    central = make(place / name / "zc")
    foreign = place / "foreign"
    (foreign / "karl").mkdir(parents=True)
    (foreign / "karl" / "__init__.py").write_text("raise SystemExit(99)")
    (foreign / "sitecustomize.py").write_text("raise SystemExit(99)")
    link = place / "zeoctl"
    link.symlink_to(central.places.zeoctl)
    done = run(
        link, "status", "--json", cwd=foreign,
        env={"PYTHONPATH": str(foreign), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["storages"]) == ["acme", "globex"]


def test_arguments_and_exit_codes_are_passed_on(place):
    """A command is told what it was told, and ends as it ends."""
    central = make(place / "zc")
    done = run(central.places.zeoctl, "status", "no such", "--json")
    assert done.returncode == 2
    assert "There is no storage no such" in done.stdout + done.stderr
    done = run(central.places.runner, "acme", "a")
    assert done.returncode == 3
    assert "acme" in done.stderr


def test_supervisord_runs_in_the_foreground(place):
    """It answers, has no program, and ends when it is told to."""
    central = make(place / "zc")
    supervisorctl = Path(sys.executable).with_name("supervisorctl")
    child = subprocess.Popen(
        [central.places.supervise], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        conf = central.places.supervisord_conf
        eventually(central.places.supervisor_socket.exists)
        done = run(supervisorctl, "-c", str(conf), "pid")
        assert done.stdout.strip() == str(child.pid)
    finally:
        child.terminate()
        assert child.wait() == 0


@pytest.mark.parametrize(
    "command", ["zeoctl", "zeoctl-ssh", "zeo-runner", "zeo-supervise"]
)
def test_without_a_release_commands_say_what_to_do(place, command):
    """One clear error, exit code 3, and JSON if that is asked for."""
    central = declare(place / "zc", acme={})
    ensure(central, Notes())
    done = run(central.places.bin / command, "status", "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["exit"] == 3
    assert f"{central.root}/current" in error["message"]
    assert "bin/switch-version" in error["next"]
    assert done.stderr.startswith("error: The software is not there")


@pytest.mark.parametrize("how", [shutil.copytree, shutil.move])
@pytest.mark.parametrize(
    "command", ["zeoctl", "zeoctl-ssh", "zeo-runner", "zeo-supervise"]
)
def test_a_copied_or_moved_server_refuses_to_act(place, how, command):
    """A copy never serves, stops or backs up what the original serves."""
    central = make(place / "zc")
    options = {"symlinks": True} if how is shutil.copytree else {}
    how(place / "zc", place / "copy", **options)
    done = run(place / "copy" / "bin" / command, "acme", "a", "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (
        f"of the database server {central.root}, not of {place}/copy"
        in (error["message"])
    )


def test_without_its_code_a_command_says_so(place):
    """Code that somebody removed is written again by the buildout."""
    central = make(place / "zc")
    files = list(central.places.lib.iterdir())
    shutil.rmtree(files[0])
    done = run(central.places.zeoctl, "status")
    assert done.returncode == 3
    assert "Run the buildout" in done.stderr
    ensure(central, Notes())
    assert run(central.places.zeoctl, "status").returncode == 0


def test_running_code_is_not_removed(place):
    """A server that runs from old code keeps it until it ends; then it goes."""
    central = make(place / "zc")
    [old] = central.places.lib.iterdir()
    text = central.places.zeoctl.read_text().partition("from karl.")[0]
    slow = central.places.bin / "slow"
    slow.write_text(f"{text}print('held', flush=True)\nsys.stdin.read()\n")
    slow.chmod(0o755)
    child = subprocess.Popen([slow], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    slow.unlink()
    for path in (central.places.zeoctl, central.places.runner):
        path.unlink()
    new = central.places.lib / "new"
    old.rename(new)
    ensure(central, Notes())
    assert new.exists()
    child.communicate()
    ensure(central, Notes())
    assert not new.exists()
