from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from support.siteinvariants import snapshot
from support.sites import make_release

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.sites import revisions


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nothing_like_it\n", "nothing_like_it"),
        ("raise RuntimeError('bad day')\n", "RuntimeError: bad day"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        ("other = 1\n", "has no attribute 'main'"),
        ("def main(:\n", "SyntaxError"),
        ("import os\nos._exit(0)\n", "left without a report"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "status -11"),
        ("import os\nos.close(1)\n", "smoke test"),
    ],
)
def test_a_release_that_does_not_import_never_becomes_live(site, to, module, reason):
    """Whatever way the import fails, current stays and the reason is told."""
    to("1.0")
    make_release(site, "2.0", modules={"product.py": module})
    before = snapshot(site)
    with pytest.raises(RefusedError, match="smoke test") as caught:
        to("2.0")
    assert reason in str(caught.value)
    assert snapshot(site) == before
    assert revisions.current_number(site) == 1


def test_a_smoke_test_that_hangs_is_ended(site, to):
    """It may take smoke-timeout seconds, no more."""
    make_release(site, "2.0", modules={"product.py": "import time\ntime.sleep(60)\n"})
    with pytest.raises(RefusedError, match=r"longer than 0\.2 s.*\s.*--smoke-timeout"):
        to("2.0", smoke_timeout=0.2)


def test_what_was_imported_a_moment_ago_need_not_be_once_more(site, to, command):
    """Preparing and activating can leave out the smoke test, and no other check."""
    to("1.0")
    make_release(site, "2.0", modules={"product.py": "raise RuntimeError\n"})
    assert command("2.0", "--prepare")[0] == 3
    assert command("2.0", "--prepare", "--no-smoke-test")[0] == 0
    assert command("--activate", "2")[0] == 3
    (site.release("2.0").root / "added").write_text("")
    assert command("--activate", "2", "--no-smoke-test")[0] == 4
    (site.release("2.0").root / "added").unlink()
    assert command("--activate", "2", "--no-smoke-test")[0] == 0
    assert revisions.current_number(site) == 2


def test_what_an_import_prints_or_leaves_running_does_no_harm(site, to):
    """Output, threads and exit handlers of the release change no result."""
    text = (
        "import atexit, threading, time\n"
        "print('smoke-0 {\"failures\": {}}')\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "atexit.register(time.sleep, 60)\n"
        "def main(): pass\n"
    )
    make_release(site, "2.0", modules={"product.py": text})
    assert to("2.0").changed


def test_it_runs_isolated_in_the_releases_own_interpreter(site, to, monkeypatch):
    """No environment variable, folder or bytecode of ours gets in, none is written."""
    text = (
        "import os, sys\n"
        "assert sys.prefix == {prefix!r}, sys.prefix\n"
        "assert sys.flags.isolated and sys.dont_write_bytecode\n"
        "assert 'KARL_TEST' not in os.environ and 'PYTHONPATH' not in os.environ\n"
        "assert not any('karl' in name for name in sys.modules)\n"
        "import helper\n"
        "def main(): pass\n"
    )
    monkeypatch.setenv("KARL_TEST", "1")
    monkeypatch.setenv("PYTHONPATH", "/tmp")
    prefix = str(site.release("2.0").root)
    make_release(
        site, "2.0", modules={"product.py": text.format(prefix=prefix), "helper.py": ""}
    )
    assert to("2.0", full=True).changed
    assert not list(site.release("2.0").root.rglob("__pycache__"))
    assert not to("2.0", full=True).changed


def test_every_failure_is_told_at_once(site, to):
    """Two broken entry points are both in the message."""
    make_release(site, "2.0", smoke=("one:main", "two.deep:app.run", "product:main"))
    with pytest.raises(RefusedError) as caught:
        to("2.0")
    assert "one:main" in str(caught.value)
    assert "two.deep:app.run" in str(caught.value)
    assert "product:main:" not in str(caught.value)


@pytest.fixture
def linked(site, to):
    """Make a release that is linked with the system's libm, as it were."""
    ctypes.CDLL("libm.so.6")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        library = next(Path(line.split()[-1]) for line in maps if "/libm.so.6" in line)

    def make(load, version="1.0", **recorded):
        proof = {
            "libraries": {
                "m": {
                    "sonames": ["libm.so.6"],
                    "version": version,
                    "files": ["libm.so.6"],
                    **recorded,
                }
            },
            "modules": {"product.so": ["libm.so.6"]},
        }
        text = f"import ctypes\nctypes.CDLL({load!r})\ndef main(): pass\n"
        root = site.release("2.0").site_packages / "libm.so.6"
        make_release(
            site, "2.0",
            modules={"product.py": text.replace("INSIDE", str(root))},
            binaries={"libm.so.6": library},
            system_libraries={"product": proof},
        )  # fmt: skip
        return to("2.0")

    return make


def test_a_library_of_the_system_is_as_recorded(linked):
    """What was proven at the build still holds: no warning."""
    assert linked("libm.so.6").warnings == ()


def test_an_update_of_the_systems_library_is_a_warning(linked):
    """Another file than at the build is told, and is no error."""
    [warning] = linked("libm.so.6", files=["libm.so.6.0"]).warnings
    assert "was built with m 1.0 (libm.so.6.0)" in warning


def test_a_library_from_the_tree_is_an_error(linked):
    """A bundled copy of a library that must be the system's stops the switch."""
    with pytest.raises(DamagedError, match="must use the system's m"):
        linked("INSIDE")


def test_a_library_that_is_not_loaded_is_an_error(linked):
    """A library that vanished from the process was linked in some other way."""
    with pytest.raises(DamagedError, match="loads none"):
        linked("libm.so.6", sonames=["libnothing.so.1"])
