"""Reading from the web: credentials kept to their host, loopback never proxied."""

from __future__ import annotations

import base64
import contextlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from karl.recipe.release.base.errors import UsageError

_TIMEOUT = 60.0
_CHUNK = 1 << 16

#: Seconds that a page, or each 10 MB of a file, may take in all.
LONGEST = 300.0
_PART = 10 << 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SCHEMES = ("https", "http")


class _Answer(http.client.HTTPResponse):
    """What :func:`opened` gives; urllib adds the URL it came from."""

    url: str
    headers: Message  # type: ignore[assignment]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to web addresses only; credentials do not go along."""

    def redirect_request(self, *words: object) -> urllib.request.Request | None:
        request = super().redirect_request(*words)  # type: ignore[arg-type]
        if request is not None:
            checked(request.full_url)
        return request


def checked(url: str) -> SplitResult:
    """Return the parts of a web address.

    :raises UsageError: it is none: malformed, or file:, ftp: and the like.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or any(not letter.isprintable() or letter == " " for letter in url):
        raise UsageError(
            f"{without_credentials(url)} is not a web address.",
            "Give the https URL of a simple index, or correct pip's index-url.",
        )
    return parts


def without_credentials(url: str) -> str:
    """Return a URL as it may be shown: no user, no password."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def with_credentials(url: str, registry: str) -> str:
    """Return *url* with the credentials of *registry*, if it is on the same host."""
    parts, origin = checked(url), checked(registry)
    place = origin.netloc.rpartition("@")[2]
    if (parts.scheme, parts.netloc) != (origin.scheme, place):
        return url
    return urlunsplit(parts._replace(netloc=origin.netloc))


def chunks(answer: _Answer) -> Iterator[bytes]:
    """Yield what an answer has, bit by bit.

    :raises OSError: it takes longer than any honest answer.
    """
    start = time.monotonic()
    count = 0
    while chunk := answer.read1(_CHUNK):
        count += len(chunk)
        if time.monotonic() - start > LONGEST * (1 + count // _PART):
            raise OSError(f"the answer takes too long: {count} bytes so far")
        yield chunk


def announced_size(answer: _Answer) -> int:
    """Return how many bytes an answer says it has; 0 if it does not say.

    :raises ValueError: what it says is no number.
    """
    return int(answer.headers.get("Content-Length") or 0)


@contextlib.contextmanager
def opened(url: str, accept: str = "*/*") -> Iterator[_Answer]:
    """Open a web address for reading.

    :raises OSError: it cannot be read; also for what breaks HTTP's rules.
    """
    parts = checked(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Accept": accept, "User-Agent": "karl.recipe.release"}
    request = urllib.request.Request(bare, headers=headers)  # noqa: S310  # checked
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = base64.b64encode(secret.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    handlers: list[urllib.request.BaseHandler] = [_Redirects()]
    if parts.hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        raise
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"the answer breaks the rules of HTTP ({error!r})") from error
