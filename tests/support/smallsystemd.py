"""What a site needs of systemd, as small as it can be.

``python smallsystemd.py FOLDER HOST PORT COUNT COMMAND`` is the manager: it holds
the socket, passes it on as systemd does, and starts each process again whenever it
ends, until it is told to stop.  It writes its number to ``FOLDER/pid``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> {folder}/calls
case "$1" in
start)
    [ -e {folder}/pid ] && exit 0
    {manager} > {folder}/log 2>&1 &
    while [ ! -e {folder}/pid ]; do sleep 0.1; done;;
stop)
    [ -e {folder}/pid ] || exit 0
    kill "$(cat {folder}/pid)"
    while [ -e {folder}/pid ]; do sleep 0.1; done;;
esac
"""


def install(folder: Path, host: str, port: int, count: int, command: Path) -> Path:
    """Write a ``systemctl`` that knows the units of one site."""
    words = [sys.executable, __file__, str(folder), host, str(port), str(count)]
    manager = " ".join([*words, str(command)])
    path = folder / "systemctl"
    path.write_text(SYSTEMCTL.format(folder=folder, manager=manager))
    path.chmod(0o755)
    return path


def main(folder: Path, host: str, port: int, count: int, command: str) -> NoReturn:
    """Run the processes until told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = socket.create_server((host, port), backlog=128)
    running: dict[int, subprocess.Popen[bytes]] = {}
    (folder / "partial").write_text(str(os.getpid()))
    (folder / "partial").rename(folder / "pid")
    try:
        while True:
            for number in range(1, count + 1):
                if number not in running or running[number].poll() is not None:
                    running[number] = start(listener, [command, str(number)])
            time.sleep(0.05)
    finally:
        for each in running.values():
            each.terminate()
        for each in running.values():
            each.wait()
        (folder / "pid").unlink()


def start(listener: socket.socket, words: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that gets the socket as number 3."""
    script = 'exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *words], stdin=listener.fileno()
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]),
         sys.argv[5])  # fmt: skip
