"""Whether a release's software and the data of a revision belong together.

``evolve`` never makes another pair live, but ``switch-version`` knows nothing of data:
a process asks before it serves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.serving.launching import Launch
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import RevisionLayout

_logger = logging.getLogger(__name__)

Check = Callable[[], None]


def check_of(site: SiteDeclaration, launch: Launch) -> Check:
    """Return what refuses a revision whose software and data do not belong together.

    It needs nothing of ours once it is made, so that it can be called when our code
    is forgotten.  What it cannot find out, it leaves to the application.
    """
    conf = RevisionLayout(Path(launch.folder)).zodb_conf
    if not site.storage or not conf.is_file():
        return _nothing
    try:
        from karl.recipe.evolve.running.packages import discovered
        from karl.recipe.evolve.running.session import session_of
        from karl.recipe.evolve.running.status import status
        from karl.recipe.evolve.running.storages import Source, opened
    except ImportError:  # A release without ZODB.
        return _nothing

    def check() -> None:
        try:
            with (
                opened(Source(configuration=conf), "read") as database,
                session_of(database) as session,
            ):
                told = status(session.root, discovered(site.evolve_packages))
        except Exception as error:  # noqa: BLE001  # storages raise what they like
            _logger.warning("Versions of software and data are not known: %s", error)
            return
        refuse(launch, told)

    return check


def refuse(launch: Launch, told: Mapping[str, Any]) -> None:
    """Refuse if data are newer than the software, or not evolved for it yet.

    :param told: the status of the database.
    :raises RefusedError: they are.
    """
    packages = told["packages"]
    newer = [each for each in packages if each["state"] == "newer"]
    pending = [each for each in packages if each["state"] == "pending"]
    if newer:
        raise RefusedError(
            f"Release {launch.release} is older than its data: {_differences(newer)}.",
            "Go back with both: bin/evolve --rollback. Or make the release live that "
            "evolved them: bin/evolve VERSION.",
        )
    if pending and not told["empty"]:
        raise RefusedError(
            f"The data are not evolved for release {launch.release}: "
            f"{_differences(pending)}.",
            f"Go back with bin/switch-version --rollback; then bin/evolve "
            f"{launch.release}.",
        )


def _differences(packages: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{each['package']} is at {each['database']}, the software at "
        f"{each['software']}"
        for each in packages
    )


def _nothing() -> None:
    """Refuse nothing."""
