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


def main(root: Path, words: list[str]) -> int:
    """Do what a verb asks for; print the answer."""
    path = root / "standin.json"
    state: dict[str, Any] = {"mode": "normal", "workers": [None, None]}
    if path.exists():
        state |= json.loads(path.read_text())
    words = [word for word in words if word not in {"--json", "--quiet"}]
    verb, code = words[0], 0
    current = _current(root)
    sick = state.get("sick", [])
    if verb in state.get("broken", []):
        answer, code = _error(f"{verb} is broken", 1), 1
    elif verb in {"start", "restart"}:
        state["workers"] = [current, current]
        if verb == "start":
            _listen(root / "site.sock")
        answer = {"workers": [{"number": 1}, {"number": 2}]}
        if current in sick:
            answer, code = _error("process 1 did not come up.", 6), 6
    elif verb == "mode":
        before = state["mode"]
        state["mode"] = words[1] if len(words) > 1 else before
        changed = before != state["mode"]
        answer = {"mode": state["mode"], "before": before, "changed": changed}
    elif verb in {"inhibit", "allow"}:
        before = state.get("inhibited")
        state["inhibited"] = {"why": "x", "since": 1} if verb == "inhibit" else None
        answer = {"inhibited": state["inhibited"]}
        answer["changed"] = before != state["inhibited"]
    elif verb == "try":
        answer = {"revision": int(words[1])}
        if int(words[1]) in sick and not state.get("tried"):
            answer, code = _error("it is not healthy.", 1), 1
    else:
        answer = _status(state, sick)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(state))
    partial.replace(path)
    sys.stdout.write(json.dumps(answer) + "\n")
    return code


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


def _status(state: dict[str, Any], sick: list[int]) -> dict[str, Any]:
    mode = {
        "mode": state["mode"], "since": 1.0, "by": "x", "message": "",
        "retry_after": None, "problem": "",
    }  # fmt: skip
    return {
        "running": any(state["workers"]),
        "mode": mode,
        "inhibited": state.get("inhibited"),
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
    }


def _error(message: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "next": "Mend it.", "exit": code}}


if __name__ == "__main__" and sys.argv[1] == "listen":
    with _Server(sys.argv[2], _Healthy) as server:
        os.close(int(sys.argv[3]))
        server.serve_forever()
if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
