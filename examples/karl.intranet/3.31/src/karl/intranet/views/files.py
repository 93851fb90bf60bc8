"""The files of a community: the list, upload and download."""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import FileIter, Response
from pyramid.traversal import resource_path
from pyramid.view import view_config
from repoze.catalog.query import Eq

from karl.intranet import forms
from karl.intranet.catalog import find
from karl.intranet.content import Files, StoredFile, site_of
from karl.intranet.events import add_content
from karl.intranet.html import day, link, size
from karl.intranet.page import Page
from karl.intranet.views.lists import batches, facts, listing, start_of

FIELDS = (
    forms.Field("file", "File", "file", required=True),
    forms.Field("title", "Title", hint="Without one, the name of the file"),
)


@view_config(context=Files, renderer="page")
def files(context: Files, request: Request) -> Page:
    """All files of a community."""
    batch = find(
        site_of(context),
        Eq("kind", "file") & Eq("within", resource_path(context)),
        start=start_of(request),
        size=request.site_settings.page_size,
    )
    return Page(
        context.title,
        [listing(request, batch), batches(request, batch)],
        actions=[(request.resource_path(context, "@@add"), "Upload a file")],
    )


@view_config(context=StoredFile, renderer="page")
def stored_file(context: StoredFile, request: Request) -> Page:
    """What is known of a file."""
    download = request.resource_path(context, "@@download")
    return Page(
        context.title,
        facts(
            [
                ("File", link(download, context.filename)),
                ("Size", size(context.size)),
                ("Type", context.media_type),
                ("Uploaded", day(context.created)),
            ]
        ),
        actions=[(download, "Download")],
    )


@view_config(context=StoredFile, name="download")
def download(context: StoredFile, request: Request) -> Response:  # noqa: ARG001
    """The bytes of a file, always to be saved, never shown within the site."""
    # surrogates cannot be encoded, and a filename may hold anything
    name = quote(context.filename.encode("utf-8", "replace"), safe="")
    return Response(
        app_iter=FileIter(context.blob.open("c")),
        content_length=context.size,
        content_type="application/octet-stream",
        content_disposition=f"attachment; filename*=UTF-8''{name}",
    )


@view_config(context=Files, name="add", renderer="page")
def upload(context: Files, request: Request) -> Page | Response:
    """The form for uploading a file."""
    form = forms.Form(request, FIELDS)
    if form.accepted:
        sent = request.POST["file"]
        filename = base_name(sent.filename)
        media_type = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        new = StoredFile(form["title"] or filename, filename, media_type)
        limit = request.site_settings.upload_limit
        try:
            new.write(sent.file, limit)
        except ValueError:
            form.refuse("file", f"At most {size(limit)}, please.")
        else:
            add_content(context, new, request)
            return HTTPSeeOther(request.resource_url(new))
    return form.page("Upload a file", "Upload", cancel=context)


def base_name(filename: str) -> str:
    """The last part of what a browser says the file is called."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return last.strip()[:200] or "file"
