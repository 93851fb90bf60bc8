"""The settings of a site, as its ini file or its customization gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "karl."

DEFAULTS = {
    "karl.title": "KARL Intranet",
    "karl.tagline": "Find people, share knowledge",
    "karl.theme": "karl.intranet:theme/theme.xsl",
    "karl.stylesheets": "karl.intranet:static/karl.css",
    "karl.page_size": "20",
    "karl.upload_limit": "50000000",
}


@dataclass(frozen=True)
class SiteSettings:
    """What a customer can set.

    title: the name of the site, in its banner and in every page's title.
    tagline: the line beside it.
    theme: the asset specification of the XSLT that makes pages of content.
    stylesheets: asset specifications of the CSS files, each in a package's
        ``static`` folder, in the order in which browsers apply them.
    page_size: how many entries a list shows at once.
    upload_limit: the largest file that may be uploaded, in bytes.
    """

    title: str
    tagline: str
    theme: str
    stylesheets: tuple[str, ...]
    page_size: int
    upload_limit: int

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> SiteSettings:
        """The settings whose names start with ``karl.``; ValueError if wrong."""
        unknown = sorted(
            name
            for name in settings
            if name.startswith(PREFIX) and name not in DEFAULTS
        )
        if unknown:
            known = ", ".join(DEFAULTS)
            message = f"unknown settings: {', '.join(unknown)}; known are {known}"
            raise ValueError(message)
        values = {name: settings.get(name, DEFAULTS[name]) for name in DEFAULTS}
        return cls(
            title=values["karl.title"],
            tagline=values["karl.tagline"],
            theme=values["karl.theme"],
            stylesheets=tuple(values["karl.stylesheets"].split()),
            page_size=_positive("karl.page_size", values["karl.page_size"]),
            upload_limit=_positive("karl.upload_limit", values["karl.upload_limit"]),
        )


def _positive(name: str, value: str) -> int:
    if not value.strip().isdecimal() or int(value) < 1:
        message = f"{name} must be a whole number above 0, not {value!r}"
        raise ValueError(message)
    return int(value)
