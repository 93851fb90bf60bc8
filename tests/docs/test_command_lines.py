"""Every command line of every page is one that there is, and one that is typed."""

from __future__ import annotations

import argparse
import configparser
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commandlines import Command, commands, without_wrappers

from karl.recipe.evolve.upgrade import command as evolve
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.sites import switchoptions
from manuals.commands import MANUALS
from toolchain import command as bootstrap
from toolchain import programs

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("src/*/README.md")),
]

#: The commands of the suite.
PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    **{each.name: each.parser for each in MANUALS},
    "bootstrap.py": bootstrap._parser,
}

#: What parsers leave to be found out later: which options go together.
TOGETHER: dict[str, Callable[[argparse.Namespace], object]] = {
    "evolve": evolve._check,
    "switch-version": lambda found: switchoptions.mode_of(
        found, switchoptions.build_parser(None)
    ),
}

#: The commands in the folders ``bin``.
OF_CHECKOUT = {"buildout", "karl-index", "tour", "test", "docs"}
OF_SERVER = {"zeoctl", "zeoctl-ssh", "switch-version"}
OF_SITE = {
    "switch-version", "evolve", "evolve-run", "site", "rollout", "refresh-staging",
}  # fmt: skip

#: Programs that others have written, or the sample product, and words of the shell.
FOREIGN = {
    "addgroup", "adduser", "apt-get", "cat", "cd", "chmod", "cp", "df", "diff",
    "docs", "du", "echo", "find", "git", "grep", "install", "karl-fill",
    "karl-serve", "ldd", "man", "mkdir", "mv", "mypy", "openssl", "pip", "python",
    "python3", "repozo", "rm", "rsync", "ruff", "scp", "site-functions", "source",
    "ssh-keygen", "ssh-keyscan", "systemctl", "tar", "test", "touch", "twine",
    "ufw", "uv", "xargs",
}  # fmt: skip


def every() -> list[Command]:
    """Return every command of every page."""
    return [command for page in PAGES for command in commands(page)]


def meant(command: Command) -> Command | None:
    """Return what is really run: not sudo, ssh or an interpreter."""
    words = without_wrappers(command.words)
    if words[:2] == ("python3", "bootstrap.py"):
        words = words[1:]
    return Command(command.page, words, command.whole) if words else None


WHOLE = [found for each in every() if each.whole and (found := meant(each))]
INLINE = [
    found
    for each in every()
    if not each.whole and (found := meant(each)) and found.name in PARSERS
]


def parsed(command: Command) -> argparse.Namespace:
    """Return the options of a command; fail if its own parser refuses them."""
    words = [word for word in command.words[1:] if not word.startswith("[")]
    try:
        found = PARSERS[command.name]().parse_args(words)
        if command.name in TOGETHER:
            TOGETHER[command.name](found)
    except (UsageError, SystemExit) as error:
        pytest.fail(f"{command}\n{error}")
    assert unknown(command) == [], f"{command}: shortened"
    return found


def unknown(command: Command) -> list[str]:
    """Return the verbs and options of a command that are none, or are shortened."""
    parser = PARSERS[command.name]()
    verbs = next(
        (each.choices for each in parser._actions if isinstance(each.choices, dict)), {}
    )
    told = command.words[1:]
    if verbs and told and not told[0].startswith("-") and told[0] != "VERB":
        if told[0] not in verbs:
            return [told[0]]
        parser = verbs[told[0]]
    options = {word for each in parser._actions for word in each.option_strings}
    before = told[: told.index("--")] if "--" in told else told
    return [
        word
        for word in before
        if word.startswith("-") and word.partition("=")[0] not in options
    ]


def test_there_are_command_lines():
    """Nobody has lost them on the way."""
    assert len(WHOLE) > 200
    assert len(INLINE) > 80
    # That one is typed by sshd.
    typed = {*PARSERS, "buildout"} - {"zeoctl-ssh"}
    assert {each.name for each in WHOLE} >= typed


@pytest.mark.parametrize("name", PARSERS)
def test_each_line_is_understood_by_its_command(name):
    """Verb, options and arguments of each line are such that its parser takes them."""
    for command in WHOLE:
        if command.name == name:
            parsed(command)


@pytest.mark.parametrize("name", PARSERS)
def test_what_a_sentence_names_is_there(name):
    """Each verb and option within a sentence is one that the command has."""
    for command in INLINE:
        if command.name == name:
            assert unknown(command) == [], command


def test_every_other_program_is_known():
    """What is none of our commands is one that the machine has: no name is misspelt."""
    for command in WHOLE:
        ours = command.name in PARSERS or command.name in programs.rendered(ROOT)
        assert ours or command.name in FOREIGN, command


def test_each_command_is_where_the_page_says():
    """A site's commands are in a site's folder, the server's in the server's."""
    sites = {path.stem for path in ROOT.glob("buildouts/*-*.cfg")}
    for path in PAGES:
        sites |= set(re.findall(r"`buildouts/([\w-]+)\.cfg`:\n", path.read_text()))
    for command in WHOLE:
        path = command.words[0]
        found = re.fullmatch(r"(?:\S+/)?(?:sites|\.\.|srv)/([\w-]+)/bin/([\w-]+)", path)
        if found:
            site, name = found.groups()
            assert site in sites, command
            assert name in (OF_SERVER if site == "zeo-central" else OF_SITE), command
        elif re.fullmatch(r"bin/[\w-]+", path):
            assert command.name in OF_CHECKOUT | OF_SERVER | OF_SITE, command


class Buildout:
    """A file of ``buildouts/`` with all that it extends.

    :ivar text: of a file that the page has the reader make.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.sections: dict[str, dict[str, str]] = {}
        self._read(path, path.read_text() if text is None else text)

    def _read(self, path: Path, text: str) -> None:
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.read_string(re.sub(r" [+-]=", " =", text))
        for name in parser.get("buildout", "extends", fallback="").split():
            other = path.with_name(name)
            self._read(other, other.read_text())
        for section in parser.sections():
            self.sections.setdefault(section, {}).update(parser[section])


def buildout(command: Command) -> Buildout:
    """Return the configuration that a line names."""
    name = command.words[command.words.index("-c") + 1]
    text = command.page.read_text()
    if (ROOT / name).is_file():
        return Buildout(ROOT / name)
    made = re.search(rf"`{name}`:\n\n```ini\n(.*?)```", text, re.DOTALL)
    assert made, f"{command}: there is no such file, and the page makes none"
    return Buildout(ROOT / name, made[1])


def test_each_line_of_buildout_names_what_there_is():
    """The file, and each section, option and part that a line names, are there."""
    seen = 0
    for command in WHOLE:
        if command.name != "buildout" or "-c" not in command.words:
            continue
        found = buildout(command)
        _, *rest = command.words[command.words.index("-c") + 1 :]
        for word in rest:
            option = re.fullmatch(r"([\w-]+):([\w-]+)=\S+", word)
            if option:
                assert option[2] in found.sections.get(option[1], {}), command
                seen += 1
            elif word != "install":
                assert word in found.sections, command
        assert set(command.words[1 : command.words.index("-c")]) <= {"-o", "-q"}
    assert seen > 5


_INDEX = re.compile(r"[a-z][a-z-]*/[0-9][\w.-]*")


def test_each_index_that_a_line_names_is_there_or_made():
    """No line needs an index that neither this repository has nor a page makes."""
    there = {
        str(path.parent.relative_to(ROOT / "indexes"))
        for path in ROOT.glob("indexes/*/*/pylock.toml")
    }
    lines = [each for each in WHOLE if each.name == "karl-index"]
    made = {each.words[2] for each in lines if each.words[1] == "freeze"}
    for command in lines:
        for word in command.words[2:]:
            if _INDEX.fullmatch(word):
                assert word in there | made, command


#: Who types the commands of a page: a file of tests, which names the page.
TYPED = {
    "README.md": "tests/docs/test_readme.py",
    "docs/tutorial/tour.md": "tests/tour/test_tour.py",
    "docs/how-to/backups.md": "tests/docs/test_database_pages.py",
    "docs/how-to/database-server.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/disk-space.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/move-a-database-here.md": "tests/docs/test_database_pages.py",
    "docs/how-to/new-customer.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/new-release.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/quick-fix-found.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/restore-after-a-disaster.md": "tests/docs/test_database_pages.py",
    "docs/how-to/status-page.md": "tests/docs/test_status_page.py",
    "docs/how-to/tls.md": "tests/docs/test_database_pages.py",
    "docs/how-to/two-machines.md": "tests/evolve/machines/test_page.py",
    "docs/how-to/upgrade-a-customer.md": "tests/docs/test_howto_pages.py",
    "docs/how-to/write-an-evolve-step.md": "tests/evolve/steps/test_pages.py",
    "docs/reference/files-on-disk.md": "tests/docs/test_database_pages.py",
    "docs/reference/karl-index.md": "tests/docs/test_examples.py",
}

#: Pages that nobody types, and where their commands do the same work in a test.
PARSED = {
    "CONTRIBUTING.md": ".ci/run",
    "docs/benchmarks.md": "tests/benchmarks",
    "docs/how-to/new-product-version.md": "tests/index/test_freeze.py",
    "docs/how-to/offline-box.md": "tests/bootstrap",
    "docs/how-to/override-a-pin.md": "tests/index/test_freeze.py",
    "docs/how-to/own-registry.md": "tests/index/test_clients.py",
    "docs/how-to/refresh-staging.md": "tests/evolve/upgrade",
    "docs/how-to/roll-back.md": "tests/evolve/story",
    "docs/how-to/system-libraries.md": "tests/build",
    "docs/reference/bootstrap.md": "tests/bootstrap",
    "docs/reference/evolve.md": "tests/docs/test_readme.py",
    "docs/reference/manuals.md": "tests/manuals",
    "docs/reference/refresh-staging.md": "tests/evolve/upgrade",
    "docs/reference/rollout.md": "tests/evolve/rollout",
    "docs/reference/site.md": "tests/docs/test_readme.py",
    "docs/reference/switch-version.md": "tests/docs/test_readme.py",
    "docs/reference/zeoctl.md": "tests/docs/test_zeoctl.py",
    "src/karl.recipe.evolve/README.md": "tests/docs/test_readme.py",
    "src/karl.recipe.zeoserver/README.md": "tests/docs/test_howto_pages.py",
}


def test_it_is_known_of_each_page_who_types_it():
    """A page with commands has its test, or it is said which test does the same."""
    pages = {str(each.page.relative_to(ROOT)) for each in WHOLE}
    assert pages == {*TYPED, *PARSED}
    assert not set(TYPED) & set(PARSED)
    for name, test in TYPED.items():
        assert Path(name).stem in (ROOT / test).read_text(), name
    for test in PARSED.values():
        assert (ROOT / test).exists(), test
