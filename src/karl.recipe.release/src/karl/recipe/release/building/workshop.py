"""The isolated environment that one build runs in.

It has no pip, no configuration, no home and no cache; what the build requires
comes from the one index that is given, and from nowhere else.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import build
from packaging.requirements import InvalidRequirement, Requirement

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import ProcessError, RefusedError, UsageError
from karl.recipe.release.base.names import normalised
from karl.recipe.release.base.reporter import Task
from karl.recipe.release.building import archives

Kind = Literal["wheel", "sdist"]

#: Ends the child when we are killed (PR_SET_PDEATHSIG), so that no orphan goes
#: on writing; then becomes the program that is meant.
_LEASHED = (
    "import ctypes, os, sys;"
    "ctypes.CDLL(None).prctl(1, 9);"
    "os.getppid() == int(sys.argv[1]) or os._exit(1);"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


@dataclass(frozen=True)
class Settings:
    """How to build.

    :ivar index_url: the one index; ``file://`` or on the loopback interface.
    :ivar env: further variables of the build.
    :ivar config_file: a distutils configuration that the build heeds.
    :ivar wheels: files that take the place of what the index has of them.
    :ivar relaxed: names of build requirements whose pins are not heeded.
    :ivar workspace: where the work is done; default: a temporary folder.
    :ivar log: the file for all output; default: a temporary file.  It is kept
        only when the build fails.
    """

    index_url: str
    env: Mapping[str, str] = field(default_factory=dict)
    config_file: str = ""
    wheels: tuple[Path, ...] = ()
    relaxed: tuple[str, ...] = ()
    workspace: Path | None = None
    log: Path | None = None


class Workshop:
    """An environment for one build."""

    def __init__(
        self,
        root: Path,
        source: Path,
        title: str,
        settings: Settings,
        log: Path,
        task: Task,
    ) -> None:
        self.root = root
        self.title = title
        self.settings = settings
        self.log = log
        self.task = task
        self.environment = root / "environment"
        self.python = self.environment / "bin" / "python"
        for name in ("home", "tmp"):
            (root / name).mkdir()
        venv.EnvBuilder(with_pip=False, symlinks=True).create(self.environment)
        self.env = self._environ()
        self.builder = self._builder(_laid_out(source, root / "source"))

    def _environ(self) -> dict[str, str]:
        extra = dict(self.settings.env)
        if self.settings.config_file:
            path = self.root / "distutils.cfg"
            path.write_text(self.settings.config_file, encoding="utf-8")
            extra["DIST_EXTRA_CONFIG"] = str(path)
        clean = {
            name: value
            for name, value in process.clean_environment().items()
            if not name.lower().endswith("_proxy")
        }
        return {
            **clean,
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "NO_COLOR": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
            "SOURCE_DATE_EPOCH": str(archives.EPOCH),
            # For a backend that runs an installer by itself.
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.settings.index_url,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_DEFAULT_INDEX": self.settings.index_url,
            **extra,
        }

    def _builder(self, folder: Path) -> build.ProjectBuilder:
        try:
            return build.ProjectBuilder(folder, str(self.python), self._run_hook)
        except build.BuildException as error:
            raise UsageError(
                f"{self.title} cannot be built: {error}.",
                "Correct its pyproject.toml.",
            ) from error

    def _run_hook(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        self._run(cmd, {**self.env, **(extra_environ or {})}, cwd)

    def _run(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str | None = None
    ) -> None:
        leash = (str(self.python), "-I", "-S", "-c", _LEASHED, str(os.getpid()))
        process.run(
            [*leash, *argv],
            env=env,
            cwd=Path(cwd) if cwd else None,
            beat=self._beat,
            log=self.log,
        )

    def _beat(self, _: float) -> None:
        self.task.advance(0)

    def static_requirements(self) -> list[str]:
        """Return what ``[build-system]`` names, pins relaxed as the settings say."""
        return self._relaxed(self.builder.build_system_requires)

    def dynamic_requirements(self, kind: Kind) -> list[str]:
        """Return what the build backend asks for, once it is installed."""
        with self._hook(f"ask for the build requirements of the {kind} of"):
            return self._relaxed(self.builder.get_requires_for_build(kind))

    def _relaxed(self, requirements: Iterable[str]) -> list[str]:
        return sorted({self._checked(text) for text in requirements})

    def _checked(self, text: str) -> str:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError(
                f"{self.title} has a build requirement that is none: {error}.",
                "Correct its pyproject.toml.",
            ) from error
        if requirement.url:
            raise RefusedError(
                f"{self.title} wants to be built with {text}: not from an index.",
                "Build with another version of it, which names a release.",
            )
        if normalised(requirement.name) in self.settings.relaxed:
            requirement = _without_version(requirement)
        return str(requirement)

    def install(self, requirements: Sequence[str], known: Sequence[str] = ()) -> None:
        """Install *requirements* from the one index, unless all are *known*.

        :raises RefusedError: the index lacks one.
        """
        if not set(requirements) - set(known):
            return
        asked = self.root / "requirements.txt"
        asked.write_text("".join(f"{one}\n" for one in requirements), encoding="utf-8")
        given = self.root / "constraints.txt"
        given.write_text("".join(map(_pinned, self.settings.wheels)), encoding="utf-8")
        argv = [
            sys.executable, "-I", "-m", "pip", "--python", str(self.python), "install",
            "--isolated", "--no-input", "--disable-pip-version-check",
            "--no-cache-dir", "--no-compile", "--no-warn-script-location",
            "--progress-bar", "off", "--retries", "0",
            "--index-url", self.settings.index_url,
            "--requirement", str(asked), "--constraint", str(given),
        ]  # fmt: skip
        try:
            self._run(argv, self.env)
        except ProcessError as error:
            raise self._not_installed(requirements, error) from error

    def _not_installed(
        self, requirements: Sequence[str], error: ProcessError
    ) -> RefusedError:
        lines = [
            line.removeprefix("ERROR: ")
            for line in error.output.splitlines()
            if line.startswith("ERROR: ")
        ]
        reason = " ".join(lines) or error.output
        return RefusedError(
            f"What {self.title} is built with ({', '.join(requirements)}) does not "
            f"install from {self.settings.index_url} alone: {reason.strip()}",
            "Freeze an index that holds the build requirements too; the whole log "
            f"is {self.log}.",
        )

    def installed(self) -> tuple[str, ...]:
        """Return what is in the environment, ``name==version``, sorted."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        place = self.environment / "lib" / version / "site-packages"
        return tuple(
            sorted(
                f"{normalised(found.metadata['Name'])}=={found.version}"
                for found in importlib.metadata.distributions(path=[str(place)])
            )
        )

    def build(self, kind: Kind, into: Path) -> Path:
        """Build and return the file."""
        with self._hook(f"build the {kind} of"):
            return Path(self.builder.build(kind, into))

    @contextlib.contextmanager
    def _hook(self, action: str) -> Iterator[None]:
        """Turn what the build backend raises into errors of ours."""
        try:
            yield
        except build.BuildBackendException as error:
            cause = error.exception
            message = f"Cannot {action} {self.title}; the whole log is {self.log}."
            if isinstance(cause, ProcessError):
                raise ProcessError(
                    message, cause.argv, cause.status, cause.output
                ) from error
            raise ProcessError(message, (), 1, f"{error}: {cause}") from error


def _laid_out(source: Path, target: Path) -> Path:
    """Return a copy of *source* below *target* that a build may write into."""
    if source.is_dir():
        ignored = shutil.ignore_patterns(".git")
        return Path(shutil.copytree(source, target, symlinks=True, ignore=ignored))
    target.mkdir()
    return archives.unpack_sdist(source, target)


def _pinned(wheel: Path) -> str:
    return f"{wheel.name.partition('-')[0]} @ {wheel.absolute().as_uri()}\n"


def _without_version(requirement: Requirement) -> Requirement:
    """Return *requirement* without its version specifier."""
    plain = Requirement(str(requirement))
    plain.specifier = type(plain.specifier)()
    return plain
