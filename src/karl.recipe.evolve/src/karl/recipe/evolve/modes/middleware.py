"""WSGI middleware that answers as the site's mode says (PEP 3333)."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from karl.recipe.evolve.modes import readonlyerrors
from karl.recipe.evolve.modes.refusal import STATUS, ExcInfo, Refusals
from karl.recipe.evolve.modes.state import (
    MAINTENANCE,
    NORMAL,
    Mode,
    ModeFile,
)

_logger = logging.getLogger(__name__)

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

#: Methods that change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ModeMiddleware:
    """An application that is read-only, or closed, while the mode says so.

    - ``normal``: every request goes to the application.
    - ``read-only``: only those of safe methods do; others are answered with
      status 503 and a page.
    - ``maintenance``: all are answered so, but those for the site's health.

    In each mode an error of the application that says that its database is
    read-only is answered like a refusal, unless something was sent already.

    :param app: the application.
    :param path: the mode file.
    :param health_paths: what may be asked for even in maintenance.
    :param safe_posts: what may be posted to in read-only mode, a login for
        instance.
    :param page: HTML file that is sent with a refusal; None: our own page.
    :param retry_after: seconds, where the mode file does not say.
    """

    def __init__(
        self,
        app: Application,
        path: Path | str,
        *,
        health_paths: Sequence[str] = (),
        safe_posts: Sequence[str] = (),
        page: Path | str | None = None,
        retry_after: int = 60,
    ) -> None:
        self._app = app
        self._mode = ModeFile(path)
        self._health = frozenset(map(_as_in_environ, health_paths))
        self._safe_posts = frozenset(map(_as_in_environ, safe_posts))
        self._refusals = Refusals(Path(page) if page else None, retry_after)

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        mode = self._mode.read()
        if self._refuses(environ, mode):
            return self._refuse(environ, mode, start_response)
        begin = _Beginning(start_response)
        try:
            result = self._app(environ, begin)
        except Exception as error:
            if begin.begun or not self._is_refusal(environ, error):
                raise
            return self._refuse(environ, self._mode.read(), start_response)
        if begin.is_said and _cannot_fail(environ, result):
            begin.tell()
            return result
        return _Body(self, environ, begin, result)

    def refuse_late(
        self, environ: Environ, begin: _Beginning, error: Exception
    ) -> Iterable[bytes] | None:
        """Return the answer to an error while the body was made.

        :return: None if the error is another, or something was sent already.
        """
        if begin.sent or not self._is_refusal(environ, error):
            return None
        info = sys.exc_info() if begin.begun else None
        return self._refuse(environ, self._mode.read(), begin.start_response, info)

    def _refuses(self, environ: Environ, mode: Mode) -> bool:
        if mode.mode == NORMAL:
            return False
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        path = path.rstrip("/")
        method = environ["REQUEST_METHOD"].upper()
        if mode.mode == MAINTENANCE:
            return not (method in {"GET", "HEAD"} and path in self._health)
        return not (method in _SAFE or (method == "POST" and path in self._safe_posts))

    def _is_refusal(self, environ: Environ, error: Exception) -> bool:
        """Tell whether the database refused; it is logged, as it may be a mistake."""
        found = readonlyerrors.says_read_only(error) or (
            environ["REQUEST_METHOD"].upper() not in _SAFE
            and self._mode.read().mode != NORMAL
            and readonlyerrors.says_cut_off(error)
        )
        if found:
            _logger.warning(
                "%s %s: refused by the database: %r",
                environ["REQUEST_METHOD"],
                environ.get("PATH_INFO", ""),
                error,
            )
        return found

    def _refuse(
        self,
        environ: Environ,
        mode: Mode,
        start_response: StartResponse,
        exc_info: Any = None,
    ) -> Iterable[bytes]:
        answer = self._refusals.answer(mode, environ.get("HTTP_ACCEPT", ""))
        if exc_info is None:
            start_response(STATUS, answer.headers)
        else:
            start_response(STATUS, answer.headers, exc_info)
        return [] if environ["REQUEST_METHOD"].upper() == "HEAD" else [answer.body]


class _Beginning:
    """What the application says first, kept back until it has said more.

    As long as nothing has reached the server, another answer can be given.

    :ivar begun: the server was told.
    :ivar sent: some of the body was given to the server.
    """

    def __init__(self, start_response: StartResponse) -> None:
        self.start_response = start_response
        self.begun = False
        self.sent = False
        self._said: tuple[str, Any] | None = None
        self._write: Callable[[bytes], object] | None = None

    @property
    def is_said(self) -> bool:
        """Tell whether the application has called ``start_response``."""
        return self._said is not None

    def __call__(
        self,
        status: str,
        headers: Any,
        exc_info: ExcInfo | None = None,
    ) -> Callable[[bytes], object]:
        """Note what the application says."""
        if self.begun:
            # The server knows whether this can still be told, and raises if not.
            self._write = self.start_response(status, headers, exc_info)
        elif self._said is not None and exc_info is None:
            raise AssertionError("start_response was called already")
        self._said = (status, headers)
        return self._send

    def tell(self) -> Callable[[bytes], object]:
        """Tell the server, if it was not told; return what takes the body."""
        if self._write is None:
            if self._said is None:
                raise AssertionError("start_response was not called")
            self.begun = True
            self._write = self.start_response(*self._said)
        return self._write

    def _send(self, data: bytes) -> None:
        write = self.tell()
        self.sent = self.sent or bool(data)
        write(data)


class _Body:
    """The application's body, as it comes; the first piece decides."""

    def __init__(
        self,
        middleware: ModeMiddleware,
        environ: Environ,
        begin: _Beginning,
        result: Iterable[bytes],
    ) -> None:
        self._middleware = middleware
        self._environ = environ
        self._begin = begin
        self._result = result
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        begin = self._begin
        try:
            if self._pieces is None:
                self._pieces = iter(self._result)
            piece = next(self._pieces)
        except StopIteration:
            if begin.is_said and not begin.begun:
                begin.tell()
            raise
        except Exception as error:
            instead = self._middleware.refuse_late(self._environ, begin, error)
            if instead is None:
                raise
            begin.begun = begin.sent = True
            self._pieces = iter(instead)
            # What was refused is the answer; its own errors are errors.
            return next(self._pieces, b"")
        if not begin.begun:
            begin.tell()
        begin.sent = begin.sent or bool(piece)
        return piece

    def close(self) -> None:
        """Close what the application returned, as the server must have it closed."""
        close = getattr(self._result, "close", None)
        if close is not None:
            close()


def _cannot_fail(environ: Environ, result: Iterable[bytes]) -> bool:
    """Tell whether nothing of the application runs while its body is sent.

    Such a body is given to the server as it is: it may know a quick way.
    """
    if isinstance(result, (list, tuple)):
        return True
    wrapper = environ.get("wsgi.file_wrapper")
    with contextlib.suppress(TypeError):
        return isinstance(result, wrapper)  # type: ignore[arg-type]  # may be any callable
    return False


def _as_in_environ(path: str) -> str:
    """Return a path as WSGI has it: bytes, written as Latin-1."""
    return path.encode().decode("latin-1").rstrip("/")
