"""Steps on this machine's software: check, publish, freeze."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from karl.recipe.evolve.rollout import metadata, versions
from karl.recipe.evolve.rollout.step import Facts, Work
from karl.recipe.evolve.rollout.tags import Repository
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.names import IndexName, PrivateNames, normalised

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check(work: Work) -> Facts:
    """Look whether the tag, its metadata and what is there already fit together.

    :raises RefusedError: they do not.
    """
    declared, version = work.declared, work.version
    commit = Repository(declared.source).commit_of(work.tag)
    before = work.facts.get("commit")
    if "publish" in work.done and before != commit:
        raise RefusedError(
            f"The tag {work.tag} was moved from {before} to {commit} after {version} "
            "was published.",
            "What was published never changes: make a new version and a new tag.",
        )
    tree, checked_out = work.tree()
    if checked_out != commit:
        raise RefusedError(f"The tag {work.tag} is being moved.", "Run it again.")
    if not tree.is_dir():
        raise RefusedError(
            f"{declared.source} has no folder {declared.folder} at the tag {work.tag}.",
            "Correct the option folder.",
        )
    stated = metadata.read(tree)
    if stated.version not in {"", version}:
        raise RefusedError(
            f"At the tag {work.tag}, {declared.source} is of version {stated.version}, "
            f"not {version}.",
            f"Set the version to {version}, commit that, and tag it; or roll out "
            f"{stated.version}.",
        )
    known = _indexes(work)
    frozen = _frozen(work, known)
    previous, extends = _origin(work, frozen, known)
    return {
        "commit": commit,
        "project": normalised(stated.name) or work.facts.get("project", ""),
        "previous": previous,
        "extends": extends,
        "was_frozen": frozen is not None,
    }


def _frozen(work: Work, known: list[str]) -> Any:
    """Return the version's index if there is one.

    :param known: the indexes that there are.
    :raises RefusedError: it is another than would be frozen.
    """
    name = str(work.index)
    if name not in known:
        return None
    found = work.programs.karl_index("show", name)
    wanted = work.declared.extends
    if wanted and found["extends"] != wanted:
        raise RefusedError(
            f"Index {name} is frozen already, and extends {found['extends']}, not "
            f"{wanted}.",
            "A frozen index never changes: correct the option extends, or raise the "
            "version.",
        )
    return found


def _origin(work: Work, frozen: Any, known: list[str]) -> tuple[str, str]:
    """Return the index before, and what the new one extends; empty: none."""
    declared, name = work.declared, work.index
    names = [IndexName.parse(text) for text in known]
    others = [each.version for each in names if each.name == name.name]
    older = versions.before(others, name.version)
    previous = str(declared.index_of(older)) if older else ""
    if frozen is not None:
        return previous, frozen["extends"] or ""
    if declared.extends:
        work.programs.karl_index("show", declared.extends)
        return previous, declared.extends
    if not previous:
        raise RefusedError(
            f"There is no index of {name.name} before {name.version}, so that it "
            "cannot be told what the new one extends.",
            "Say it with the option extends.",
        )
    return previous, work.programs.karl_index("show", previous)["extends"] or ""


def _indexes(work: Work) -> list[str]:
    return [each["index"] for each in work.programs.karl_index("list")["indexes"]]


def is_published(work: Work) -> str:
    """Tell whether the pool has what an earlier run has published."""
    here, published = work.declared.here, work.facts.get("published", {})
    if "publish" not in work.done or not published:
        return ""
    for name, sha256 in published.items():
        path = Path(here.pooled(name))
        if not path.is_file() or files.sha256_of(path) != sha256:
            return ""
    return "it was done before"


def publish(work: Work) -> Facts:
    """Put the tag's sdist and wheel into the pool."""
    declared = work.declared
    found = work.programs.karl_index(
        "publish", str(work.tree()[0]),
        "--build-index", declared.build_index,
        "--expect-version", work.version,
        "--expect-index", str(work.index),
        *declared.registry_options,
    )  # fmt: skip
    paths = [Path(text) for text in found["published"]]
    published = {path.name: files.sha256_of(path) for path in paths}
    project = normalised(paths[0].name.partition(f"-{work.version}")[0])
    return {"published": published, "project": work.facts["project"] or project}


def is_frozen(work: Work) -> str:
    """Tell whether the index is there, with what was published.

    :raises RefusedError: it is there with something else.
    """
    name = str(work.index)
    if name not in _indexes(work):
        return ""
    found = work.programs.karl_index("show", name)
    if "freeze" not in work.done or found["sha256"] != work.facts.get("sha256"):
        work.facts.update(_content(work))
    return f"{name} is there already"


def freeze(work: Work) -> Facts:
    """Freeze the index of the version."""
    name = str(work.index)
    work.programs.karl_index(
        "freeze", name, *_request(work), *work.declared.registry_options
    )
    return _content(work)


def _request(work: Work) -> list[str]:
    """Return what the index is asked to be: as the one before, with the new version."""
    facts, version = work.facts, work.version
    project, extends = facts["project"], facts["extends"]
    wish, words, inherited = f"{project}=={version}", list[str](), dict[str, Any]()
    if extends:
        words += ["--extends", extends]
        inherited = work.programs.karl_index("show", extends)
    known = {each["name"] for each in inherited.get("contents", ())}
    private = [*inherited.get("private", ())]
    if facts["previous"]:
        before = work.programs.karl_index("show", facts["previous"])
        words += _carried(work, before, project)
        private += before["private"]
    words += ["--override" if project in known else "--require", wish]
    if project not in PrivateNames(tuple(private)):
        words += ["--private", project]
    return words


def _carried(work: Work, before: Any, project: str) -> list[str]:
    """Return what the index before was asked for, but for the project itself."""
    words: list[str] = []
    kept = [text for text in before["requirements"] if _project(text) != project]
    for text in kept:
        words += ["--require", text]
    overrides = [each["requirement"] for each in before["overrides"]]
    if work.facts["extends"]:
        for text in overrides:
            if _project(text) != project:
                words += ["--override", text]
    for option in ("private", "system_linked"):
        for text in before[option]:
            words += [f"--{option.replace('_', '-')}", text]
    parent = before["extends"]
    told = work.programs.karl_index("show", parent)["targets"] if parent else []
    if before["targets"] != told:
        for text in before["targets"]:
            words += ["--target", text]
    if before["constraints"]:
        path = work.folder() / "constraints.txt"
        path.write_text("".join(f"{text}\n" for text in before["constraints"]))
        words += ["--constraints", str(path)]
    return words


def _content(work: Work) -> Facts:
    """Return what is worth knowing of the index.

    :raises RefusedError: it does not hold what was published.
    """
    name, facts = str(work.index), work.facts
    found = work.programs.karl_index("show", name)
    held = [each for each in found["contents"] if each["name"] == facts["project"]]
    if not held:
        raise RefusedError(
            f"Index {name} is frozen already, and holds no {facts['project']}.",
            "A frozen index never changes: raise the version.",
        )
    named, published = held[0]["files"], facts["published"]
    if any(published.get(file) != sha256 for file, sha256 in named.items()):
        raise RefusedError(
            f"Index {name} is frozen already, with another {facts['project']} "
            f"{held[0]['version']} than the tag {work.tag} has.",
            "A frozen index never changes: raise the version.",
        )
    changes: list[Any] = []
    if facts["previous"]:
        told = work.programs.karl_index("diff", facts["previous"], name)
        changes = told["changes"]
    return {"sha256": found["sha256"], "changes": changes}


def _project(requirement: str) -> str:
    """Return the project that a requirement names."""
    found = _PROJECT.match(requirement)
    return normalised(found[0]) if found else ""
