"""The quick fix on production is seen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.workshop import Workshop

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.trees import manifest, verification


def init(root: Path) -> Path:
    return next(root.glob("lib/python*/site-packages/product")) / "__init__.py"


def changed_size(root: Path) -> None:
    _write(init(root), "x = 1\n")


def changed_content(root: Path) -> None:
    _write(init(root), init(root).read_text().replace("1.0", "6.6"))


def changed_content_and_time(root: Path) -> None:
    path = init(root)
    state = path.stat()
    _write(path, path.read_text().replace("1.0", "6.6"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def replaced_by_link(root: Path) -> None:
    init(root).unlink()
    init(root).symlink_to("late.py")


def added(root: Path) -> None:
    init(root).with_name("hotfix.py").write_text("")


def added_folder(root: Path) -> None:
    init(root).with_name("new").mkdir()


def removed(root: Path) -> None:
    init(root).unlink()


def file_mode(root: Path) -> None:
    init(root).chmod(0o644)


def folder_mode(root: Path) -> None:
    init(root).parent.chmod(0o755)


def root_mode(root: Path) -> None:
    root.chmod(0o755)


def manifest_mode(root: Path) -> None:
    (root / "release.json").chmod(0o644)


def link(root: Path) -> None:
    (path,) = (root / "libexec").iterdir()
    path.unlink()
    path.symlink_to("/bin/true")


def no_link(root: Path) -> None:
    (path,) = (root / "libexec").iterdir()
    path.unlink()


def script(root: Path) -> None:
    _write(root / "bin/product", "#!/bin/sh\n", 0o555)


def _write(path: Path, text: str, mode: int = 0o444) -> None:
    path.chmod(0o644)
    path.write_text(text)
    path.chmod(mode)


EDITS = [
    (changed_size, "__init__.py", "changed"),
    (changed_content, "__init__.py", "changed"),
    (replaced_by_link, "__init__.py", "changed"),
    (added, "hotfix.py", "added"),
    (added_folder, "new", "added"),
    (removed, "__init__.py", "missing"),
    (file_mode, "__init__.py", "mode"),
    (folder_mode, "product", "mode"),
    (root_mode, ".", "mode"),
    (manifest_mode, "release.json", "mode"),
    (link, "", "link"),
    (no_link, "", "missing"),
    (script, "product", "changed"),
]


@pytest.fixture
def sealed(acme: Workshop) -> ReleaseLayout:
    return acme.build().release


def edit(layout: ReleaseLayout, change: Callable[[Path], None]) -> None:
    """Change a release as root would, and leave the folders as they were."""
    folders = [path for path in (layout.root, *layout.root.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o755)
    before = dict.fromkeys(folders, files.SEALED_DIRECTORY)
    change(layout.root)
    for folder, mode in before.items():
        if change not in (folder_mode, root_mode) or folder != (
            layout.root if change is root_mode else init(layout.root).parent
        ):
            folder.chmod(mode)


@pytest.mark.parametrize("full", [False, True])
def test_intact(full: bool, sealed: ReleaseLayout):
    """A sealed release has no difference."""
    assert verification.verify(sealed, full=full) == []


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("change", "name", "kind"), EDITS)
def test_edit_is_seen(change, name: str, kind: str, full: bool, sealed: ReleaseLayout):
    """Every kind of edit is found, quickly as in full, and nothing else."""
    edit(sealed, change)
    found = verification.verify(sealed, full=full)
    assert [difference.kind for difference in found] == [kind]
    assert found[0].path.endswith(name)


def test_hidden_edit(sealed: ReleaseLayout):
    """An edit that keeps size and time is found by hash, if not quickly."""
    edit(sealed, changed_content_and_time)
    assert verification.verify(sealed) == []
    (found,) = verification.verify(sealed, full=True)
    assert found.kind == "changed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"format": 99}',
        '{"format": 1, "release": "1"}',
        '{"format": 1, "files": []}',
        '{"format": 1, "files": {"a": 1}, "links": {}}',
        '{"format": 1, "files": {"a": ["b"]}, "links": {}}',
    ],
)
def test_unreadable(text: str, sealed: ReleaseLayout):
    """A manifest that cannot be understood is damage, said as such."""
    edit(sealed, lambda _: _write(sealed.manifest, text))
    with pytest.raises(DamagedError, match="cannot be read"):
        verification.verify(sealed)


def test_no_manifest(sealed: ReleaseLayout):
    """A release without its manifest is no release."""
    edit(sealed, lambda _: sealed.manifest.unlink())
    with pytest.raises(DamagedError, match=r"has no release\.json"):
        verification.verify(sealed)


def test_progress(sealed: ReleaseLayout):
    """Verifying in full counts every file."""
    seen: list[int] = []
    verification.verify(sealed, full=True, progress=seen.append)
    assert sum(seen) == len(manifest.Manifest.load(sealed).files)


def test_canonical(sealed: ReleaseLayout):
    """The manifest is JSON, sorted, and renders to the very same bytes."""
    loaded = manifest.Manifest.load(sealed)
    data = sealed.manifest.read_bytes()
    assert loaded.render() == data
    assert list(json.loads(data)["files"]) == sorted(loaded.files)


def test_odd_names():
    """Names that JSON must escape are escaped."""
    for path in ('a"b', "a\\b", "ä", "plain"):
        line = manifest.file_line(path, ("0", 1, 0o444))
        assert json.loads("{" + line + "}") == {path: ["0", 1, 0o444]}
