"""Our own distributions, published as a release of them is."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from support.distributions import NAMES, ROOT, Published, run

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from toolchain.checkout import TOOLS, Checkout
from toolchain.tools import Toolchain

_KARL_INDEX = Path(sysconfig.get_path("scripts")) / "karl-index"


@pytest.fixture(scope="session")
def software(tmp_path_factory) -> Path:
    """A folder of the files that the tools of this Python are, each by its hash."""
    folder = tmp_path_factory.mktemp("tools")
    lock = Checkout(ROOT).index(with_tests=True).lock_file
    tags = [str(tag) for tag in sys_tags()]
    for tool in Toolchain(lock).tools(tags):
        pooled = ROOT / "pool" / tool.file
        assert files.sha256_of(pooled) == tool.sha256
        files.link_or_copy(str(pooled), str(folder / tool.file))
    return folder


@pytest.fixture(scope="session")
def publish(software) -> Callable[..., Published]:
    """Publish a source tree into a pool below a folder."""

    def published(tree: Path, base: Path, *more: str) -> Published:
        index = Checkout(ROOT).index(with_tests=False)
        copy = SoftwareLayout.below(base).index(TOOLS)
        files.make_directory(copy.lock_file.parent)
        shutil.copy(index.lock_file, copy.lock_file)
        shutil.copytree(software, base / "pool", copy_function=files.link_or_copy)
        run(
            [_KARL_INDEX, "publish", tree, "--base", base, "--quiet", "--registry",
             "http://127.0.0.1:9/", "--build-index", str(TOOLS), *more]
        )  # fmt: skip
        (sdist,) = (base / "pool").glob("karl_recipe_*.tar.gz")
        (wheel,) = (base / "pool").glob("karl_recipe_*.whl")
        return Published(sdist, wheel)

    return published


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """A repository that has the source trees as they are now."""
    root = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in NAMES:
        shutil.copytree(ROOT / "src" / name, root / "src" / name, ignore=ignored)
    shutil.copy(ROOT / ".gitignore", root)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    run(["git", "init", "--quiet", root])
    run(["git", "add", "--all"], cwd=root)
    run(["git", *identity, "commit", "--quiet", "--message", "All"], cwd=root)
    return root


@pytest.fixture(scope="session", params=NAMES)
def name(request) -> str:
    """Each of the distributions."""
    return str(request.param)


@pytest.fixture(scope="session")
def distribution(name, repository, publish, tmp_path_factory) -> Published:
    """A distribution, published."""
    return publish(repository / "src" / name, tmp_path_factory.mktemp(name))
