"""Pages for people: what a browser, a screen reader and a stranger make of them."""

from __future__ import annotations

import itertools
import re

import pytest
from support.browser import browsing

from karl.recipe.release.base import blocks, pages, publishing
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.pagestyle import DARK, LIGHT, READ

HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "</style></title><svg onload=alert(1)>",
    "\u202egnp.exe\x00\x1b[31m\ud800",
    "&lt;b&gt; &amp;",
    "x" * 5000,
    "http://elsewhere.example.org/x.css",
    "{color:red} ${x} %s {0}",
)

DAY = 86400.0


def everything(words: tuple[str, ...]) -> list[blocks.Block]:
    """Return a block of each kind that shows all of some texts."""
    steps = [
        {"name": word, "text": word, "at": 10.0 * n, "seconds": 10.0, "marked": n % 2}
        for n, word in enumerate(words)
    ]
    points = [(DAY * n, 1e9 + n * 1e6, word) for n, word in enumerate(words)]
    return [
        blocks.facts([(word, word) for word in words]),
        *map(blocks.note, words),
        blocks.listing(words[0], words),
        blocks.table(words[0], words, [words, words[:2]], numbers=(1,)),
        blocks.timeline(words[0], steps, (words[0], words[1])),
        blocks.chart(words[0], points),
    ]


def page_of(words: tuple[str, ...]) -> str:
    """Return a page that shows some texts in each place that there is."""
    items = [*map(blocks.problem, words), *map(blocks.notice, words)]
    card = f'<section class="card">{pages.blocks(everything(words), 4)}</section>'
    return pages.document(
        words[0],
        [
            pages.heading(1, words[0]),
            *(pages.paragraph(word) for word in words),
            pages.heading(2, "What needs attention"),
            pages.attention([(words[0], item) for item in items]),
            pages.heading(2, words[0]),
            pages.overview(words[0], words[:4], [words[:4]], ["card-1"]),
            pages.heading(3, words[0], "card-1"),
            f'<div class="cards">{card}{card}</div>',
        ],
    )


USUAL = ("acme-prod", "1.1", "writable", "2026-03-09 10:00", "812.4 MB", "all is well")


@pytest.fixture(scope="module")
def browser():
    """Give a browser."""
    with browsing() as found:
        yield found


@pytest.mark.parametrize("words", [USUAL, HOSTILE], ids=["usual", "hostile"])
@pytest.mark.parametrize("width", [360, 800, 1920])
def test_a_page_fits_and_is_quiet(browser, tmp_path, words, width):
    """On every screen all is seen without scrolling sideways, and nothing complains."""
    path = tmp_path / "page.html"
    path.write_text(page_of(words))
    seen = browser.show(path, width)
    assert browser.complaints == []
    assert seen["width"] == width
    assert seen["needs"] <= width
    assert seen["wide"] == []
    if words is USUAL:
        assert not any(seen["tables"])
    for word in words[:2]:
        assert word in seen["text"]
    assert browser.run("document.title") == words[0]
    assert browser.run("document.scripts.length") == 0
    assert browser.run("document.images.length") == 0


def test_paper_and_the_dark(browser, tmp_path):
    """A page in the dark is dark; on paper it is not, and fits it."""
    path = tmp_path / "page.html"
    path.write_text(page_of(USUAL))
    light, dark = browser.show(path), browser.show(path, dark=True)
    assert (light["background"], light["colour"]) == colours(LIGHT)
    assert (dark["background"], dark["colour"]) == colours(DARK)
    paper = browser.show(path, 700, dark=True, paper=True)
    assert (paper["background"], paper["colour"]) == colours(LIGHT)
    assert paper["needs"] <= 700
    assert browser.complaints == []


def colours(palette: dict[str, str]) -> tuple[str, str]:
    """Return how a browser tells paper and text."""
    return tuple(f"rgb{rgb(palette[name])}" for name in ("paper", "text"))


@pytest.mark.parametrize("width", [360, 1280])
def test_a_screen_reader_finds_its_way(browser, tmp_path, width):
    """Headings, tables, cells with their heads, and pictures are told, small or not."""
    path = tmp_path / "page.html"
    path.write_text(page_of(USUAL))
    browser.show(path, width)
    found = browser.roles()
    roles = [role for role, _ in found]
    assert ("heading", "What needs attention") in found
    for role in (
        "main",
        "table",
        "row",
        "rowheader",
        "columnheader",
        "cell",
        "caption",
    ):
        assert role in roles, role
    assert roles.count("table") == 5
    pictures = [name for role, name in found if role in {"image", "img"}]
    assert pictures == ["A line from acme-prod to all is well"] * 2
    levels = browser.run(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])"
    )
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def rgb(colour: str) -> tuple[int, ...]:
    """Return the parts of a colour."""
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def luminance(colour: str) -> float:
    """Return how bright a colour is, as WCAG 2 has it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in rgb(colour))
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", READ)
def test_everything_can_be_read(palette, name):
    """Each colour of text stands out from both backgrounds by 4.5 to 1 at least."""
    for ground in ("paper", "card"):
        pair = sorted((luminance(palette[name]), luminance(palette[ground])))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_nothing_is_fetched_or_run():
    """A page names no other place, has no script, and forbids both."""
    text = page_of(USUAL)
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:,)", text)
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text


def test_hostile_text_is_text():
    """What comes from elsewhere cannot leave its place, nor keep a page from disk."""
    text = page_of(HOSTILE)
    text.encode()
    for sign in ("<script", "<img", "onload=alert(1)>", "\u202e", "\x1b", "\x00"):
        assert sign not in text
    assert "x" * 601 not in text


@pytest.mark.parametrize(
    "block",
    [
        None, 7, "text", [], {}, {"kind": "table"}, {"kind": "unknown"},
        {"kind": "facts", "items": [["one"], 3, None, ["a", "b"]]},
        {"kind": "list", "title": None, "items": {"a": 1}},
        {"kind": "table", "title": [1], "heads": ["a"], "rows": [3, ["x", "y", "z"]]},
        {"kind": "table", "heads": ["a", "b"], "rows": [[]], "numbers": 5},
        {"kind": "timeline", "steps": [{"at": "1", "seconds": 2}, None]},
        {"kind": "timeline", "steps": [{"at": float("nan"), "seconds": 10**400}]},
        {"kind": "timeline", "steps": [{"at": 1e308, "seconds": 1e308}], "mark": 3},
        {"kind": "timeline", "steps": [{"at": -5, "seconds": -7, "name": {}}]},
        {"kind": "chart", "points": [[1, 2], [True, 1, "x"], [None, 1, "y"]]},
        {"kind": "chart", "points": [[1, -2, "a"], [1, -3, "b"]]},
        {"kind": "chart", "title": 3, "points": [[0, 0, None], [0, 0, None]]},
        {"kind": ["facts"]},
    ],
)  # fmt: skip
def test_a_block_of_any_form_is_written_or_left_out(block):
    """What another host tells in a wrong form makes no page fail, nor a picture."""
    text = pages.blocks([block], 3)
    assert "nan" not in text
    assert "inf" not in text
    assert pages.blocks(block, 3) == ""


def test_problems_come_first_and_are_called_so():
    """What is wrong stands above what is only to be known, and in words."""
    text = pages.attention(
        [("a", blocks.notice("later")), ("b", blocks.problem("now"))]
    )
    assert text.index("<b>Problem.</b> b: now") < text.index("<b>Notice.</b> a: later")
    assert "all is well" in pages.attention([])


def test_a_page_is_not_for_everybody(tmp_path):
    """A page is replaced, and can be read by its owner and the folder's group alone."""
    path = tmp_path / "page.html"
    path.write_text("before")
    path.chmod(0o666)
    assert publishing.publish(publishing.place(str(path), None), "now") == str(path)
    assert path.read_text() == "now"
    assert path.stat().st_mode & 0o777 == 0o640
    for wrong in (tmp_path, tmp_path / "no" / "page.html"):
        with pytest.raises(RefusedError):
            publishing.place(str(wrong), None)
    assert publishing.publish(publishing.place(None, None), "x") is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "-"), (0.04, "0.0 s"), (119.9, "119.9 s"), (125, "2 min 5 s"),
     (7260, "2 h 1 min"), (864000, "10 days")],
)  # fmt: skip
def test_spans_of_time(seconds, told):
    """How long something took is told in the units that people use for it."""
    assert blocks.span(seconds) == told


def test_times_that_cannot_be():
    """A time that is none is told as none."""
    for wrong in (None, 1e300, float("nan"), "x"):
        assert blocks.moment(wrong) == "-"  # type: ignore[arg-type]
