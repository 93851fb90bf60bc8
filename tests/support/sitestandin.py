"""A stand-in for ``bin/site``: it has no processes, and keeps what it was told.

``standin.json`` says how to behave: ``sick`` is a list of revisions that are not
well, ``tried`` whether ``try`` finds them well all the same, ``broken`` a list of
verbs that fail.
"""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import subprocess
import sys
from pathlib import Path
from typing import Any

#: What is printed, and the exit code.
_Answer = tuple[dict[str, Any], int]


def main(root: Path, words: list[str]) -> int:
    """Do what a verb asks for; print the answer."""
    path = root / "standin.json"
    state: dict[str, Any] = {"mode": "normal", "workers": [None, None]}
    if path.exists():
        state |= json.loads(path.read_text())
    words = [word for word in words if word not in {"--json", "--quiet"}]
    if words[0] in state.get("broken", []):
        answer, code = _error(f"{words[0]} is broken", 1), 1
    else:
        answer, code = _VERBS[words[0]](root, state, words)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(state))
    partial.replace(path)
    sys.stdout.write(json.dumps(answer if code else {**answer, "text": ""}) + "\n")
    return code


def _start(root: Path, state: dict[str, Any], words: list[str]) -> _Answer:
    revision = _current(root)
    state["workers"] = [revision, revision]
    if words[0] == "start":
        _listen(root / "site.sock")
    if revision in state.get("sick", []):
        return _error("process 1 did not come up.", 6), 6
    workers = [
        {"number": n, "pid": 1, "revision": revision, "release": "1.0", "seconds": 0.1}
        for n in (1, 2)
    ]
    return {"action": words[0], "workers": workers}, 0


def _set_mode(root: Path, state: dict[str, Any], words: list[str]) -> _Answer:
    before = state["mode"]
    state["mode"] = words[1]
    return {**_mode(state), "before": before, "changed": before != words[1]}, 0


def _inhibit(root: Path, state: dict[str, Any], words: list[str]) -> _Answer:
    before = state.get("inhibited")
    found = {"why": "x", "since": 1} if words[0] == "inhibit" else None
    state["inhibited"] = found
    return {"inhibited": found, "changed": before != found}, 0


def _try(root: Path, state: dict[str, Any], words: list[str]) -> _Answer:
    revision = int(words[1])
    if revision in state.get("sick", []) and not state.get("tried"):
        return _error("it is not healthy.", 1), 1
    return {
        "revision": revision, "release": "1.0", "path": "/healthz", "status": 200,
        "body": None, "seconds": 0.1,
    }, 0  # fmt: skip


def _current(root: Path) -> int | None:
    link = root / "current"
    return int(link.readlink().name) if link.is_symlink() else None


def _listen(path: Path) -> None:
    """Start what answers to health checks on the address of the site."""
    ready, told = os.pipe()
    os.set_inheritable(told, True)
    argv = [sys.executable, __file__, "listen", str(path), str(told)]
    subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False
    )
    os.close(told)
    os.read(ready, 1)


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # its name in the standard library
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


class _Server(socketserver.UnixStreamServer):
    def get_request(self) -> Any:
        request, _ = super().get_request()
        return request, ("", 0)


def _mode(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": state["mode"], "since": 1.0, "by": "x", "message": "",
        "retry_after": None, "problem": "",
    }  # fmt: skip


def _status(root: Path, state: dict[str, Any], words: list[str]) -> _Answer:
    sick = state.get("sick", [])
    return {
        "site": "acme-prod",
        "address": f"unix:{root}/site.sock",
        "control": "supervisord",
        "running": any(state["workers"]),
        "current": _current(root),
        "mode": _mode(state),
        "inhibited": state.get("inhibited"),
        "exit": 0,
        "workers": [
            {
                "number": number,
                "state": "",
                "pid": 1 if revision else None,
                "revision": revision,
                "release": None,
                "since": None,
                "outdated": False,
                "healthy": revision not in sick,
                "problem": "it is sick" if revision in sick else "",
            }
            for number, revision in enumerate(state["workers"], 1)
        ],
    }, 0


def _error(message: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "next": "Mend it.", "exit": code}}


_VERBS = {
    "start": _start, "restart": _start, "mode": _set_mode, "inhibit": _inhibit,
    "allow": _inhibit, "try": _try, "status": _status,
}  # fmt: skip

if __name__ == "__main__" and sys.argv[1] == "listen":
    with _Server(sys.argv[2], _Healthy) as server:
        os.close(int(sys.argv[3]))
        server.serve_forever()
if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
