"""The addresses of people's websites, which always have their scheme."""

from __future__ import annotations

from urllib.parse import urlsplit


def with_scheme(website: str) -> str:
    """``website`` with ``https://`` before it, unless it is empty or has a scheme."""
    if not website or "://" in website:
        return website
    return f"https://{website}"


def is_web_address(website: str) -> bool:
    """Whether ``website`` is an address that a browser opens."""
    try:
        parts = urlsplit(website)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def host_of(website: str) -> str:
    """The host in an address with a scheme, without a leading ``www.``."""
    try:
        host = urlsplit(website).hostname
    except ValueError:
        host = None
    return (host or "").removeprefix("www.")
