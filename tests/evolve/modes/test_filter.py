"""The filter of PasteDeploy."""

from __future__ import annotations

import pytest

from karl.recipe.evolve.modes.filter import mode_filter
from karl.recipe.evolve.modes.state import Mode


def app(environ, start_response):
    start_response("200 OK", [])
    return []


def status(wrapped, method="POST", path="/"):
    found = []
    list(
        wrapped(
            {"REQUEST_METHOD": method, "PATH_INFO": path},
            lambda status, headers: found.append((status, dict(headers))),
        )
    )
    return found[0]


def test_below_the_root(tmp_path):
    """Without a mode file it uses that of the site whose root it is told."""
    folder = tmp_path / "var" / "mode"
    folder.mkdir(parents=True)
    wrapped = mode_filter(app, {"root": str(tmp_path)}, retry_after="5")
    assert status(wrapped)[0] == "200 OK"
    (folder / "state.json").write_text(Mode("read-only").to_text())
    found, headers = status(wrapped)
    assert found.startswith("503")
    assert headers["Retry-After"] == "5"


def test_its_options(tmp_path):
    """Each option is what it is for the middleware."""
    path, page = tmp_path / "m", tmp_path / "p.html"
    path.write_text(Mode("maintenance").to_text())
    page.write_text("page")
    wrapped = mode_filter(
        app, None, **{"mode-file": str(path), "page": str(page)},
        health_paths="/a /b",
    )  # fmt: skip
    assert status(wrapped, "GET", "/b")[0] == "200 OK"
    path.write_text(Mode("read-only").to_text())
    wrapped = mode_filter(app, {}, mode_file=str(path), safe_posts="/login")
    assert status(wrapped, "POST", "/login")[0] == "200 OK"


def test_every_mistake_at_once(tmp_path):
    """All that is wrong with the options is told at once."""
    with pytest.raises(ValueError, match="filter mode") as raised:
        mode_filter(app, {}, retry_after="soon", page=str(tmp_path / "no"), colour="x")
    for word in ("colour", "mode_file", "soon", "page"):
        assert word in str(raised.value)
