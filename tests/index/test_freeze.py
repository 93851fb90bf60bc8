from __future__ import annotations

import shutil
import socket
import struct
import tomllib
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from support.registries import Registry
from support.wheels import make_sdist, make_wheel

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import (
    DamagedError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName, PrivateNames
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.distributions.lockfile import Index, render
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import closure, rounds
from karl.recipe.release.indexes.derived import Problem, verify
from karl.recipe.release.indexes.registry import RegistryView, serving
from karl.recipe.release.indexes.request import chain


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return every file's bytes and every link's target."""
    return {
        str(path.relative_to(folder)): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def versions(index: Index) -> dict[str, str]:
    return {package.name: package.version for package in index.lock.packages}


def test_it_holds_the_resolved_versions_with_all_files(frozen, registry, software):
    """Freezing resolves as a whole, pools every file by hash and derives the rest."""
    make_wheel(registry.folder, "base", "1.0")
    make_wheel(registry.folder, "base", "2.0")
    make_wheel(registry.folder, "app", "1.0", requires=["base<2"])
    index = frozen("team/1.0", "base", "app")
    assert versions(index) == {"app": "1.0", "base": "1.0"}
    pooled = {found.name for found in Pool(software).contents()}
    assert pooled == {"app-1.0-py3-none-any.whl", "base-1.0-py3-none-any.whl"}
    text = index.layout.versions_file.read_text()
    assert "[versions]\napp = 1.0\nbase = 1.0\n" in text
    document = tomllib.loads(index.layout.lock_file.read_text())
    hashes = {
        wheel["name"]: wheel["hashes"]["sha256"]
        for package in document["packages"]
        for wheel in package["wheels"]
    }
    assert hashes == {name: files.sha256_of(software.pool / name) for name in pooled}
    assert verify(software, index, SilentReporter(), all_targets=True) == []


def test_the_same_input_gives_the_same_bytes(frozen, registry, tmp_path):
    """Two places that freeze the same input get byte-identical indexes."""
    make_wheel(registry.folder, "one", "1.0", requires=["two"])
    make_wheel(registry.folder, "two", "1.0", requires_python=">=3.8")
    made = [
        frozen("team/1.0", "one", software=SoftwareLayout.below(tmp_path / place))
        for place in ("here", "there")
    ]
    assert tree(made[0].layout.root) == tree(made[1].layout.root)
    assert made[0].digest == made[1].digest


def test_freezing_again_changes_nothing_and_asks_nobody(frozen, registry):
    """The same request for an existing version is a no-op, newer uploads or not."""
    make_wheel(registry.folder, "one", "1.0")
    index = frozen("team/1.0", "one")
    before = tree(index.layout.root)
    make_wheel(registry.folder, "one", "2.0")
    registry.asked.clear()
    assert frozen("team/1.0", "one").digest == index.digest
    assert tree(index.layout.root) == before
    assert registry.asked == []


def test_another_request_for_an_existing_version_is_refused(frozen, registry):
    """A frozen version is never frozen anew with other input."""
    make_wheel(registry.folder, "one", "1.0")
    make_wheel(registry.folder, "two", "1.0")
    index = frozen("team/1.0", "one")
    before = tree(index.layout.root)
    with pytest.raises(RefusedError, match="requirements differ"):
        frozen("team/1.0", "one", "two")
    assert tree(index.layout.root) == before


def test_an_extending_index_inherits_every_pin(frozen, registry, software):
    """An index that extends another keeps its pins, files and origin."""
    make_wheel(registry.folder, "base", "1.0")
    parent = frozen("karl/1.0", "base")
    make_wheel(registry.folder, "base", "1.5")
    make_wheel(registry.folder, "addon", "1.0", requires=["base"])
    child = frozen("acme/1.0", "addon", extends="karl/1.0")
    assert versions(child) == {"addon": "1.0", "base": "1.0"}
    assert child.lock.by_name()["base"].inherited == "karl/1.0"
    assert child.lock.by_name()["base"].files == parent.lock.by_name()["base"].files
    assert [str(link.lock.name) for link in chain(software, child)] == [
        "acme/1.0",
        "karl/1.0",
    ]


def test_an_inherited_pin_changes_only_on_request(frozen, registry):
    """An override must be asked for by name, and is recorded."""
    make_wheel(registry.folder, "base", "1.0")
    frozen("karl/1.0", "base")
    make_wheel(registry.folder, "base", "1.5")
    make_wheel(registry.folder, "addon", "1.0", requires=["base>=1.5"])
    with pytest.raises(RefusedError, match="--override"):
        frozen("acme/1.0", "addon", extends="karl/1.0")
    child = frozen("acme/1.0", "addon", extends="karl/1.0", overrides=("base==1.5",))
    assert versions(child)["base"] == "1.5"
    (override,) = child.lock.overrides
    assert (override.name, override.inherited, override.version) == (
        "base",
        "1.0",
        "1.5",
    )
    assert child.lock.by_name()["base"].inherited == ""


def test_a_changed_parent_is_noticed(frozen, registry, software):
    """An index whose extended index was replaced by another is refused."""
    make_wheel(registry.folder, "base", "1.0")
    make_wheel(registry.folder, "addon", "1.0")
    parent = frozen("karl/1.0", "base")
    child = frozen("acme/1.0", "addon", extends="karl/1.0")
    files.write(parent.layout.lock_file, parent.layout.lock_file.read_bytes() + b"\n")
    with pytest.raises(DamagedError, match=r"extends karl/1\.0"):
        chain(software, child)


def test_a_stranger_with_our_name_does_not_get_in(frozen, registry, software, tmp_path):
    """A private name comes from the pool though the registry offers a higher one."""
    mine = make_wheel(tmp_path, "acme.site", "1.0", files={"mine.py": "OURS = True\n"})
    Pool(software).add(mine)
    make_wheel(registry.folder, "acme.site", "99.0", files={"evil.py": "1\n"})
    make_wheel(registry.folder, "acme-site", "98.0", files={"evil.py": "2\n"})
    make_wheel(registry.folder, "one", "1.0", requires=["Acme_Site"])
    index = frozen("acme/1.0", "one", private=("acme.*",))
    assert versions(index) == {"acme-site": "1.0", "one": "1.0"}
    assert index.lock.by_name()["acme-site"].files[0].sha256 == files.sha256_of(mine)
    assert "acme-site" not in registry.asked


def test_a_private_name_that_is_not_pooled_is_not_looked_for(frozen, registry):
    """A private name that the pool lacks is an error, not a look-up elsewhere."""
    make_wheel(registry.folder, "acme.site", "1.0")
    with pytest.raises(RefusedError, match="karl-index publish"):
        frozen("acme/1.0", "acme.site", private=("acme.*",))
    assert registry.asked == []


def test_inherited_private_names_stay_private(frozen, registry, software, tmp_path):
    """What an extended index declared as ours is ours in the extending one too."""
    Pool(software).add(make_wheel(tmp_path, "karl.intranet", "3.30"))
    frozen("karl/3.30", "karl.intranet", private=("karl.*",))
    make_wheel(registry.folder, "karl.addon", "1.0")
    with pytest.raises(RefusedError):
        frozen("acme/1.0", "karl.addon", extends="karl/3.30")
    assert "karl-addon" not in registry.asked


def test_build_requirements_are_in_the_index(frozen, registry, software):
    """An sdist brings its build requirements along, marked as such."""
    make_sdist(registry.folder, "legacy", "1.0", build_requires=["flit_core", "tool"])
    make_wheel(registry.folder, "tool", "1.0", requires=["helper"])
    make_wheel(registry.folder, "helper", "1.0")
    _put_flit(registry)
    index = frozen("team/1.0", "legacy")
    packages = index.lock.by_name()
    assert set(packages) == {"legacy", "flit-core", "tool", "helper"}
    built = {name for name, package in packages.items() if package.build_only}
    assert built == {"flit-core", "tool", "helper"}
    assert packages["legacy"].sdist.name == "legacy-1.0.tar.gz"


def test_an_index_that_cannot_be_installed_is_not_frozen(
    frozen, registry, software, monkeypatch
):
    """The closure check finds what is missing, and then nothing is left."""
    make_sdist(registry.folder, "legacy", "1.0")
    _put_flit(registry)
    monkeypatch.setattr(rounds.builder, "build_requirements", lambda *_a, **_k: ())
    with pytest.raises(RefusedError, match="does not install from itself"):
        frozen("team/1.0", "legacy")
    assert list(software.indexes.glob("team/*")) == []


def test_a_wheel_that_no_release_could_take_is_not_frozen(frozen, registry):
    """A wheel with a hostile member ends freezing, before the version is burnt."""
    make_wheel(registry.folder, "one", "1.0", files={"../../evil.py": "x"})
    with pytest.raises(DamagedError, match="not a sound wheel"):
        frozen("team/1.0", "one")
    make_wheel(registry.folder, "one", "1.1")
    assert versions(frozen("team/1.0", "one>1.0")) == {"one": "1.1"}


def test_a_declared_system_linked_project_is_recorded(frozen, registry, monkeypatch):
    """A declaration of system libraries is checked, and kept in the lock file."""
    checked = []
    monkeypatch.setattr(closure.prerequisites, "check", checked.extend)
    monkeypatch.setattr(
        closure.systemlibs, "ensure_wheel", lambda *a: SimpleNamespace(path=a[0].pool)
    )
    _put_flit(registry)
    make_sdist(registry.folder, "drawing", "1.0")
    make_wheel(registry.folder, "drawing", "1.0")
    index = frozen(
        "team/1.0", "drawing", system_linked=("drawing = cairo; libcairo2-dev",)
    )
    assert index.lock.system_linked == ("drawing = cairo; libcairo2-dev",)
    assert index.lock.linked_names == {"drawing"}
    assert [project.name for project in checked] == ["drawing"]
    assert index.lock.by_name()["drawing"].sdist is not None
    with pytest.raises(UsageError, match="is not known"):
        frozen("team/1.1", "drawing", system_linked=("drawing",))


def test_two_versions_for_different_pythons_are_refused(frozen, registry):
    """A resolution that needs two versions of a project is an error."""
    make_wheel(registry.folder, "base", "1.0")
    make_wheel(registry.folder, "base", "2.0")
    with pytest.raises(RefusedError, match="two versions of base"):
        frozen(
            "team/1.0",
            "base<2; python_version < '3.12'",
            "base>=2; python_version >= '3.12'",
        )


def test_wheels_are_chosen_for_every_target(frozen, registry):
    """For each target the best wheel is named, and no other platform's."""
    for tag in (
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp312-cp312-manylinux_2_17_x86_64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp311-cp311-win_amd64",
    ):
        make_wheel(registry.folder, "fast", "1.0", tag=tag)
    make_wheel(registry.folder, "fast", "1.0")
    targets = tuple(f"cp3{n}-manylinux_2_31_x86_64" for n in (11, 12, 13))
    index = frozen("team/1.0", "fast", targets=targets)
    assert [file.name for file in index.lock.by_name()["fast"].wheels] == [
        "fast-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "fast-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "fast-1.0-py3-none-any.whl",
    ]


def test_a_registry_that_does_not_answer_is_named_so(frozen):
    """Without a network freezing ends with an error of its own kind."""
    with pytest.raises(UnreachableError, match="does not answer"):
        frozen("team/1.0", "one", upstream="http://127.0.0.1:9/simple/")


def test_a_resolver_that_breaks_off_leaves_no_traceback(software, capfd):
    """A connection that its client resets is no matter for the operator."""
    view = RegistryView(Pool(software), PrivateNames(()), "")
    with serving(view) as url:
        port = urlsplit(url).port
        client = socket.create_connection(("127.0.0.1", port))
        at_once = struct.pack("ii", 1, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        client.sendall(b"GET /simple/one/ HTTP/1.1\r\nHost: x")
        client.close()
    assert capfd.readouterr().err == ""


def test_bytes_that_changed_on_the_way_are_refused(frozen, registry, monkeypatch):
    """A file whose bytes differ from the registry's hash does not get in."""
    make_wheel(registry.folder, "one", "1.0")
    honest = Registry.content
    monkeypatch.setattr(
        Registry,
        "content",
        lambda self, name: (
            (honest(self, name) or b"") + (b"" if name.endswith(".metadata") else b"x")
        ),
    )
    with pytest.raises(DamagedError, match="Do not install it"):
        frozen("team/1.0", "one")


@pytest.mark.parametrize(
    ("requirement", "complaint"),
    [
        ("not a requirement!", "malformed"),
        ("one @ https://example.invalid/one.whl", "publish it instead"),
    ],
)
def test_malformed_requirements_are_refused(frozen, requirement, complaint):
    """A requirement that is no name with versions is an error before any work."""
    with pytest.raises(UsageError, match=complaint):
        frozen("team/1.0", requirement)


@pytest.mark.parametrize("name", ["../x/1", "a/b/c", "team", "team/", "-x/1", "t/1;rm"])
def test_hostile_index_names_are_refused(name):
    """An index's name can never lead out of the indexes' folder."""
    with pytest.raises(UsageError):
        IndexName.parse(name)


def test_a_kill_at_any_change_leaves_no_half_index(
    frozen, registry, software, monkeypatch
):
    """Whatever file change fails, there is no index, and the next run freezes it."""
    make_wheel(registry.folder, "one", "1.0")
    count = 0
    while True:
        steps = iter(range(count))

        def fail(action: str, path: Path, steps=steps) -> None:
            if next(steps, None) is None:
                raise OSError(28, "No space left on device", str(path))

        with monkeypatch.context() as patch:
            patch.setattr(files, "seam", fail)
            try:
                frozen("team/1.0", "one")
                break
            except OSError:
                pass
        assert not (software.indexes / "team" / "1.0").exists()
        count += 1
    assert count > 5
    index = Index.load(software, IndexName.parse("team/1.0"))
    assert verify(software, index, SilentReporter(), all_targets=True) == []
    assert sorted(path.name for path in index.layout.root.parent.iterdir()) == ["1.0"]


def test_verify_tells_every_kind_of_damage(frozen, registry, software):
    """Missing, altered, extra and unlisted files are each found and named."""
    for name in ("one", "two", "six"):
        make_wheel(registry.folder, name, "1.0")
    index = frozen("team/1.0", "one", "two", "six")
    pool = Pool(software)
    by_name = index.lock.by_name()
    pool.path(by_name["one"].files[0]).unlink()
    damaged = pool.path(by_name["two"].files[0])
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    page = index.layout.project("six") / "index.html"
    page.chmod(0o644)
    page.write_text("<a href='https://example.invalid/six.whl'>six</a>")
    (index.layout.project("six") / "six-2.0-py3-none-any.whl").write_bytes(b"evil")
    (index.layout.project("six") / "six-1.0-py3-none-any.whl").unlink()
    found = verify(software, index, SilentReporter(), all_targets=False)
    assert {(problem.kind, problem.path) for problem in found} == {
        ("missing", "one-1.0-py3-none-any.whl"),
        ("altered", "two-1.0-py3-none-any.whl"),
        ("altered", "simple/six/index.html"),
        ("extra", "simple/six/six-2.0-py3-none-any.whl"),
        ("unlisted", "simple/six/six-1.0-py3-none-any.whl"),
    }
    assert all(isinstance(problem, Problem) for problem in found)


def test_lock_files_survive_a_round_trip(frozen, registry, software):
    """Reading a lock file and rendering it again gives the same bytes."""
    make_wheel(registry.folder, "one", "1.0", requires_python=">=3.8")
    index = frozen("team/1.0", "one")
    again = Index.load(software, index.lock.name)
    assert render(again.lock) == index.layout.lock_file.read_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one-1.0-py3-none-any.whl", "../../../../etc/passwd"),
        ('lock-version = "1.0"', 'lock-version = "9.0"'),
        ('index = "team/1.0"', 'index = "other/1.0"'),
        ('sha256 = "', 'sha256 = "xyz'),
        ("[[packages]]", "[[packages]"),
        ('name = "one"', 'name = "../one"'),
        ('name = "one"', 'name = "One"'),
        ('version = "1.0"\n\n', 'version = "1.0"\nmarker = "no marker"\n\n'),
        ("size = ", 'size = "9" # '),
        ("[tool.karl-recipe]", "[tool.another]"),
    ],
)
def test_a_forged_lock_file_is_refused(frozen, registry, software, old, new):
    """A lock file with a hostile or broken entry is an error, never obeyed."""
    make_wheel(registry.folder, "one", "1.0")
    index = frozen("team/1.0", "one")
    text = index.layout.lock_file.read_text().replace(old, new)
    files.write(index.layout.lock_file, text)
    with pytest.raises(DamagedError):
        Index.load(software, index.lock.name)


def _put_flit(registry: Registry) -> None:
    """Put flit_core into the registry, as the toolchain's pool has it."""
    pool = Path(__file__).parents[2] / "pool"
    (wheel,) = pool.glob("flit_core-3.*.whl")
    shutil.copy(wheel, registry.folder)
