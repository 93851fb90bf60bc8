"""The text of systemd's units: what every one of ours has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

#: What no process of ours needs.
CLOSED = (
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
)


def value(text: str) -> str:
    """Return *text* as systemd reads it back: a per cent sign would begin a name."""
    return text.replace("%", "%%")


def word(text: str) -> str:
    """Return *text* as one word, whatever is in it."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{value(escaped)}"'


def command(program: Path, *arguments: str) -> str:
    """Return a command; the colon keeps systemd from replacing ``$``.

    :param arguments: words that mean no more than themselves.
    """
    return " ".join([word(f":{program}"), *arguments])


def unit(lines: Iterable[str]) -> str:
    """Return the text of a unit."""
    return "".join(f"{line}\n" for line in lines)
