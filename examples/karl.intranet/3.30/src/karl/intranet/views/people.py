"""The directory of people, and the profile of each."""

from __future__ import annotations

from lxml import etree
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from repoze.catalog.query import Eq

from karl.intranet import forms
from karl.intranet.catalog import Batch, find, says
from karl.intranet.content import People, Profile, site_of
from karl.intranet.countries import COUNTRIES
from karl.intranet.events import add_content, content_changed
from karl.intranet.html import Node, h, link, web_link
from karl.intranet.page import Page
from karl.intranet.views.lists import batches, facts, start_of

FIELDS = (
    forms.Field("first_name", "First name", required=True),
    forms.Field("last_name", "Last name", required=True),
    forms.Field("position", "Position"),
    forms.Field("email", "E-mail", "email"),
    forms.Field("website", "Website", hint="For example www.example.org"),
    forms.Field("country", "Country", "select", choices=COUNTRIES),
    forms.Field("biography", "About", "area", longest=10_000),
)


@view_config(context=People, renderer="page")
def people(context: People, request: Request) -> Page:
    """The directory, perhaps only of one country or of a name."""
    words, country = request.GET.get("q", ""), request.GET.get("country", "")
    query = Eq("kind", "person")
    if country in COUNTRIES:
        query &= Eq("country", country)
    if named := says(words):
        query &= named
    batch = find(
        site_of(context),
        query,
        start=start_of(request),
        size=request.site_settings.page_size,
    )
    return Page(
        context.title,
        [
            _filter(words, country, request),
            _directory(batch, request),
            batches(request, batch),
        ],
        actions=[(request.resource_path(context, "@@add"), "New person")],
    )


def _filter(words: str, country: str, request: Request) -> etree._Element:
    return h(
        "form",
        h(
            "input",
            type="search",
            name="q",
            value=words,
            aria_label="Name",
            placeholder="Name or position",
        ),
        forms.select(
            COUNTRIES,
            country,
            empty="Any country",
            name="country",
            aria_label="Country",
        ),
        h("button", "Show", type="submit"),
        action=request.path,
        class_="filter",
    )


def _directory(batch: Batch, request: Request) -> etree._Element:
    if not batch.items:
        return h("p", "Nobody found.", class_="empty")
    columns = ("Name", "Position", "E-mail", "Country")
    return h(
        "table",
        h("thead", h("tr", [h("th", column, scope="col") for column in columns])),
        h("tbody", [_row(person, request) for person in batch]),
        class_="people",
    )


def _row(person: Profile, request: Request) -> etree._Element:
    return h(
        "tr",
        h("td", link(request.resource_path(person), person.title)),
        h("td", person.position),
        h("td", _mail_link(person.email)),
        h("td", COUNTRIES.get(person.country, "")),
    )


def _mail_link(email: str) -> Node:
    return link(f"mailto:{email}", email) if email else None


@view_config(context=Profile, renderer="page")
def profile(context: Profile, request: Request) -> Page:
    """One person."""
    return Page(
        context.title,
        [
            facts(
                [
                    ("Position", context.position),
                    ("E-mail", _mail_link(context.email)),
                    ("Website", _website(context.website)),
                    ("Country", COUNTRIES.get(context.country, "")),
                ]
            ),
            h("p", context.biography) if context.biography else None,
            _same_website(context, request),
        ],
        actions=[(request.resource_path(context, "@@edit"), "Edit")],
    )


def _website(website: str) -> Node:
    address = website if "://" in website else f"http://{website}"
    return web_link(address, website) if website else None


def _same_website(context: Profile, request: Request) -> Node:
    """Others who gave the very same website: mostly, who work together."""
    if not context.website:
        return None
    found = find(site_of(context), Eq("website", context.website), size=12)
    others = [person for person in found if person.docid != context.docid]
    if not others:
        return None
    return [
        h("h2", "Also at this website"),
        h(
            "ul",
            [h("li", link(request.resource_path(p), p.title)) for p in others],
            class_="same-website",
        ),
    ]


@view_config(context=People, name="add", renderer="page")
def add_person(context: People, request: Request) -> Page | Response:
    """The form for a new person."""
    form = forms.Form(request, FIELDS)
    if form.accepted:
        new = Profile(**form.values)
        add_content(context, new, request)
        return HTTPSeeOther(request.resource_url(new))
    return form.page("New person", "Create", cancel=context)


@view_config(context=Profile, name="edit", renderer="page")
def edit_person(context: Profile, request: Request) -> Page | Response:
    """The form for changing a profile."""
    stored = {field.name: getattr(context, field.name) for field in FIELDS}
    form = forms.Form(request, FIELDS, stored)
    if form.accepted:
        for name, value in form.values.items():
            setattr(context, name, value)
        context.title = f"{context.first_name} {context.last_name}"
        content_changed(context)
        return HTTPSeeOther(request.resource_url(context))
    return form.page(f"Edit {context.title}", "Save", cancel=context)
