"""What people do with the product."""

from __future__ import annotations

import html
import json
import re
import urllib.parse

import pytest

HOSTILE = """<script>alert(1)</script> & "quoted"

* <img src=x onerror=alert(1)>
* [[<b>page</b>]] javascript:alert(1) https://ok.example/?a=1&b="x

**<i>strong</i>** \x00\x08 ]]> {{7*7}} <xsl:value-of select="1"/>
"""


@pytest.fixture
def browser(serve, releases, filled):
    """Someone at a site of release 3.30 with 200 documents."""
    with serve(releases["karl-3.30"], filled) as browser:
        yield browser


def a_community(browser) -> str:
    """The address of a community."""
    links = browser.links("/communities/")
    return next(
        link for link in links if re.fullmatch("/communities/[a-z0-9-]+/", link)
    )


def test_health(browser):
    """/healthz answers 200 with release, software and database version."""
    reply = browser.get("/healthz")
    assert reply.status == 200
    assert json.loads(reply.text) == {
        "status": "ok",
        "evolved": True,
        "packages": {
            "karl.intranet": {"release": "3.30", "software": 0, "database": 0}
        },
    }


def test_every_link_works_and_reading_writes_nothing(browser, filled):
    """Whatever one can click on answers, and nothing of it changes the database."""
    before = filled.data.read_bytes()
    seen = {"/"}
    waiting = ["/"]
    while waiting and len(seen) < 400:
        for link in browser.links(waiting.pop()):
            if link not in seen:
                seen.add(link)
                assert browser.get(link).status == 200, link
                if "download" not in link and "static" not in link:
                    waiting.append(link)
    assert len(seen) > 100
    assert any("@@edit" in link for link in seen)
    assert filled.data.read_bytes() == before


def test_writing_a_page(browser):
    """A new wiki page can be read, found, and changed, and links to its neighbour."""
    wiki = a_community(browser)
    created = browser.send(
        f"{wiki}wiki/@@add",
        title="Zanzibar trip",
        text="We went to [[No such page]].",
        tags="Travel, islands",
    )
    assert created.status == 200
    assert created.url.endswith("/wiki/zanzibar-trip/")
    assert "@@add?title=No+such+page" in created.text
    assert "Zanzibar trip" in browser.get("/search?q=zanzibar").text
    assert "Zanzibar trip" in browser.get("/search?tag=travel").text
    path = urllib.parse.urlsplit(created.url).path
    changed = browser.send(
        f"{path}@@edit", title="Pemba trip", text="Now elsewhere.", tags=""
    )
    assert "Now elsewhere." in changed.text
    assert "Pemba trip" in browser.get("/search?q=elsewhere+pemba").text
    assert "trip" not in browser.get("/search?q=zanzibar").text
    assert "trip" not in browser.get("/search?tag=travel").text
    assert "Pemba trip" in browser.get("/").text


def test_new_community_and_person(browser):
    """A community and a person can be added and are found."""
    community = browser.send(
        "/communities/@@add", title="Äpfel & Birnen", description="Fruit"
    )
    assert community.url.endswith("/communities/apfel-birnen/")
    again = browser.send("/communities/@@add", title="Äpfel & Birnen", description="")
    assert again.url.endswith("/communities/apfel-birnen-2/")
    person = browser.send(
        "/people/@@add", first_name="Zoltán", last_name="Žižek", country="HU",
        email="z@example.org", website="www.example.org", position="", biography="",
    )  # fmt: skip
    assert 'href="http://www.example.org"' in person.text, person.text
    assert "Zoltán Žižek" in browser.get("/people/?q=Zolt%C3%A1n&country=HU").text
    assert "Nobody found" in browser.get("/people/?q=Zolt%C3%A1n&country=DE").text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("last_name", " ", "Please fill this in."),
        ("email", "nobody", "That is not an e-mail address."),
        ("country", "XX", "Please choose one from the list."),
        ("position", "x" * 201, "At most 200 characters, please."),
    ],
)
def test_wrong_entries(browser, field, value, message):
    """A form with a wrong entry comes back with what was entered and why not."""
    entries = {"first_name": "Q<u>o", "last_name": "Z", field: value}
    reply = browser.send("/people/@@add", **entries)
    assert reply.status == 422
    assert message in reply.text
    assert 'value="Q&lt;u&gt;o"' in reply.text


def test_hostile_text_is_text(browser):
    """Markup in titles, texts and tags is shown, never obeyed."""
    wiki = a_community(browser)
    reply = browser.send(
        f"{wiki}wiki/@@add", title=HOSTILE.strip()[:150], text=HOSTILE, tags="<s>,x"
    )
    assert reply.status == 200
    pages = [
        reply,
        browser.get("/"),
        browser.get(wiki),
        browser.get("/search?q=alert"),
        browser.get(reply.url + "@@edit"),
        browser.get("/search?q=<b>&tag=<s>"),
    ]
    for page in pages:
        assert page.status == 200
        for tag in (
            "<script",
            "<img",
            "<b>",
            "<i>",
            "<s>",
            "<xsl",
            'onerror=alert(1)"',
        ):
            assert tag not in page.text, tag
        assert 'href="javascript:' not in page.text
    assert "<script>alert(1)</script>" in html.unescape(reply.text)
    assert "script-src 'none'" in reply.headers["Content-Security-Policy"]


def test_hostile_website_is_no_link(browser):
    """A website of another kind than a web address is never a link."""
    for website in ("javascript://x%0aalert(1)", "data:text/html,x", "http://[broken"):
        person = browser.send(
            "/people/@@add", first_name="A", last_name="B", website=website
        )
        assert person.status == 200
        assert 'href="javascript' not in person.text
        assert 'href="data' not in person.text


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("C:\\Users\\me\\plan.doc", "plan.doc"),
        ("../../etc/passwd", "passwd"),
        ("<script>alert(1)<\\script>.html", "script&gt;.html"),
        ("naïve %0d%0aX-Evil: 1.txt", "naïve %0d%0aX-Evil: 1.txt"),
        ("...", "..."),
    ],
)
def test_upload_and_download(browser, filename, shown):
    """A file comes back byte for byte, to be saved, under the name that it had."""
    content = b"<html><script>alert(1)</script>\x00\xff" * 5000
    files = a_community(browser)
    page = browser.upload(f"{files}files/@@add", filename, content, title="")
    assert page.status == 200
    assert shown in page.text
    assert "<script" not in page.text
    reply = browser.get(page.url + "@@download")
    assert reply.body == content
    assert reply.headers["Content-Type"].startswith("application/octet-stream")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    disposition = reply.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert "X-Evil" not in reply.headers
    name = urllib.parse.unquote(disposition.rpartition("''")[2])
    assert html.escape(name, quote=False) == page.text.partition('@@download">')[
        2
    ].partition("<")[0] or shown in html.escape(name)


def test_upload_limit(serve, releases, filled):
    """A file above the limit is refused with the reason, and nothing is stored."""
    filled.configure("karl.intranet", upload_limit="1000")
    with serve(releases["karl-3.30"], filled) as browser:
        before = filled.data.stat().st_size
        files = a_community(browser)
        reply = browser.upload(f"{files}files/@@add", "big.bin", b"x" * 1001, "Big")
        assert reply.status == 422
        assert "At most 1.0 kB, please." in reply.text
        assert filled.data.stat().st_size == before


def test_forged_forms_are_refused(browser, filled):
    """A form without the token of this browser is refused and changes nothing."""
    before = filled.data.read_bytes()
    for token in ("", "guessed"):
        reply = browser.post("/communities/@@add", {"title": "Evil"}, token=token)
        assert reply.status == 400
        assert "Please send the form again" in reply.text
    assert filled.data.read_bytes() == before


@pytest.mark.parametrize(
    "query",
    ["", "q=the", "q=and+or+not", "q=%22", "q=*", "q=water+%22", "kind=no&q=water",
     "q=water&start=-1", "q=water&start=999999999", "q=water&start=" + "9" * 40,
     "tag=%00", "q=%ff", "q=%00&kind=%ff"],
)  # fmt: skip
def test_odd_searches(browser, query):
    """No search, however odd, is an error."""
    assert browser.get(f"/search?{query}").status in {200, 400}


def test_batches(browser):
    """Long lists come in batches that lead from one to the next."""
    first = browser.get("/search?q=committee").text
    assert "1\N{EN DASH}20 of" in first
    following = next(
        link for link in browser.links("/search?q=committee") if "start=20" in link
    )
    assert "21\N{EN DASH}40 of" in browser.get(following).text


def test_unknown_address(browser):
    """An address where nothing is answers 404 with a page of the site."""
    reply = browser.get("/communities/nothing/here")
    assert reply.status == 404
    assert "There is no such page" in reply.text
