"""What customers' packages change."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("name", "title", "sign", "stylesheets"),
    [
        ("karl-3.30", "KARL Intranet", 'class="tagline"', ["karl/karl.css?v=3.30"]),
        (
            "acme-1.0",
            "Acme Hub",
            "for Acme people only",
            ["karl/karl.css?v=3.30", "acme/acme.css?v=1.0"],
        ),
        (
            "acme-1.1",
            "Acme Hub",
            "for Acme people only",
            ["karl/karl.css?v=3.31", "acme/acme.css?v=1.1"],
        ),
        (
            "globex-1.0",
            "Globex Commons",
            'href="mailto:help@globex.example"',
            ["karl/karl.css?v=3.30", "globex/globex.css?v=1.0"],
        ),
    ],
)
def test_theme(serve, releases, filled, name, title, sign, stylesheets):
    """Each customer's pages have its theme, its name and its stylesheets."""
    filled.configure(releases[name].egg)
    with serve(releases[name], filled) as browser:
        for path in ("/", "/communities/", "/people/", "/nothing"):
            page = browser.get(path).text
            assert f" · {title}</title>" in page
            assert sign in page
            positions = [page.index(f'href="/static/{css}"') for css in stylesheets]
            assert positions == sorted(positions)
        for css in stylesheets:
            assert browser.get(f"/static/{css}").status == 200


def test_the_ini_file_wins(serve, releases, filled):
    """A setting in the ini file wins over the customization's."""
    filled.configure("acme.site", title="Acme <Test>", page_size="3")
    with serve(releases["acme-1.0"], filled) as browser:
        page = browser.get("/people/").text
        assert "People · Acme &lt;Test&gt;</title>" in page
        assert page.count("mailto:") == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": "red"}, "unknown settings: karl.colour"),
        ({"page_size": "many"}, "karl.page_size must be a whole number above 0"),
        ({"theme": "karl.intranet:theme/none.xsl"}, "none.xsl"),
    ],
)
def test_wrong_settings(releases, filled, settings, message):
    """A wrong setting is told by name before anything is served."""
    filled.configure("karl.intranet", **settings)
    done = releases["karl-3.30"].run(
        "serve", "--revision", filled.folder, "--config", filled.config,
        "--bind", f"unix:{filled.folder / 'socket'}", check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert message in done.stderr


def test_themes_read_nothing_but_packages(releases, tmp_path):
    """A theme cannot read files or the network."""
    secret = tmp_path / "secret.xml"
    secret.write_text("<secret>4711</secret>")
    package = tmp_path / "evil"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "theme.xsl").write_text(
        '<xsl:stylesheet version="1.0" '
        'xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        f'<xsl:template match="/"><p><xsl:value-of select="document(\'{secret}\')"/>'
        "</p></xsl:template></xsl:stylesheet>"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from karl.intranet.theme import Theme\n"
        "from lxml import etree\n"
        "try:\n    print(Theme('evil:theme.xsl').apply(etree.XML('<page/>')))\n"
        "except etree.XSLTError as error:\n    print('refused', error)\n"
    )
    shown = releases["karl-3.30"].script(script, tmp_path)
    assert "4711" not in shown
