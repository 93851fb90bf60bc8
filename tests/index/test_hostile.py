"""Registries that lie, break or vanish, and names that try to get in."""

from __future__ import annotations

import hashlib
import http.server
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import pytest
from support.registries import Registry, public_registry
from support.wheels import make_wheel

from karl.recipe.release.base.errors import (
    DamagedError,
    KarlError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.packages import File
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch, web
from karl.recipe.release.indexes.request import IndexRequest
from karl.recipe.release.indexes.simpleapi import project_urls

Reply = Callable[[http.server.BaseHTTPRequestHandler], None]


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    reply: Reply
    seen: list[tuple[str, str | None]]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        self.server.reply(self)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    """A web server that answers whatever the test wants."""
    with _Server(("127.0.0.1", 0), _Handler) as found:
        found.seen = []
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def url(server: _Server, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{server.server_address[1]}/simple/"


def page(body: bytes, kind: str = "application/vnd.pypi.simple.v1+json") -> Reply:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def raw(body: bytes) -> Reply:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(body)
        handler.close_connection = True

    return reply


@pytest.mark.parametrize(
    "reply",
    [
        page(b"{"),
        page(b"[]"),
        page(b'{"files": 5}'),
        page(b'{"files": [{"filename": "x"}]}'),
        page(b'{"files": [{"filename": "x", "url": 5}]}'),
        page(b'{"files": [{"filename": "x", "url": "http://[::1/x"}]}'),
        page(b"[" * 200_000),
        page(b"\xff\xfe", "text/html"),
        raw(b"garbage\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nshort"),
        raw(b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n"),
        raw(b""),
    ],
)
def test_a_broken_page_is_one_clear_error(server, reply):
    """Whatever a registry answers instead of a page, the error says so, typed."""
    server.reply = reply
    with pytest.raises(UnreachableError):
        project_urls(url(server), "one")


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "http://h:notaport/x", "http://a b/x"],
)
def test_only_web_addresses_are_opened(server, address):
    """A page that refers to a file or to nonsense is refused, never followed."""
    server.reply = page(
        f'{{"files": [{{"filename": "one-1.0.tar.gz", "url": "{address}"}}]}}'.encode()
    )
    found = project_urls(url(server), "one")
    with pytest.raises(UsageError), web.opened(found["one-1.0.tar.gz"]):
        raise AssertionError("it was opened")


def test_a_redirect_to_a_file_is_not_followed(server):
    """A registry cannot make us read this machine's files."""
    server.reply = raw(
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    with pytest.raises(KarlError):
        project_urls(url(server), "one")


def test_html_pages_are_read_too(server):
    """A mirror that knows HTML only (PEP 503) serves as well."""
    server.reply = page(
        b"<a href='../../f/one-1.0.tar.gz#sha256=ab'>one</a>", "text/html"
    )
    found = project_urls(url(server), "one")
    assert list(found) == ["one-1.0.tar.gz"]
    assert found["one-1.0.tar.gz"].endswith("/f/one-1.0.tar.gz")


def test_credentials_go_to_their_host_and_into_no_message(server):
    """User and password are sent as Basic authentication, and never shown."""
    server.reply = page(b'{"files": []}')
    project_urls(url(server, "me:S3CRET@"), "one")
    assert server.seen[0][1] == "Basic bWU6UzNDUkVU"
    server.reply = raw(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UnreachableError) as caught:
        project_urls(url(server, "me:S3CRET@"), "one")
    assert "S3CRET" not in str(caught.value)
    with pytest.raises(UsageError) as refused:
        project_urls("ftp://me:S3CRET@host.invalid/simple", "one")
    assert "S3CRET" not in str(refused.value)


def test_a_download_that_breaks_off_is_tried_again(server, software, tmp_path):
    """A connection that ends early is no tampering: it is tried again."""
    path = make_wheel(tmp_path, "one", "1.0")
    data = path.read_bytes()

    file = File(
        path.name,
        hashlib.sha256(data).hexdigest(),
        len(data),
        url=urllib.parse.urljoin(url(server), "/f"),
    )
    short = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data)
    answers = iter([raw(short + data[:9]), page(data, "application/zip")])
    server.reply = lambda handler: next(answers)(handler)  # noqa: PLW0108
    pool = Pool(software)
    assert fetch.fill(pool, [file], fetch.Source("http://127.0.0.1:9/")) == [file]
    assert pool.checked(file).read_bytes() == data


def test_no_proxy_hears_of_private_names(
    frozen, registry, software, server, monkeypatch, tmp_path
):
    """With a proxy configured, what is on this machine is not asked through it."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, url(server).removesuffix("/simple/"))
    server.reply = raw(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    Pool(software).add(make_wheel(tmp_path, "acme.site", "1.0"))
    make_wheel(registry.folder, "one", "1.0")
    frozen("acme/1.0", "acme.site", "one", private=("acme.*",))
    assert server.seen == []


@pytest.mark.parametrize("spelling", ["Acme_Site", "ACME.site", "acme--site"])
def test_every_spelling_of_a_private_name_is_private(
    frozen, registry, software, tmp_path, spelling
):
    """Names are compared as PEP 503 normalises them, in patterns too."""
    Pool(software).add(make_wheel(tmp_path, "acme.site", "1.0"))
    make_wheel(registry.folder, "acme-site", "99.0")
    make_wheel(registry.folder, "one", "1.0", requires=["ACME__site"])
    patterns = ("karl.* acme.*",)
    index = frozen("acme/1.0", "one", spelling.replace("--", "-"), private=patterns)
    assert index.lock.by_name()["acme-site"].version == "1.0"
    assert index.lock.private == ("acme.*", "karl.*")
    assert "acme-site" not in registry.asked


@pytest.mark.parametrize("pattern", ["acme;*", "acme/*", "[acme]", "acme.*\x00"])
def test_patterns_that_match_no_name_are_refused(pattern):
    """A pattern that could never match would protect nothing: it is an error."""
    request = IndexRequest(IndexName("a", "1"), ("one",), private=(pattern,))
    with pytest.raises(UsageError, match="cannot match any name"):
        request.checked()


def test_what_a_registry_gave_never_passes_for_ours(frozen, registry):
    """A stranger's file, once pooled under our name, is not served as private."""
    make_wheel(registry.folder, "acme.site", "99.0")
    frozen("careless/1.0", "acme.site")
    with pytest.raises(RefusedError, match="acme-site was not found"):
        frozen("acme/1.0", "acme.site", private=("acme.*",))


def test_one_index_protects_the_names_of_all(frozen, registry, software, tmp_path):
    """An index that forgets to declare another's private names is refused."""
    Pool(software).add(make_wheel(tmp_path, "acme.site", "1.0"))
    frozen("acme/1.0", "acme.site", private=("acme.*",))
    make_wheel(registry.folder, "acme.site", "99.0")
    registry.asked.clear()
    with pytest.raises(RefusedError, match="declares such names as private"):
        frozen("careless/1.0", "acme.site")
    assert registry.asked == []


def test_a_damaged_wheel_of_ours_is_named(frozen, software, tmp_path):
    """A pooled wheel that was cut off is the error, not what the resolver saw."""
    path = Pool(software).add(make_wheel(tmp_path, "acme.site", "1.0"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DamagedError, match=r"acme_site-1\.0"):
        frozen("acme/1.0", "acme.site", private=("acme.*",))


def test_a_cut_off_file_of_the_pool_is_named_at_once(frozen, registry, software):
    """A pooled file of the wrong size is the error, with the way out, unfetched."""
    make_wheel(registry.folder, "one", "1.0")
    index = frozen("team/1.0", "one")
    pool = Pool(software)
    (file,) = index.lock.by_name()["one"].wheels
    pool.path(file).chmod(0o644)
    pool.path(file).write_bytes(b"short")
    registry.asked.clear()
    with pytest.raises(DamagedError, match="not the size"):
        fetch.fill(pool, [file], fetch.source_of(index.lock, registry.url))
    assert registry.asked == []


def test_files_beside_the_pages_get_the_credentials_too(server, software, tmp_path):
    """Credentials of the registry go with downloads from the same host, only."""
    data = make_wheel(tmp_path, "one", "1.0").read_bytes()
    name = "one-1.0-py3-none-any.whl"
    listing = page(
        f'{{"files": [{{"filename": "{name}", "url": "/f/{name}"}}]}}'.encode()
    )

    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        (page(data) if handler.path.startswith("/f/") else listing)(handler)

    server.reply = reply
    file = File(name, hashlib.sha256(data).hexdigest(), len(data))
    source = fetch.Source(url(server, "me:S3CRET@"))
    assert fetch.fill(Pool(software), [file], source) == [file]
    assert [secret for _, secret in server.seen] == ["Basic bWU6UzNDUkVU"] * 2
    elsewhere = web.with_credentials("http://other.invalid/f", url(server, "me:x@"))
    assert elsewhere == "http://other.invalid/f"


def test_what_drips_is_given_up(server, monkeypatch):
    """An answer that is slower than any real one ends after a time limit."""
    monkeypatch.setattr(web, "LONGEST", 0.2)

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n")
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    server.reply = drip
    with pytest.raises(UnreachableError, match="takes too long"):
        project_urls(url(server), "one")


@pytest.mark.parametrize("taken", ["folder", "file"])
def test_a_place_that_is_taken_is_refused_at_once(frozen, registry, software, taken):
    """Where something else stands at the index's place, nothing is even resolved."""
    place = software.indexes / "team" / "1.0"
    place.parent.mkdir(parents=True)
    if taken == "file":
        place.write_text("")
    else:
        (place / "notes").mkdir(parents=True)
    with pytest.raises(RefusedError, match="is not an index"):
        frozen("team/1.0", "one")
    assert registry.asked == []


def test_offline_asks_nobody(software, tmp_path):
    """Offline, what the pool lacks is an error that lists it."""
    with public_registry(tmp_path / "public") as registry:
        assert isinstance(registry, Registry)
        file = File("one-1.0-py3-none-any.whl", "0" * 64, 1)
        source = fetch.Source(registry.url, offline=True)
        with pytest.raises(RefusedError, match="nothing may be fetched offline"):
            fetch.fill(Pool(software), [file], source)
        assert registry.asked == []


def test_a_full_scratch_folder_is_not_the_network(server, software, monkeypatch):
    """No room for a download is told as such, at once, not as a network problem."""
    server.reply = page(b"x" * 100_000, "application/zip")
    file = File("one-1.0-py3-none-any.whl", "0" * 64, 100_000, url=url(server) + "f")

    def full(*_: object) -> None:
        raise RefusedError("A download cannot be written to /full", "Make room.")

    monkeypatch.setattr(fetch, "_keep", full)
    with pytest.raises(RefusedError, match="cannot be written"):
        fetch.fill(Pool(software), [file], fetch.Source(url(server)))
    assert len(server.seen) == 1
