from __future__ import annotations

import fcntl
import os

from karl.recipe.release.base import payload


def test_a_folder_that_a_running_program_holds_stays(tmp_path):
    """Code that no command names goes, but not under a program that runs it."""
    libs, commands = tmp_path / "lib", tmp_path / "bin"
    for folder in (commands, libs / "old", libs / "named", libs / "held"):
        folder.mkdir(parents=True)
    (commands / "command").write_text(f"sys.path.insert(0, {str(libs / 'named')!r})\n")
    descriptor = os.open(libs / "held", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    payload.remove_unused(libs, commands)
    assert sorted(path.name for path in libs.iterdir()) == ["held", "named"]
    os.close(descriptor)
    payload.remove_unused(libs, commands)
    assert [path.name for path in libs.iterdir()] == ["named"]


def test_the_same_code_has_the_same_name(tmp_path):
    """The folder's name depends on paths and content, not on their order."""
    one = {"a.py": b"1", "b.py": b"2"}
    assert payload.digest_of(one) == payload.digest_of(dict(reversed(one.items())))
    assert payload.digest_of(one) != payload.digest_of({"a.py": b"12", "b.py": b""})
