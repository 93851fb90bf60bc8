"""What the documents show is what there is."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = Path(sysconfig.get_path("scripts")) / "karl-index"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("docs/**/*.md"), *ROOT.glob("src/*/README.md"))
)


@pytest.mark.parametrize("name", PAGES)
def test_examples_of_formats_can_be_read(page, name):
    """JSON, lines of JSON, TOML and configurations are well-formed."""
    for text in page(name).blocks("json"):
        whole = text.startswith("{\n")
        for document in [text] if whole else text.splitlines():
            json.loads(document)
    for text in page(name).blocks("toml"):
        tomllib.loads(text)
    for text in page(name).blocks("ini"):
        plain = re.sub(r"^( *)(\w[\w-]*) \+= ", r"\1\2 = ", text, flags=re.MULTILINE)
        indent = re.match(" *", plain)[0]
        reader = configparser.RawConfigParser(allow_no_value=True)
        reader.read_string(re.sub(f"^{indent}", "", plain, flags=re.MULTILINE))


def test_the_lock_file_that_is_shown_is_a_real_one(page):
    """The example of a lock file is how the index that it names begins."""
    shown = page("docs/reference/pylock.md").blocks("toml")[0]
    assert (ROOT / "indexes/acme/1.1/pylock.toml").read_text().startswith(shown)


def test_what_karl_index_is_shown_to_print_is_what_it_prints(page):
    """Each command of the example, run here, prints the lines below it."""
    example = page("docs/reference/karl-index.md").blocks("console")[0]
    for part in example.split("$ bin/karl-index ")[1:]:
        words, *lines = part.rstrip().splitlines()
        done = subprocess.run(
            [COMMAND, *words.split(), "--base", ROOT],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        real = {" ".join(line.split()) for line in done.stdout.splitlines()}
        assert {" ".join(line.split()) for line in lines} <= real


def test_commands_that_are_shown_exist(page):
    """Every karl-index verb and switch-version option in a how-to is a real one."""
    reference = page("docs/reference/karl-index.md").text
    verbs = set(re.findall(r"^## ([a-z]+)$", reference, re.MULTILINE))
    options = set(
        re.findall(r"`(--[a-z-]+)", page("docs/reference/switch-version.md").text)
    )
    for name in PAGES:
        shown = "".join(
            text for kind in ("sh", "console") for text in page(name).blocks(kind)
        ).replace("\\\n", "")
        assert set(re.findall(r"bin/karl-index ([a-z]+)", shown)) <= verbs, name
        for line in re.findall(r"bin/switch-version (.*)", shown):
            assert set(re.findall(r"--[a-z-]+", line)) <= options, name
        for verb, line in re.findall(r"bin/karl-index ([a-z]+) (.*)", shown):
            used = set(re.findall(r" (--[a-z-]+)", f" {line}"))
            section = page("docs/reference/karl-index.md").section(verb)
            shared = page("docs/reference/karl-index.md").section(
                "Options of every verb"
            )
            for option in used:
                assert f"`{option}" in section + shared, f"{name}: {verb} {option}"
