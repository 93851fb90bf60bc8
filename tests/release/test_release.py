"""A release is built whole or not at all, and never changes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from support.faults import in_child, killed_at, raising_at
from support.rawwheels import RawWheel
from support.workshop import (
    Workshop,
    assert_no_half_release,
    library,
    product,
    run,
)

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import (
    BusyError,
    DamagedError,
    KarlError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.trees import (
    manifest,
    release,
    space,
    specification,
    verification,
)


def told(script: Path, *arguments: str, **options: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(run([script, *arguments], **options))
    return found


def test_sealed(acme: Workshop):
    """Files are 0444, scripts 0555, folders 0555; nothing else is beside it."""
    outcome = acme.build()
    root = outcome.release.root
    for folder, _, names in os.walk(root):
        assert os.stat(folder).st_mode & 0o7777 == 0o555
        for name in names:
            state = os.lstat(os.path.join(folder, name))
            expected = 0o555 if Path(folder).name == "bin" else 0o444
            assert os.path.islink(f"{folder}/{name}") or (
                state.st_mode & 0o7777 == expected
            )
    assert [path.name for path in acme.site.releases.iterdir()] == ["1.0"]
    assert outcome.built
    assert outcome.sha256 == files.sha256_of(outcome.release.manifest)


def test_content(acme: Workshop):
    """release.json names index, request, Python, distributions and every file."""
    layout = acme.build().release
    found = json.loads(layout.manifest.read_text())
    assert found["index"]["name"] == "acme/1.0"
    assert found["index"]["sha256"] == files.sha256_of(
        acme.software.index(release.IndexName("acme", "1.0")).lock_file
    )
    assert [d["name"] for d in found["distributions"]] == ["library", "product"]
    assert found["request"]["eggs"] == ["product"]
    assert found["smoke"] == ["product.main:main"]
    assert found["links"] == {
        f"libexec/{layout.interpreter.name}": os.path.realpath(sys._base_executable)
    }
    listed = {*found["files"], *found["links"], "release.json"}
    there = {
        os.path.relpath(os.path.join(folder, name), layout.root)
        for folder, _, names in os.walk(layout.root)
        for name in names
    }
    assert there == listed
    for path, (sha256, size, _) in found["files"].items():
        assert files.sha256_of(layout.root / path) == sha256
        assert (layout.root / path).stat().st_size == size


def test_linked_not_copied(acme: Workshop):
    """Two releases share the files of what they have in common."""
    acme.index("acme/1.1", product("1.1"), library())
    one, two = acme.build().release, acme.build("1.1", "acme/1.1").release
    data = "library/data.txt"
    assert (one.site_packages / data).samefile(two.site_packages / data)
    assert told(one.bin / "product")["late"] == "1.0"
    assert told(two.bin / "product")["late"] == "1.1"


def test_runs_from_anywhere(acme: Workshop, tmp_path: Path):
    """Scripts run by real path, through current, from any directory."""
    root = acme.build().release.root
    acme.switch("1.0")
    for script in (root / "bin/product", acme.site.current / "bin/product"):
        for folder in (tmp_path, Path("/")):
            found = told(script, "a b", cwd=folder)
            assert found["prefix"] == str(root)
            assert found["executable"].startswith(f"{root}/libexec/")  # type: ignore[attr-defined]
            assert found["argv"] == [str(script), "a b"]
            assert str(root / "bin") not in found["path"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "variables", [{"PYTHONPATH": "foreign"}, {"PYTHONHOME": "/nowhere"}]
)
def test_the_environment_cannot_steer_it(
    variables: dict[str, str], acme: Workshop, tmp_path: Path
):
    """Neither PYTHONPATH nor PYTHONHOME reach a script or interpreter of a release."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for name in ("library.py", "sitecustomize.py"):
        (foreign / name).write_text("raise SystemExit(99)")
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "file.py").write_text("import beside, library; print(beside.__file__)")
    acme.build(interpreter="py")
    ready = acme.build("1.1", interpreter="py", initialization="ready = 1").release
    layout = acme.layout()
    hostile = {"cwd": tmp_path, "env": {"PATH": os.environ["PATH"], **variables}}
    assert run([layout.bin / "product"], **hostile)
    for python in ("python", "python3", "py"):
        said = run([layout.bin / python, tmp_path / "file.py"], **hostile)
        assert said == f"{tmp_path / 'beside.py'}\n"
    assert run([ready.bin / "py", "-c", "import library; print(ready)"], **hostile)


def test_survives_the_checkout(acme: Workshop, tmp_path: Path):
    """A release works after everything it was built from is gone."""
    script = acme.build().release.bin / "product"
    for folder in (acme.software.pool, acme.software.indexes, acme.software.store):
        files.remove_tree(folder)
    assert told(script)["late"] == "1.0"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_software_of_another_user(acme: Workshop, tmp_path: Path):
    """Whoever may only read pool, indexes and store builds a release from them."""
    acme.build()
    site = SiteLayout(tmp_path / "nobodys" / "site")
    site.root.mkdir(parents=True)
    os.chown(site.root, 65534, 65534)
    ours = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if folder == ours or ours not in folder.parents:
            break
        folder.chmod(folder.stat().st_mode & 0o7777 | 0o011)
    before = state_of(acme)

    def build_as_nobody() -> None:
        os.setresuid(65534, 65534, 65534)
        Workshop(acme.software, site, acme.notes).build()

    # A fork, for nobody may not even read this interpreter's libraries.
    assert in_child(build_as_nobody) == 0
    assert state_of(acme) == before
    made = site.release("1.0")
    assert made.root.stat().st_uid == 65534
    assert verification.verify(made, full=True) == []
    assert told(made.bin / "product")["late"] == "1.0"


def test_nothing_else_is_importable(acme: Workshop):
    """Neither user site, nor current folder, nor other site-packages are seen."""
    found = told(acme.build().release.bin / "product", cwd=acme.site.root)
    own = [p for p in found["path"] if "site-packages" in p]  # type: ignore[attr-defined]
    assert own == [str(acme.layout().site_packages)]
    assert "" not in found["path"]  # type: ignore[operator]


@pytest.mark.parametrize("program", ["bin/python", "bin/python3"])
def test_interpreter(program: str, acme: Workshop):
    """bin/python is the interpreter of the release, with all its options."""
    root = acme.build().release.root
    code = "import sys, library; print(sys.prefix, sys.argv)"
    printed = run([root / program, "-X", "utf8", "-c", code, "x y"])
    assert printed == f"{root} ['-c', 'x y']\n"


def test_process_stays_on_its_release(acme: Workshop):
    """What was started through current imports from its release after a switch."""
    acme.index("acme/1.1", product("1.1"), library())
    acme.build()
    acme.build("1.1", "acme/1.1")
    acme.switch("1.0")
    code = (
        "import product; print(1, flush=True); input()\n"
        "from product import late; print(late.LATE)"
    )
    with subprocess.Popen(
        [acme.site.current / "bin/python", "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "1\n"
        acme.switch("1.1")
        output, _ = process.communicate("\n", timeout=30)
    assert output == "1.0\n"
    assert told(acme.site.current / "bin/product")["late"] == "1.1"


def test_no_bytecode_is_written(acme: Workshop):
    """Running a release writes nothing into it, although root could."""
    layout = acme.build().release
    for folder, _, _ in os.walk(layout.root):
        os.chmod(folder, 0o755)
    told(layout.bin / "product")
    added = [d for d in verification.verify(layout) if d.kind != verification.MODE]
    assert added == []


def state_of(workshop: Workshop) -> dict[Path, tuple[int, ...]]:
    root = workshop.layout().root
    states = {path: path.lstat() for path in (root, *root.rglob("*"))}
    return {
        p: (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns) for p, s in states.items()
    }


def test_again(acme: Workshop):
    """The same version again is a no-op, that touches nothing."""
    first = acme.build()
    before = state_of(acme)
    files.remove_tree(acme.software.store)
    files.remove_tree(acme.software.pool)
    again = acme.build()
    assert not again.built
    assert again.sha256 == first.sha256
    assert state_of(acme) == before


def test_other_order_is_the_same(acme: Workshop):
    """The order and spelling of eggs and options makes no other request."""
    linked = "a = zlib; zlib1g-dev\nb = zlib libxml-2.0; zlib1g-dev"
    other = "B= zlib  libxml-2.0 ;zlib1g-dev\n\n  a=zlib;zlib1g-dev"
    parsed = specification.parse({"eggs": "x", "system-linked": linked})
    assert parsed == specification.parse({"eggs": "x", "system-linked": other})
    acme.build(eggs="product\nlibrary", scripts="product libtool")
    again = acme.build(eggs="Library\nproduct", scripts="libtool product")
    assert not again.built


CHANGES = [
    ({"eggs": "library"}, "eggs was product, is library"),
    ({"scripts": ""}, "scripts was not given, is {}"),
    ({"interpreter": "py"}, "interpreter was '', is 'py'"),
    ({"initialization": "x = 1"}, "initialization was"),
    ({"arguments": "1"}, "arguments was"),
    ({"dependent_scripts": "true"}, "dependent-scripts was False"),
    ({"entry_points": "a=b:c"}, "entry-points was"),
    ({"system_linked": "xmlsec"}, "system-linked was lxml, is xmlsec"),
]


@pytest.mark.parametrize(("options", "message"), CHANGES)
def test_other_request(options: dict[str, str], message: str, acme: Workshop):
    """A version that exists, built from another request, is refused, saying what."""
    acme.build()
    with pytest.raises(RefusedError, match="release a new version") as caught:
        acme.build(**options)
    assert message in str(caught.value)
    assert verification.verify(acme.layout(), full=True) == []


def test_other_index(acme: Workshop):
    """A version that exists, built from another index, is refused."""
    acme.build()
    acme.index("acme/1.1", product("1.1"), library())
    with pytest.raises(RefusedError, match=r"index was acme/1\.0, is acme/1\.1"):
        acme.build("1.0", "acme/1.1")
    files.remove_tree(acme.software.indexes / "acme" / "1.0")
    acme.index("acme/1.0", product(), library("1.1"))
    with pytest.raises(RefusedError, match=r"acme/1\.0 has another content now"):
        acme.build()


def test_damaged(acme: Workshop):
    """A release that was edited is an error that names the file."""
    layout = acme.build().release
    path = layout.site_packages / "product/page.pt"
    path.chmod(0o644)
    path.write_text("quick fix")
    with pytest.raises(DamagedError, match=r"product/page\.pt"):
        acme.build()
    assert path.read_text() == "quick fix"


def test_something_else_is_there(acme: Workshop):
    """What is at the place of a release and is none is left alone."""
    acme.layout().root.mkdir(parents=True)
    (acme.layout().root / "precious").write_text("")
    with pytest.raises(RefusedError, match=r"it has no release\.json"):
        acme.build()
    assert (acme.layout().root / "precious").exists()


def test_pooled_wheel_altered(acme: Workshop):
    """A wheel in the pool with other bytes never gets into a release."""
    path = next(acme.software.pool.glob("library*.whl"))
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="other bytes than its index names"):
        acme.build()
    assert not acme.layout().root.exists()


def edit(path: Path, kind: str) -> None:
    """Edit a file of the store by hand."""
    if kind == "remove":
        path.parent.chmod(0o755)
        path.unlink()
    elif kind == "mode":
        path.chmod(0o644)
    else:
        path.chmod(0o644)
        data = path.read_bytes()
        path.write_bytes(data + b"#" if kind == "grow" else data.replace(b"x", b"y"))
        path.chmod(0o444)


EDITED = [
    ("lib/library/data.txt", "edit"),
    ("lib/library/data.txt", "mode"),
    ("lib/library/data.txt", "remove"),
    ("scripts/old", "edit"),
    ("scripts/old", "remove"),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("path", "kind"), EDITED)
def test_edited_store(path: str, kind: str, workers: int, workshop: Workshop):
    """An edit in the store is seen; the entry is made anew, releases keep theirs."""
    tool = library()
    tool.members[f"{tool.data}/scripts/old"] = b"#!/bin/sh\necho x\n"
    workshop.workers = workers
    workshop.index("acme/1.0", product(), tool)
    workshop.index("acme/1.1", product("1.1"), tool)
    first = workshop.build(eggs="product\nlibrary").release
    (entry,) = workshop.software.store.glob("*/*/lib/library")
    place = entry.parents[1] / path
    inode = place.stat().st_ino
    edit(place, kind)
    second = workshop.build("1.1", "acme/1.1", eggs="product\nlibrary").release
    assert verification.verify(second, full=True) == []
    assert (second.site_packages / "library/data.txt").read_text() == "x" * 2000
    assert run([second.bin / "old"]) == "x\n"
    found = verification.verify(first)
    if kind == "mode":
        assert place.stat().st_ino == inode
        assert found == []
        return
    assert place.stat().st_ino != inode
    assert "made anew from library-1.0" in workshop.notes.warned[0]
    assert bool(found) == (path.startswith("lib") and kind != "remove")


def test_a_copied_release_is_not_taken_for_one_built_here(acme: Workshop):
    """A release whose scripts name another place is refused, and can be built anew."""
    acme.build()
    there = acme.site.root.with_name("copy")
    shutil.copytree(acme.site.root, there, symlinks=True)
    acme.site = SiteLayout(there)
    with pytest.raises(DamagedError, match="moved or copied here"):
        acme.build()
    acme.site.release("1.0").root.rename(there / "away")
    made = acme.build().release
    assert verification.verify(made, full=True) == []


def test_changed_modes_are_put_back(workshop: Workshop):
    """After chmod -R of a release, the next build mends all that share its files."""
    workshop.index("acme/1.0", product(), library())
    workshop.index("acme/1.1", product("1.1"), library())
    first = workshop.build().release
    inode = (first.site_packages / "library/data.txt").stat().st_ino
    for path in first.site_packages.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    assert verification.verify(first)
    second = workshop.build("1.1", "acme/1.1").release
    assert verification.verify(second, full=True) == []
    shared = first.site_packages / "library"
    assert {p.stat().st_mode & 0o777 for p in shared.glob("*.*")} == {0o444}
    assert (second.site_packages / "library/data.txt").stat().st_ino == inode
    assert workshop.notes.warned == []


def test_many_edits_are_mended_in_one_go(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    """However many entries were edited, the tree is begun only once more."""
    workshop.index("acme/1.0", product(), library())
    workshop.build()
    for path in workshop.software.store.glob("*/*/lib/*/__init__.py"):
        edit(path, "grow")
    begun: list[Path] = []
    real = files.new_tree

    def counted(final: Path) -> contextlib.AbstractContextManager[Path]:
        begun.append(final)
        return real(final)

    monkeypatch.setattr(files, "new_tree", counted)
    second = workshop.build("1.1", "acme/1.0").release
    assert verification.verify(second, full=True) == []
    assert len(workshop.notes.warned) == 2
    assert begun == [second.root, second.root]


@pytest.mark.parametrize(
    ("path", "kind"), [edited for edited in EDITED[:3] if edited[1] != "mode"]
)
def test_edited_store_without_wheel(path: str, kind: str, acme: Workshop):
    """An edited entry is refused if its wheel is not in the pool any more."""
    acme.build()
    (entry,) = acme.software.store.glob("*/*/lib/library")
    edit(entry.parents[1] / path, kind)
    next(acme.software.pool.glob("library*")).unlink()
    acme.index("acme/1.1", product("1.1"))
    with pytest.raises(DamagedError, match=r"store's entry .* is damaged"):
        acme.build("2.0")
    assert [p.name for p in acme.site.releases.iterdir()] == ["1.0"]


def test_missing_from_pool(acme: Workshop):
    """A file that neither pool nor store nor a registry has is named."""
    acme.index("acme/2.0", product(), library(), private=("library",))
    next(acme.software.pool.glob("library*.whl")).unlink()
    with pytest.raises(RefusedError, match=r"lacks library.* offline"):
        acme.build()
    acme.offline = False
    with pytest.raises(RefusedError, match=r"lacks library.* no registry may"):
        acme.build("2.0", "acme/2.0")


def test_unmet(workshop: Workshop):
    """A requirement that the index does not meet is refused before any work."""
    workshop.index("acme/1.0", product())
    with pytest.raises(RefusedError, match="library>=1, which it does not have"):
        workshop.build()
    assert not workshop.software.store.exists()


@pytest.mark.parametrize("metadata", [True, False])
def test_metadata_beside_or_inside(metadata: bool, workshop: Workshop):
    """Requirements are read from the index, or, if it has them not, the wheel."""
    workshop.index("acme/1.0", product(), library(), metadata=metadata)
    assert workshop.build().built


def other(name: str, **members: str) -> RawWheel:
    return RawWheel(name, members={k: v.encode() for k, v in members.items()})


NAMESPACE = "__import__('pkg_resources').declare_namespace(__name__)\n"


def test_clash(workshop: Workshop):
    """Two distributions that claim one file are refused, both named."""
    workshop.index(
        "acme/1.0",
        other("one", **{"shared/x.py": "1", "a": "", "f/x": ""}),
        other("two", **{"shared/x.py": "1", "b": "", "f": ""}),
    )
    with pytest.raises(RefusedError) as caught:
        workshop.build(eggs="one\ntwo")
    assert "shared/x.py is of one and two" in str(caught.value)
    assert "site-packages/f is taken" in str(caught.value)
    assert not workshop.layout().root.exists()


def test_shared_namespace(workshop: Workshop):
    """The same declaration of a legacy namespace may come from several."""
    workshop.index(
        "acme/1.0",
        other("one", **{"ns/__init__.py": NAMESPACE, "ns/one.py": "x = 1"}),
        other("two", **{"ns/__init__.py": NAMESPACE, "ns/two.py": "x = 2"}),
        other("bad", **{"ns/__init__.py": NAMESPACE + "\n"}),
    )
    layout = workshop.build(eggs="one\ntwo").release
    assert verification.verify(layout, full=True) == []
    assert (layout.site_packages / "ns/__init__.py").read_text() == NAMESPACE
    with pytest.raises(RefusedError, match=r"ns/__init__.py is of"):
        workshop.build("2.0", eggs="one\nbad")


@pytest.mark.parametrize(
    "path",
    [
        "release.json", "pyvenv.cfg", "libexec/pyvenv.cfg", "bin/pyvenv.cfg",
        "bin/python", "bin/python3.11", "libexec/any/thing", "libexec/PYTHON",
        "python311._pth", "bin/python._pth",
    ],
)  # fmt: skip
def test_data_over_ours(path: str, workshop: Workshop):
    """A wheel's data cannot take the place of what makes a release, nor steer it."""
    if path.endswith("PYTHON"):
        path = f"libexec/python{sys.version_info.major}.{sys.version_info.minor}"
    made = RawWheel("one")
    made.members[f"{made.data}/data/{path}"] = b"include-system-site-packages = true"
    workshop.index("acme/1.0", made)
    with pytest.raises(RefusedError, match="steers its interpreter") as caught:
        workshop.build(eggs="one")
    assert f"{path} of one" in str(caught.value)


@pytest.mark.parametrize("path", ["share/doc/pyvenv.cfg", "bin/pyth", "etc/a.cfg"])
def test_harmless_data(path: str, workshop: Workshop):
    """What no interpreter looks at may have whatever name."""
    made = RawWheel("one")
    made.members[f"{made.data}/data/{path}"] = b"text"
    workshop.index("acme/1.0", made)
    assert (workshop.build(eggs="one").release.root / path).read_bytes() == b"text"


def test_data_and_headers(workshop: Workshop):
    """Data goes to the root of the release, headers below include."""
    made = RawWheel("one", members={})
    made.members[f"{made.data}/data/share/man/one.1"] = b"man"
    made.members[f"{made.data}/headers/one.h"] = b"int one;"
    workshop.index("acme/1.0", made)
    layout = workshop.build(eggs="one").release
    assert (layout.root / "share/man/one.1").read_bytes() == b"man"
    assert (layout.headers / "one/one.h").read_bytes() == b"int one;"


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_every_step(workers: int, acme: Workshop):
    """Killed at any step, nothing half has a name, and the next run succeeds."""
    acme.workers = workers
    number = 1
    while killed_at(number, acme.build):
        assert_no_half_release(acme.site)
        acme.build()
        assert_no_half_release(acme.site)
        assert [path.name for path in acme.site.releases.iterdir()] == ["1.0"]
        assert not list(acme.software.store.glob("*/.partial*"))
        files.remove_tree(acme.site.releases)
        if number % 4:
            files.remove_tree(acme.software.store)
        number += 1
    assert number > 10


def test_full_disk_at_every_step(acme: Workshop, monkeypatch):
    """A full disk at any step leaves nothing half, and no temporary names."""
    number = 0
    built = False
    while not built:
        number += 1
        error = OSError(errno.ENOSPC, "No space left on device")
        with monkeypatch.context() as patch:
            patch.setattr(files, "seam", raising_at(number, error))
            try:
                acme.build()
                built = True
            except OSError as raised:
                assert raised is error  # noqa: PT017 - or it succeeds
        if not built:
            assert not acme.layout().root.exists()
            assert not list(acme.site.root.rglob(".partial*"))
    assert number > 10
    assert_no_half_release(acme.site)


def test_really_full_disk(tmp_path: Path, notes):
    """On a file system that is too small it fails early, saying how much it needs."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", small],
        check=False, capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root can make a small file system")
    try:
        here = Workshop(
            release.SoftwareLayout.below(tmp_path), SiteLayout(small / "site"), notes
        )
        here.index("acme/1.0", product(), library())
        with pytest.raises(RefusedError, match="is too full: 0 MB are free"):
            here.build()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(space, "RESERVE", 0)
            patch.setattr(space, "FOLDERS", 0)
            patch.setattr(space, "GROWTH", 0)
            made = RawWheel("big", members={"big": os.urandom(2 << 20)})
            here.index("acme/2.0", made)
            with pytest.raises(OSError, match="No space left"):
                here.build("2.0", "acme/2.0", eggs="big")
            assert not list(here.site.releases.iterdir())
            assert here.build().built
            assert_no_half_release(here.site)
    finally:
        subprocess.run(["umount", small], check=True)


def test_other_file_system(acme: Workshop):
    """Between file systems files are copied, with their modes and times."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == acme.software.pool.stat().st_dev:
        pytest.skip("there is no second file system")
    root = shm / f"karl-{os.getpid()}"
    acme.site = SiteLayout(root)
    try:
        layout = acme.build().release
        assert verification.verify(layout, full=True) == []
        path = layout.site_packages / "library/data.txt"
        source = next(acme.software.store.glob("*/*/lib/library/data.txt"))
        assert path.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert told(layout.bin / "product")["late"] == "1.0"
    finally:
        files.remove_tree(root)


def test_two_at_once(acme: Workshop):
    """Two runs at once: one builds, the other waits or is refused; none is half."""
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                acme.build()
            except BusyError:
                os._exit(5)
            except BaseException:  # noqa: BLE001 - the exit code tells
                os._exit(1)
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]
    assert 0 in codes
    assert set(codes) <= {0, 5}
    assert_no_half_release(acme.site)


def test_busy(acme: Workshop, monkeypatch):
    """While another run holds the lock, a run is refused and says by whom."""
    monkeypatch.setattr(release, "_PATIENCE", 0.1)
    with (
        locked(acme.site.release_lock, "test"),
        pytest.raises(BusyError, match=r"build release 1\.0"),
    ):
        acme.build()


def test_fails_in_the_middle(acme: Workshop, monkeypatch):
    """A failure after linking leaves other releases and the store as they were."""
    acme.build()
    before = manifest.Manifest.load(acme.layout())
    acme.index("acme/1.1", product("1.1"), library())
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_file_system", _broken)
        with pytest.raises(KarlError, match="broken"):
            acme.build("1.1", "acme/1.1")
    assert [path.name for path in acme.site.releases.iterdir()] == ["1.0"]
    assert verification.verify(acme.layout(), full=True) == []
    assert manifest.Manifest.load(acme.layout()) == before
    assert acme.build("1.1", "acme/1.1").built


def _broken(path: Path) -> None:
    raise KarlError("broken")


@pytest.mark.parametrize("name", ["with blank", "x" * 120, "quo'te", "dol$lar"])
def test_odd_roots(name: str, acme: Workshop, tmp_path: Path):
    """Scripts run below roots with blanks, quotes and long names."""
    acme.site = SiteLayout(tmp_path / name / "site")
    layout = acme.build(interpreter="py", initialization="import os").release
    assert told(layout.bin / "product", "x y")["argv"][1] == "x y"  # type: ignore[index]
    assert run([layout.bin / "python", "-c", "print(1)"]) == "1\n"
    assert run([layout.bin / "py", "-c", "print(os.name)"]) == "posix\n"


@pytest.mark.parametrize("name", ["new\nline", "back\\slash"])
def test_impossible_roots(name: str, acme: Workshop, tmp_path: Path):
    """Roots that cannot be written into scripts are refused."""
    acme.site = SiteLayout(tmp_path / name)
    with pytest.raises(UsageError, match="cannot be at"):
        acme.build()


def test_reached_through_a_symlink(acme: Workshop, tmp_path: Path):
    """A root that is reached through a symlink is known by its real path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    acme.site = SiteLayout(tmp_path / "link" / "site")
    script = acme.build().release.bin / "product"
    assert told(script)["prefix"] == str(tmp_path / "real/site/releases/1.0")


def test_quick_no_op(acme: Workshop):
    """The intact no-op takes well under a second."""
    acme.build()
    start = time.monotonic()
    acme.build()
    assert time.monotonic() - start < 0.5


def test_copied_tree_still_starts(acme: Workshop, tmp_path: Path):
    """A copy without times is intact, and its bytecode is not stale."""
    layout = acme.build().release
    copy = tmp_path / "copy"
    shutil.copytree(layout.root, copy, symlinks=True, copy_function=shutil.copy)
    assert verification.verify(type(layout)(copy)) == []
