"""What happens to content, told to whoever subscribes to it in Pyramid."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.request import Request

from karl.intranet import catalog
from karl.intranet.content import Content, Folder, now
from karl.intranet.names import free_name


@dataclass(frozen=True)
class ContentAdded:
    """Event: ``content`` is new, and in its place, but not indexed yet."""

    content: Content
    request: Request


def add_content(folder: Folder, content: Content, request: Request) -> None:
    """Put ``content`` into ``folder`` under a name made of its title."""
    folder.add(free_name(content.title, folder), content)
    request.registry.notify(ContentAdded(content, request))
    catalog.index(content)


def content_changed(content: Content) -> None:
    """Note that someone has edited ``content``."""
    content.modified = now()
    catalog.reindex(content)
