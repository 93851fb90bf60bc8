"""bootstrap.py as its users run it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.waiting import eventually


class TestReadyCheckout:
    def test_buildout_is_the_pinned_one(self, ready):
        """bin/buildout is the version of zc.buildout that the lock file pins."""
        done = ready.run([ready.root / "bin/buildout", "--version"])
        assert done.returncode == 0, done.stderr
        assert "6.0.1" in done.stdout

    def test_second_run_does_nothing(self, ready):
        """A second run changes nothing and takes well under a second."""
        before = ready.in_use(), (ready.root / "bin/buildout").stat()
        seconds = []
        for _ in range(3):
            start = time.monotonic()
            assert ready.bootstrap().returncode == 0
            seconds.append(time.monotonic() - start)
        assert (ready.in_use(), (ready.root / "bin/buildout").stat()) == before
        assert min(seconds) < 0.8

    def test_quiet_run_says_nothing(self, ready):
        """With --quiet a run that finds all well is silent."""
        done = ready.bootstrap("--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_home_is_not_touched(self, ready):
        """A home folder that does not exist is neither needed nor made."""
        assert not (ready.root / "no-home").exists()

    def test_scripts_run_from_anywhere(self, ready, tmp_path):
        """The commands run from any folder and through a symlink."""
        (tmp_path / "link").symlink_to(ready.root / "bin/buildout")
        done = ready.run([tmp_path / "link", "--version"], cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_missing_test_tools_are_named(self, ready):
        """bin/test says how to get the test tools when they are not there."""
        done = ready.run([ready.root / "bin/test"])
        assert done.returncode == 7
        assert "python3 bootstrap.py --test" in done.stderr

    def test_removed_command_is_written_again(self, ready):
        """A command that was removed from bin/ comes back, in the same environment."""
        before = ready.in_use()
        (ready.root / "bin/karl-index").unlink()
        assert ready.bootstrap().returncode == 0
        assert (ready.root / "bin/karl-index").exists()
        assert ready.in_use() == before

    def test_recipe_is_found_without_network(self, ready, tmp_path):
        """zc.buildout finds our recipes in the environment, asking no registry.

        Nor does it replace its own tools by the versions of a site's index.
        """
        (tmp_path / "any.cfg").write_text(
            "[buildout]\nparts = part\nindex = http://127.0.0.1:9/simple\n"
            "[versions]\nsetuptools = 70.0.0\nwheel = 0.40.0\n"
            "[part]\nrecipe = karl.recipe.release:no-such-entry\n"
        )
        done = ready.run([ready.root / "bin/buildout", "-c", tmp_path / "any.cfg"])
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert "('zc.buildout', 'no-such-entry') not found" in said
        for sign in ("Couldn't find", "pgrad", "127.0.0.1"):
            assert sign not in said

    def test_the_environment_cannot_steer_the_commands(self, ready, tmp_path):
        """What PYTHONPATH, PYTHONHOME and PYTHONOPTIMIZE say is not heard."""
        for name in ("karl.py", "packaging.py", "sitecustomize.py"):
            (tmp_path / name).write_text("raise SystemExit(99)")
        hostile = (
            {"PYTHONPATH": str(tmp_path)},
            {"PYTHONHOME": "/nowhere"},
            {"PYTHONOPTIMIZE": "2"},
        )
        for environment in hostile:
            for argv in (["buildout", "--version"], ["karl-index", "--help"]):
                command = [ready.root / "bin" / argv[0], argv[1]]
                done = ready.run(command, environment, cwd=tmp_path)
                assert done.returncode == 0, done.stderr

    def test_open_umask_of_buildout(self, ready, tmp_path):
        """With umask 0 buildout makes no folder that others may write to."""
        (tmp_path / "any.cfg").write_text("[buildout]\nparts =\n")
        before = os.umask(0)
        try:
            done = ready.run([ready.root / "bin/buildout", "-c", tmp_path / "any.cfg"])
        finally:
            os.umask(before)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "parts").is_dir()
        made = [path for path in tmp_path.iterdir() if path.name != "any.cfg"]
        assert not [path for path in made if path.stat().st_mode & 0o002]

    def test_all_entry_points_are_declared(self, ready):
        """The two recipes and the command are entry points of karl.recipe.release."""
        code = (
            "from importlib.metadata import distribution as d;"
            "print(*sorted(f'{e.group} {e.name} = {e.value}'"
            " for e in d('karl.recipe.release').entry_points), sep='\\n')"
        )
        done = ready.run([ready.root / ".venv/bin/python", "-c", code])
        assert done.stdout.splitlines() == [
            "console_scripts karl-index = karl.recipe.release.indexes.cli:main",
            "zc.buildout default = karl.recipe.release.recipe:Release",
            "zc.buildout index = karl.recipe.release.indexrecipe:Index",
        ]

    def test_compoze_serves_as_classes(self, ready):
        """The pinned compoze gives its Pooler and Indexer under this setuptools."""
        code = "import compoze.pooler, compoze.indexer"
        done = ready.run([ready.root / ".venv/bin/python", "-c", code])
        assert done.returncode == 0, done.stderr


class TestRepair:
    def test_damaged_environment_is_replaced(self, small):
        """A missing file is noticed, and a whole environment put in its place."""
        before = small.in_use()
        (path,) = small.root.glob(".venv/lib/python*/site-packages/tomli_w/_writer.py")
        path.unlink()
        done = small.bootstrap()
        assert done.returncode == 0, done.stderr
        assert "_writer.py is missing" in done.stderr
        assert small.in_use() != before
        assert path.exists()

    def test_open_umask(self, small):
        """With umask 0 no folder is made that others may write to."""
        (small.root / ".venv/bootstrap.json").write_text("{}")
        for cache in small.root.glob("**/__pycache__"):
            shutil.rmtree(cache)
        (small.root / "bin/buildout").unlink()
        before = os.umask(0)
        try:
            assert small.bootstrap("--offline").returncode == 0
        finally:
            os.umask(before)
        assert (small.root / "bin/buildout").exists()
        assert not [
            path
            for path in small.root.glob("**/*")
            if not path.is_symlink() and path.stat().st_mode & 0o002
        ]

    def test_killed_run_leaves_the_old_environment(self, small):
        """A killed run leaves the old environment in use; the next cleans up."""
        before = small.in_use()
        (small.root / ".venv/bootstrap.json").write_text("{}")
        known = set(small.environments())
        child = subprocess.Popen(
            [sys.executable, small.root / "bootstrap.py"],
            env=small.environment,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.ExitStack() as stack:
            stack.callback(child.wait)
            stack.callback(os.killpg, child.pid, signal.SIGKILL)
            eventually(lambda: self._work_of_another(small, known), seconds=60)
        assert child.returncode == -signal.SIGKILL
        half = set(small.environments()) - {before}
        assert half
        assert small.in_use() == before
        works = [small.root / ".venv/bin/python", "-m", "pip", "--version"]
        assert small.run(works).returncode == 0
        done = small.bootstrap()
        assert done.returncode == 0, done.stderr
        assert not half & set(small.environments())
        assert small.in_use() != before

    @staticmethod
    def _work_of_another(copy, known):
        return any(
            list((copy.root / ".venvs" / name).glob("lib/python*/site-packages/*"))
            for name in set(copy.environments()) - known
        )

    def test_moved_checkout_refuses_then_is_repaired(self, small, tmp_path):
        """Commands of a copied checkout refuse to run the original's code."""
        root = tmp_path / "moved"
        shutil.copytree(small.root, root, symlinks=True)
        done = small.run([root / "bin/buildout", "--version"], cwd=root)
        assert done.returncode == 7
        assert "python3 bootstrap.py" in done.stderr
        done = small.run([sys.executable, root / "bootstrap.py", "--offline"], cwd=root)
        assert done.returncode == 0, done.stderr
        code = "import karl.recipe.release as r; print(r.__file__)"
        done = small.run([root / ".venv/bin/python", "-c", code])
        assert done.stdout.startswith(str(root))

    def test_two_at_once_make_one(self, small):
        """Of two runs at once one works and one waits; both end well."""
        (small.root / ".venv/bootstrap.json").write_text("{}")
        children = [
            subprocess.Popen(
                [sys.executable, small.root / "bootstrap.py"],
                env=small.environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        said = [child.communicate()[1] for child in children]
        assert [child.returncode for child in children] == [0, 0], said
        assert sum("Making a new environment" in text for text in said) == 1
        assert sum("Waiting" in text for text in said) == 1


class TestFailure:
    @pytest.fixture
    def empty(self, copied, tmp_path):
        """A copy with an empty pool."""
        return copied(tmp_path / "karl", pool=False)

    @pytest.fixture
    def only_pip(self, empty, checkout):
        """A copy with next to nothing in the pool: quicker than with nothing."""
        (pip,) = (name for name in empty.tool_files() if name.startswith("pip-"))
        shutil.copy2(checkout / "pool" / pip, empty.root / "pool" / pip)
        return empty

    def test_offline_names_the_missing_files(self, only_pip):
        """--offline names every file that is missing in the pool."""
        done = only_pip.bootstrap("--offline")
        assert done.returncode == 8
        named = [name for name in only_pip.tool_files() if name in done.stderr]
        # pip is there, and uv has a file for each processor.
        assert len(named) == len(only_pip.tool_files()) - 2
        assert not (only_pip.root / ".venv").is_symlink()
        assert only_pip.environments() == []

    def test_missing_debian_packages_are_named(self, only_pip, tmp_path):
        """What a production buildout will lack is named, before any work."""
        done = only_pip.bootstrap("--offline", environment={"PATH": str(tmp_path)})
        warning, *work = done.stderr.splitlines()
        assert warning.startswith("warning: This machine lacks")
        for package in ("gcc", "binutils", "libxml2-dev", "libxslt1-dev"):
            assert package in warning
        assert "Making a new environment" in work[0]

    def test_no_network_is_said(self, empty):
        """Without a network the error says so, and where the details are."""
        done = empty.bootstrap()
        assert done.returncode == 8
        assert "could not be reached" in done.stderr
        assert "--offline" in done.stderr
        assert (empty.root / ".venvs/bootstrap.log").read_text()

    def test_mirror_is_used_and_checked(self, copied, tmp_path):
        """Pip's configured index serves what is missing; other bytes are refused."""
        copy = copied(tmp_path / "karl", small=True)
        wheel = copy.tool_file("tomli_w")
        project = tmp_path / "mirror/tomli-w"
        project.mkdir(parents=True)
        served = project / wheel.name
        shutil.move(wheel, served)
        (project / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
        mirror = {"PIP_INDEX_URL": project.parent.as_uri()}
        right = served.read_bytes()
        served.write_bytes(right + b"\0")
        done = copy.bootstrap(environment=mirror)
        assert done.returncode == 4
        assert "not the one that the lock file names" in done.stderr
        assert not wheel.exists()
        served.write_bytes(right)
        done = copy.bootstrap(environment=mirror)
        assert done.returncode == 0, done.stderr
        assert wheel.read_bytes() == right

    @pytest.mark.parametrize("project", ["pip", "tomli_w"])
    def test_tampered_pool_is_refused(self, copied, tmp_path, project):
        """A pooled file with other bytes is refused before it is run or installed."""
        copy = copied(tmp_path / "karl", small=True)
        copy.tool_file(project).write_bytes(b"other")
        done = copy.bootstrap("--offline")
        assert done.returncode == 4
        assert copy.tool_file(project).name in done.stderr

    def test_damaged_lock_file_is_refused(self, empty):
        """A lock file that cannot be read is named."""
        (empty.root / "indexes/toolchain/1/pylock.toml").write_text("[[")
        done = empty.bootstrap("--offline")
        assert done.returncode == 4
        assert "pylock.toml" in done.stderr

    def test_failing_build_keeps_its_log(self, copied, tmp_path):
        """When a build fails its last output is shown, and a log file kept."""
        copy = copied(tmp_path / "karl", small=True)
        project = copy.root / "src/karl.recipe.release/pyproject.toml"
        project.write_text(project.read_text() + "[nonsense\n")
        done = copy.bootstrap("--offline")
        log = copy.root / ".venvs/bootstrap.log"
        assert done.returncode == 1
        assert str(log) in done.stderr
        assert "TOMLDecodeError" in log.read_text()
        assert copy.environments() == []

    def test_foreign_venv_is_left_alone(self, empty):
        """A .venv that someone else made is neither used nor removed."""
        (empty.root / ".venv").mkdir()
        (empty.root / ".venv/precious").touch()
        done = empty.bootstrap("--offline")
        assert done.returncode == 3
        assert "Move it away" in done.stderr
        assert (empty.root / ".venv/precious").exists()

    def test_missing_venv_package_is_named(self, empty):
        """A Python without ensurepip: the Debian package is named, nothing is done."""
        code = (
            "import sys; sys.modules['ensurepip'] = None; sys.argv[1:] = ['--offline'];"
            "import bootstrap; sys.exit(bootstrap.main())"
        )
        done = empty.run([sys.executable, "-c", code])
        assert done.returncode == 7
        assert "python3-venv" in done.stderr
        assert not (empty.root / ".venvs").exists()

    def test_usage_error(self, empty):
        """An unknown option is a usage error."""
        assert empty.bootstrap("--no-such-option").returncode == 2
