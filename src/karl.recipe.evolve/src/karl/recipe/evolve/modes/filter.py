"""The middleware as a filter of PasteDeploy: ``egg:karl.recipe.evolve#mode``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from karl.recipe.evolve.modes.middleware import Application, ModeMiddleware

#: What the filter understands.
OPTIONS = ("mode_file", "health_paths", "safe_posts", "page", "retry_after")


def mode_filter(
    app: Application, global_conf: Mapping[str, str] | None, **options: str
) -> ModeMiddleware:
    """Wrap an application (``paste.filter_app_factory``).

    :param options: ``mode_file`` (default: ``var/mode/state.json`` below the
        ``root`` that the global configuration names), ``health_paths``,
        ``safe_posts`` (words), ``page`` and ``retry_after``, in seconds.
    :raises ValueError: tells everything that is wrong with them.
    """
    given = {name.replace("-", "_"): text.strip() for name, text in options.items()}
    problems = [
        f"there is no option {name}; there are {', '.join(OPTIONS)}"
        for name in sorted(set(given) - set(OPTIONS))
    ]
    root = (global_conf or {}).get("root", "")
    path = given.get("mode_file") or (root and _below(root))
    if not path:
        problems.append("mode_file is not given, and the configuration has no root")
    retry_after = given.get("retry_after") or "60"
    if not retry_after.isascii() or not retry_after.isdigit() or int(retry_after) < 1:
        problems.append(f"retry_after = {retry_after!r} is not a number of seconds")
    page = given.get("page", "")
    if page and not Path(page).is_file():
        problems.append(f"page = {page!r} is not a file")
    if problems:
        raise ValueError(f"filter mode: {'; '.join(problems)}")
    return ModeMiddleware(
        app,
        path,
        health_paths=given.get("health_paths", "").split(),
        safe_posts=given.get("safe_posts", "").split(),
        page=page or None,
        retry_after=int(retry_after),
    )


def _below(root: str) -> str:
    return str(Path(root, "var", "mode", "state.json"))
