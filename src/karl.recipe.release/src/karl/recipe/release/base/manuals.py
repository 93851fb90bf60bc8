"""Man pages and completion of commands, as a package keeps them.

They are kept in the folder ``manuals`` of the package: ``<command>.1``, ``.bash`` and
``.zsh``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base.layout import ShareLayout

_FOLDER = "manuals"


def texts(
    package: Path, share: ShareLayout, commands: Sequence[str]
) -> dict[Path, str]:
    """Return the text of each file, by where it belongs.

    :param package: the folder of the package that brings the commands.
    :param share: beside the commands.
    """
    kept = package / _FOLDER
    return {
        place: (kept / name).read_text(encoding="utf-8")
        for command in commands
        for place, name in (
            (share.page(command), f"{command}.1"),
            (share.bash(command), f"{command}.bash"),
            (share.zsh(command), f"{command}.zsh"),
        )
    }


def places(share: ShareLayout, command: str) -> tuple[Path, ...]:
    """Return where the files of a command belong."""
    return share.page(command), share.bash(command), share.zsh(command)
