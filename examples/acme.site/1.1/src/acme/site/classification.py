"""How freely a community's knowledge may be passed on."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.location import lineage
from pyramid.request import Request
from pyramid.response import Response

from karl.intranet import forms
from karl.intranet.content import Community
from karl.intranet.events import ContentAdded
from karl.intranet.html import h
from karl.intranet.page import Page, PageAssembled

DEFAULT = "internal"
LABELS = {
    "public": "Public",
    "internal": "Internal",
    "confidential": "Confidential",
}
FIELDS = (
    forms.Field(
        "classification", "Classification", "select", required=True, choices=LABELS
    ),
)


def includeme(config: Configurator) -> None:
    """Classify new communities, show it, and let people change it."""
    config.add_subscriber(classify_new, ContentAdded)
    config.add_subscriber(show, PageAssembled)
    config.add_view(classify, context=Community, name="classify", renderer="page")


def classify_new(event: ContentAdded) -> None:
    """Give a new community the usual classification."""
    if isinstance(event.content, Community):
        event.content.acme_classification = DEFAULT


def level_of(community: Community) -> str:
    """The classification of ``community``; empty if a program left it without."""
    return getattr(community, "acme_classification", "")


def show(event: PageAssembled) -> None:
    """Tell the theme the classification of the community that a page is of."""
    for location in lineage(event.context) if event.context else ():
        if isinstance(location, Community):
            level = level_of(location)
            label = LABELS.get(level, "Unclassified")
            href = event.request.resource_path(location, "@@classify")
            badge = h("classification", label, level=level, href=href)
            event.document.append(badge)


def classify(context: Community, request: Request) -> Page | Response:
    """The form for another classification."""
    stored = {"classification": level_of(context)}
    form = forms.Form(request, FIELDS, stored)
    if form.accepted:
        context.acme_classification = form["classification"]
        return HTTPSeeOther(request.resource_url(context))
    return form.page(f"Classify {context.title}", "Save", cancel=context)
