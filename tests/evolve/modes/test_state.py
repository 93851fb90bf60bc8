"""The mode file, as processes read it."""

from __future__ import annotations

import pytest

from karl.recipe.evolve.modes.state import MODES, Mode, ModeFile, read


@pytest.mark.parametrize("name", MODES)
def test_what_is_written_is_read(tmp_path, name):
    """A mode that is written is the mode that is read."""
    path = tmp_path / "state.json"
    mode = Mode(name, 12.5, "kim", "Back soon", 30)
    path.write_text(mode.to_text())
    assert read(path) == mode


def test_without_a_file(tmp_path):
    """A site whose mode nobody ever changed is in normal mode."""
    assert read(tmp_path / "no" / "state.json") == Mode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"1", b"{}", b'{"mode": 1}', b'{"mode": "open"}',
        b'{"mode": "normal", "since": "x"}', b'{"mode": "normal", "since": 1e999}',
        b'{"mode": "normal", "since": 253402300800}', b"\xff\xfe",
        b'{"mode": ["normal"]}', b'{"mode": "NORMAL"}',
        b'{"mode": "normal", "retry_after": {}}',
        b'{"mode": "normal", "retry_after": 1e999}', b"[" * 60000,
    ],
)  # fmt: skip
def test_damaged_files(tmp_path, content):
    """A file that cannot be understood means read-only: all can be read, none lost."""
    path = tmp_path / "state.json"
    path.write_bytes(content)
    found = read(path)
    assert found.mode == "read-only"
    assert found.problem


def test_unreadable_files(tmp_path):
    """So does what cannot be read."""
    path = tmp_path / "state.json"
    path.mkdir()
    assert read(path).mode == "read-only"


def test_changes_are_seen_at_once(tmp_path):
    """Each change is seen by the next look, also one of the same size."""
    path = tmp_path / "state.json"
    watched = ModeFile(path)
    assert watched.read().mode == "normal"
    for number in range(60):
        name = MODES[number % 3]
        partial = tmp_path / "partial"
        partial.write_text(Mode(name, by="x" * (11 - len(name))).to_text())
        partial.rename(path)
        assert watched.read().mode == name
    path.unlink()
    assert watched.read().mode == "normal"


def test_unchanged_files_are_not_read_again(tmp_path, monkeypatch):
    """Before every request there is one look at the file's state, no more."""
    path = tmp_path / "state.json"
    path.write_text(Mode("read-only").to_text())
    watched = ModeFile(path)
    assert watched.read().mode == "read-only"
    monkeypatch.setattr("builtins.open", None)
    assert watched.read().mode == "read-only"
