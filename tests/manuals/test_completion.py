"""Real shells complete the commands."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from karl.recipe.release.base import manuals
from karl.recipe.release.base.layout import ShareLayout
from manuals.commands import MANUALS

#: Calls the function that completes, as bash does when a person presses the key.
_BASH = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
function=$(complete -p "${1##*/}")
function=${function#*-F }
"${function%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with every command, what they tell of, and their completion."""
    (tmp_path / "bin").mkdir()
    for manual in MANUALS:
        command = tmp_path / "bin" / manual.name
        command.write_text("#!/bin/sh\n")
        command.chmod(0o755)
        share = ShareLayout(tmp_path / "share")
        package = manual.folder.parent
        for path, text in manuals.texts(package, share, [manual.name]).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in (
        "releases/1.0/release.json", "releases/1.1/release.json",
        "revisions/7/revision.json", "indexes/acme/1.0/pylock.toml",
        "acme-prod/databases/1/Data.fs", "globex-prod/databases/1/Data.fs",
        "releases/$(touch touched)/release.json", "my file",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def bash(place: Path, line: str) -> set[str]:
    """Return what bash offers for the last word of a line."""
    name, *words = line.split(" ")
    command = place / "bin" / name
    script = ShareLayout(place / "share").bash(name)
    done = subprocess.run(
        ["bash", "--norc", "-c", _BASH, "bash", script, command, *words],
        capture_output=True, text=True, check=True, cwd=place,
    )  # fmt: skip
    assert not done.stderr
    return set(done.stdout.splitlines()) - {""}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("zeoctl sta", {"stage", "start", "status"}),
        ("zeoctl backup ", {"acme-prod", "globex-prod"}),
        ("zeoctl backup acme-prod --inc", {"--incremental"}),
        ("zeoctl backup --wait ", set()),
        ("zeoctl --h", {"--help"}),
        ("zeoctl-ssh a", {"acme-prod"}),
        ("evolve 1.", {"1.0", "1.1"}),
        ("evolve st", {"status"}),
        ("evolve --re", {"--rehearse", "--resume"}),
        ("evolve --postpone-cut-over m", {"my file"}),
        ("site mode ", {"normal", "read-only", "maintenance"}),
        ("site try ", {"7"}),
        ("switch-version --acc", {"--accept-damaged"}),
        ("karl-index show ", {"acme/1.0"}),
        ("karl-index freeze acme/2 --extends a", {"acme/1.0"}),
        ("rollout 1.", {"1.0", "1.1"}),
        ("evolve-run --ver", {"--verify"}),
    ],
)
def test_bash_offers(place, line, offered):
    """What may stand there is offered: verbs, options, and the names that there are."""
    assert bash(place, line) == offered


def test_a_name_is_never_run(place):
    """A folder whose name looks like a command is offered as the name that it is."""
    assert "$(touch" in bash(place, "switch-version ")
    assert not (place / "touched").exists()
    assert not list(place.rglob("touched"))


class Zsh:
    """A zsh that a person types into."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(place)
            os.environ.update(TERM="dumb", PATH=f"{place}/bin:{os.environ['PATH']}")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        share = ShareLayout(place / "share")
        folder = share.zsh("zeoctl").parent
        self.type(f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D\n")
        self.type("told() { print -r -- $BUFFER > told; BUFFER= }; zle -N told\n")
        self.type("bindkey '^X' told; bindkey '^I' complete-word; print > ready\n")
        self.wait("ready")

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait(self, name: str) -> str:
        """Wait for a file with a whole line, as zsh writes it; return that."""
        path = self.place / name
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text().endswith("\n")):
            assert time.monotonic() < deadline
            if select.select([self.terminal], [], [], 0.05)[0]:
                os.read(self.terminal, 4096)
        text = path.read_text()
        path.unlink()
        return text.removesuffix("\n")

    def complete(self, line: str) -> str:
        """Return what a line becomes by the key for completion."""
        self.type(f"{line}\t\x18")
        return self.wait("told")

    def end(self) -> None:
        os.close(self.terminal)
        os.waitpid(self.process, 0)


@pytest.fixture
def zsh(place):
    """A zsh that knows the commands."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    shutil.rmtree(place / "releases/$(touch touched)")
    made = Zsh(place)
    yield made
    made.end()


def test_zsh_completes(zsh):
    """Verbs, options and names that there are become whole by one key."""
    for line, whole in (
        ("zeoctl verify", "zeoctl verify-backup "),
        ("zeoctl backup ac", "zeoctl backup acme-prod "),
        ("zeoctl backup acme-prod --inc", "zeoctl backup acme-prod --incremental "),
        ("evolve stat", "evolve status "),
        ("evolve --rehe", "evolve --rehearse "),
        ("evolve 1", "evolve 1."),
        ("site mode main", "site mode maintenance "),
        ("site try ", "site try 7 "),
        ("karl-index show a", "karl-index show acme/1.0 "),
        ("switch-version --no-h", "switch-version --no-hooks "),
    ):
        assert zsh.complete(line) == whole
