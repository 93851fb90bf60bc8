"""The documentation as a site: bin/docs makes it, in docs/_build/site.

The site's sources are the checkout, not this folder, so that links to READMEs hold.
The pages are plain Markdown that reads well in a repository's browser too: no page
has a table of contents in Sphinx's own words.  The lists of links of docs/index.md
are the contents; what is in none of them is told as a warning, which bin/docs takes
for an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]

project = "karl.recipe"
project_copyright = "karl.recipe contributors"
language = "en"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CONTRIBUTING.md",
    "src/*/README.md",
    "src/*/CHANGES.md",
]
#: Everything else is not even looked into: sites and releases have many files.
exclude_patterns = [
    *(
        entry.name
        for entry in ROOT.iterdir()
        if entry.name not in {"docs", "src", "README.md", "CONTRIBUTING.md"}
    ),
    "src/*/src",
    "docs/_build",
]

myst_heading_anchors = 6

html_theme = "furo"
html_title = "karl.recipe"
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
html_use_index = False
html_extra_path = ["start"]
html_static_path = ["style"]
html_css_files = ["pages.css"]

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s#:]+\.md)(?:#[^)\s]*)?\)")

_CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}

{pages}
```
"""


def contents(text: str) -> str:
    """Return the tables of contents that the sections of the start page make.

    Each has the pages that its section is the first to link.

    :param text: Markdown: sections of the second level, with links to pages.
    """
    _, *parts = _SECTION.split(text)
    found = []
    seen: set[str] = set()
    for caption, section in zip(parts[::2], parts[1::2], strict=True):
        pages = [page for page in _LINK.findall(section) if page not in seen]
        seen.update(pages)
        names = (f"/{normpath(f'docs/{page}')[:-3]}" for page in pages)
        if pages:
            found.append(_CONTENTS.format(caption=caption, pages="\n".join(names)))
    return "".join(found)


def _with_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == root_doc:
        source[0] += contents(source[0])


def setup(app: Sphinx) -> None:
    """Let the start page have its contents."""
    app.connect("source-read", _with_contents)
