"""Themes: the XSLT that turns a page document into the HTML of a site.

A theme is found by its asset specification, ``package:folder/file.xsl``. It may
import another one by ``asset:package:folder/file.xsl``, so that a customer's
theme says only what differs from the product's.
"""

from __future__ import annotations

import threading
from typing import Any

from lxml import etree
from pyramid.path import AssetResolver

SCHEME = "asset:"


class _AssetFiles(etree.Resolver):
    """Lets stylesheets import each other out of installed packages."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # noqa: ARG002
        if not system_url.startswith(SCHEME):
            return None
        return self.resolve_string(
            _read(system_url.removeprefix(SCHEME)), context, base_url=system_url
        )


def _read(specification: str) -> bytes:
    asset = AssetResolver(None).resolve(specification)
    with asset.stream() as stream:
        content: bytes = stream.read()
    return content


class Theme:
    """A compiled theme."""

    def __init__(self, specification: str) -> None:
        self.specification = specification
        self._source = _read(specification)
        self._local = threading.local()
        self._stylesheet()  # a broken theme fails at start, not at the first page

    def _stylesheet(self) -> etree.XSLT:
        # One per thread: lxml copies a stylesheet anew for every call from
        # another thread than the one that compiled it.
        try:
            stylesheet: etree.XSLT = self._local.stylesheet
        except AttributeError:
            parser = etree.XMLParser(
                resolve_entities=False, no_network=True, load_dtd=False
            )
            parser.resolvers.add(_AssetFiles())
            document = etree.fromstring(
                self._source, parser, base_url=SCHEME + self.specification
            )
            stylesheet = self._local.stylesheet = etree.XSLT(
                document, access_control=etree.XSLTAccessControl.DENY_ALL
            )
        return stylesheet

    def apply(self, page: etree._Element) -> bytes:
        """The HTML of ``page``."""
        result = self._stylesheet()(page)
        html: bytes = etree.tostring(
            result, method="html", encoding="utf-8", doctype="<!DOCTYPE html>"
        )
        return html
