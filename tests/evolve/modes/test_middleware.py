"""What the middleware does to requests, in each mode."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from karl.recipe.evolve.modes.middleware import ModeMiddleware
from karl.recipe.evolve.modes.state import MODES, Mode

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
SAFE = METHODS[:3]


class ReadOnlyError(Exception):
    """As ZODB calls it; the real one need not be there."""


ReadOnlyError.__module__ = "ZODB.POSException"


class ClientDisconnected(Exception):  # noqa: N818  # its real name
    pass


ClientDisconnected.__module__ = "ZEO.Exceptions"


class Closing:
    """A body that tells how often it was closed."""

    def __init__(self, pieces, error=None):
        self.pieces = iter(pieces)
        self.error = error
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        for piece in self.pieces:
            return piece
        if self.error:
            raise self.error
        raise StopIteration

    def close(self):
        self.closed += 1


class Answer:
    """What a server has received, as a strict one."""

    def __init__(self):
        self.status = ""
        self.headers = {}
        self.body = b""
        self.sent = False
        self.starts = 0

    def start_response(self, status, headers, exc_info=None):
        if exc_info:
            if self.sent:
                raise exc_info[1]
        else:
            assert not self.status, "start_response was called twice"
        self.starts += 1
        self.status, self.headers = status, dict(headers)
        return self.write

    def write(self, data):
        assert self.status, "nothing was begun"
        self.sent = self.sent or bool(data)
        self.body += data


def ask(app, method="GET", path="/", **environ):
    """Have a request answered, as a server does."""
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        **environ,
    }
    setup_testing_defaults(request)
    request.update({"REQUEST_METHOD": method, "PATH_INFO": path})
    answer = Answer()
    result = app(request, answer.start_response)
    try:
        for piece in result:
            answer.write(piece)
    finally:
        close = getattr(result, "close", None)
        if close:
            close()
    return answer


def fail(error):
    raise error


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.fixture
def mode(tmp_path):
    """What changes the mode."""

    def change(name, **more):
        partial = tmp_path / "partial"
        partial.write_text(Mode(name, **more).to_text())
        partial.rename(tmp_path / "state.json")

    return change


@pytest.fixture
def wrap(tmp_path):
    """What wraps an application."""
    return lambda app, **more: ModeMiddleware(app, tmp_path / "state.json", **more)


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("method", METHODS)
def test_methods(wrap, mode, name, method):
    """Each mode lets exactly those methods pass that it should, as WSGI wants it."""
    mode(name)
    found = ask(validator(wrap(validator(hello))), method)
    passes = name == "normal" or (name == "read-only" and method in SAFE)
    assert found.status == ("200 OK" if passes else "503 Service Unavailable")
    if not passes:
        assert found.headers["Retry-After"] == "60"
        assert found.headers["Cache-Control"] == "no-store"
        length = int(found.headers["Content-Length"])
        assert len(found.body) == (0 if method == "HEAD" else length)


def test_health_in_maintenance(wrap, mode):
    """In maintenance only the health path is answered, and only to be read."""
    mode("maintenance")
    app = wrap(hello, health_paths=["/healthz"])
    assert ask(app, "GET", "/healthz").status == "200 OK"
    assert ask(app, "HEAD", "/healthz/").status == "200 OK"
    for method, path in (
        ("POST", "/healthz"), ("OPTIONS", "/healthz"), ("GET", "/healthz/x"),
        ("GET", "//healthz"), ("GET", "/"),
    ):  # fmt: skip
        assert ask(app, method, path).status.startswith("503")


def test_safe_posts(wrap, mode):
    """While read-only, one may post to the paths that are named, and no further."""
    mode("read-only")
    app = wrap(hello, safe_posts=["/login", "/ä"])
    assert ask(app, "POST", "/login").status == "200 OK"
    assert ask(app, "POST", "/ä".encode().decode("latin-1")).status == "200 OK"
    assert ask(app, "POST", "/login/x").status.startswith("503")
    assert ask(app, "PUT", "/login").status.startswith("503")
    mode("maintenance")
    assert ask(app, "POST", "/login").status.startswith("503")


def test_mounted_elsewhere(wrap, mode):
    """A path is the whole path, wherever the application is mounted."""
    mode("maintenance")
    app = wrap(hello, health_paths=["/site/healthz"])
    assert ask(app, "GET", "/healthz", SCRIPT_NAME="/site").status == "200 OK"


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("", False), ("*/*", False), ("text/html,*/*;q=0.8", False),
        ("application/json", True), ("application/json, text/plain, */*", True),
        ("text/html, application/json", True),
        ("text/html, application/json;q=0.5", False),
        ("application/problem+json", True), ("application/json;q=0", False),
        ("application/json;q=nonsense", False), (",;,", False),
    ],
)  # fmt: skip
def test_programs_get_json(wrap, mode, accept, is_json):
    """A client that wants JSON gets it; others get a page."""
    mode("read-only", message="Back at <noon>", retry_after=7)
    found = ask(wrap(hello), "POST", HTTP_ACCEPT=accept)
    assert found.headers["Retry-After"] == "7"
    if is_json:
        document = json.loads(found.body)
        assert document["error"] == "read-only"
        assert document["message"] == "Back at <noon>"
        assert document["retry_after"] == 7
    else:
        assert found.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"Back at &lt;noon&gt;" in found.body


def test_own_page_is_complete(wrap, mode):
    """The built-in page needs nothing from elsewhere."""
    mode("read-only")
    found = ask(wrap(hello), "POST")
    for word in (b"src=", b"href=", b"url(", b"<script", b"${"):
        assert word not in found.body
    assert found.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_customers_page(wrap, mode, tmp_path):
    """The customer's page is sent as it is now, with what it wants filled in."""
    page = tmp_path / "page.html"
    page.write_text("<p>${message} ${retry_after} ${other} $5 ${")
    mode("maintenance", message="<b> ${retry_after}")
    app = wrap(hello, page=page, retry_after=90)
    assert ask(app).body == b"<p>&lt;b&gt; ${retry_after} 90 ${other} $5 ${"
    page.write_text("changed")
    assert ask(app).body == b"changed"
    page.write_bytes(b"\xff")
    assert b"Back in a moment" in ask(app).body
    page.unlink()
    assert b"Back in a moment" in ask(app).body


def raising(error, *, start=False, write=b""):
    """Return an application that fails."""

    def app(environ, start_response):
        if start:
            put = start_response("200 OK", [("Content-Type", "text/plain")])
            if write:
                put(write)
        raise error

    return app


def wrapped(error, inner):
    """Return *error* as it is raised because of *inner*."""
    error.__cause__ = inner
    return error


def in_context(error, inner):
    error.__context__ = inner
    return error


class Sql(Exception):  # noqa: N818  # its real name is another
    sqlstate = "42501"


READ_ONLY = [
    ReadOnlyError("no"),
    type("Sub", (ReadOnlyError,), {})("no"),
    wrapped(ValueError("x"), ReadOnlyError("no")),
    wrapped(ValueError("x"), wrapped(KeyError("y"), ReadOnlyError("no"))),
    in_context(ValueError("x"), ReadOnlyError("no")),
    ExceptionGroup("several", [ValueError("x"), ReadOnlyError("no")]),
    Sql("no"),
    Exception({"C": "25006"}),
]


@pytest.mark.parametrize("name", ["normal", "read-only"])
@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("error", READ_ONLY, ids=lambda error: repr(error)[:20])
def test_the_database_refuses(wrap, mode, name, start, error):
    """A database that is read-only is told as politely as a mode."""
    mode(name)
    found = ask(wrap(raising(error, start=start)))
    assert found.status == "503 Service Unavailable"
    assert found.headers["Retry-After"] == "60"
    assert found.starts == 1
    assert b"Read-only for a moment" in found.body


def test_the_real_error_of_zodb(wrap, mode):
    """ZODB's own error is known, and those that derive from it."""
    from ZODB.POSException import ReadOnlyError as Real

    assert ask(wrap(raising(Real()))).status.startswith("503")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        type("ReadOnlyError", (Exception,), {})("somebody else's"),
        Exception({"C": "23505"}),
        ClientDisconnected(),
    ],
)
def test_other_errors_are_left(wrap, mode, error):
    """Every other error reaches the server unchanged."""
    mode("read-only")
    with pytest.raises(type(error)) as raised:
        ask(wrap(raising(error)))
    assert raised.value is error


def test_suppressed_contexts_are_no_reason(wrap):
    """What an error says that it is not because of does not count."""

    def app(environ, start_response):
        try:
            fail(ReadOnlyError("no"))
        except ReadOnlyError:
            raise ValueError("x") from None

    with pytest.raises(ValueError, match="x"):
        ask(wrap(app))


def test_a_commit_that_was_cut_off(wrap, mode):
    """A change whose commit the server cut off is refused, if a mode says why."""

    def app(environ, start_response):
        mode("read-only")
        raise ClientDisconnected

    mode("normal")
    assert ask(wrap(app), "POST").status.startswith("503")
    mode("normal")
    with pytest.raises(ClientDisconnected):
        ask(wrap(raising(ClientDisconnected())), "POST")


def test_endless_chains(wrap):
    """Errors that lead to each other in a circle are looked at once."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    with pytest.raises(ValueError, match="one"):
        ask(wrap(raising(one)))


def test_something_was_sent(wrap):
    """Once something was sent it is too late: the error is the server's."""
    with pytest.raises(ReadOnlyError):
        ask(wrap(raising(ReadOnlyError("no"), start=True, write=b"some")))
    body = Closing([b"some"], ReadOnlyError("no"))
    with pytest.raises(ReadOnlyError):
        ask(wrap(streaming(body)))
    assert body.closed == 1


def streaming(body, headers=(("Content-Type", "text/plain"),)):
    """Return an application with this body."""

    def app(environ, start_response):
        start_response("200 OK", [*headers])
        return body

    return app


@pytest.mark.parametrize("pieces", [[], [b""], [b"", b""]])
def test_late_errors(wrap, pieces):
    """An error while the body is made is told, as long as nothing was sent."""
    body = Closing(pieces, ReadOnlyError("no"))
    found = ask(wrap(streaming(body)))
    assert found.status == "503 Service Unavailable"
    assert b"Read-only" in found.body
    assert body.closed == 1


def test_generators(wrap):
    """A generator is run piece by piece, and may begin late."""
    done = []

    def app(environ, start_response):
        done.append("begun")
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        done.append("one")
        yield b"two"

    answer = Answer()
    result = wrap(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"},
                       answer.start_response)  # fmt: skip
    pieces = iter(result)
    assert not answer.status
    assert next(pieces) == b"one"
    assert answer.status == "200 OK"
    assert done == ["begun"]
    assert next(pieces) == b"two"
    assert list(pieces) == []


def test_a_generator_that_only_fails(wrap):
    """A generator's error before its first piece is told."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        raise ReadOnlyError("no")
        yield b""

    assert ask(wrap(app)).status.startswith("503")
    assert ask(validator(wrap(app))).status.startswith("503")


def test_empty_bodies(wrap):
    """An application without a body is answered with its status."""
    body = Closing([])
    found = ask(validator(wrap(streaming(body))))
    assert (found.status, found.body, body.closed) == ("200 OK", b"", 1)


def test_streams_are_untouched(wrap):
    """What the server can send quickly by itself is given to it as it is."""
    wrapper = FileWrapper(io.BytesIO(b"content"))
    request = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.file_wrapper": FileWrapper,
    }  # fmt: skip
    answer = Answer()
    assert wrap(streaming(wrapper))(request, answer.start_response) is wrapper
    assert answer.status == "200 OK"
    whole = [b"hello"]
    assert wrap(streaming(whole))(request, Answer().start_response) is whole


def test_close_in_the_middle(wrap):
    """A body that is not read to its end is closed once."""
    body = Closing([b"one", b"two"])
    answer = Answer()
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    result = wrap(streaming(body))(request, answer.start_response)
    next(iter(result))
    result.close()
    assert body.closed == 1


def test_write(wrap):
    """An application that writes, as old ones do, is served."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"old ")
        return [b"way"]

    assert ask(validator(wrap(app))).body == b"old way"


def test_the_applications_own_errors(wrap):
    """An application may still change its mind, as it may without us."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            fail(ValueError("x"))
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"oops"]

    found = ask(validator(wrap(app)))
    assert (found.status, found.body, found.starts) == ("500 Oops", b"oops", 1)


def test_late_change_of_mind(wrap):
    """After the first piece the server decides whether that is possible."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        try:
            fail(ValueError("x"))
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())

    with pytest.raises(ValueError, match="x"):
        ask(wrap(app))


def test_twice(wrap):
    """An application that begins twice makes a mistake, and hears of it."""

    def app(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    with pytest.raises(AssertionError):
        ask(wrap(app))


def test_modes_change_in_the_middle(wrap, mode):
    """Under load every answer is of one mode or of the other, and whole."""
    mode("normal")
    app = wrap(hello)
    stop, wrong = threading.Event(), []

    def load():
        while not stop.is_set():
            found = ask(app, "POST")
            if found.status not in {"200 OK", "503 Service Unavailable"}:
                wrong.append(found.status)
            if found.status.startswith("503") and b"</html>" not in found.body:
                wrong.append(found.body)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(60):
            name = ("normal", "read-only")[number % 2]
            mode(name)
            expected = "200" if name == "normal" else "503"
            assert ask(app, "POST").status.startswith(expected)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


def test_nothing_else_is_imported():
    """The runtime needs the standard library alone, and nothing of the suite's."""
    source = Path(__file__).parents[3] / "src" / "karl.recipe.evolve" / "src"
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r})\n"
        "import karl.recipe.evolve.modes.filter\n"
        "found = {n for n in sys.modules if 'ZODB' in n or 'recipe.rel' in n}\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-IS", "-c", code], check=True)
