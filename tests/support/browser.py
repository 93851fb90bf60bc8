"""A real browser without a window: Chromium, asked through a pipe."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

#: How long an answer may take, on a busy machine.
_PATIENCE = 60.0

#: What a reader would notice: width that does not fit, and elements that stand out.
_MEASURE = """(() => {
  const clipped = e => e.closest('.wide') && e !== e.closest('.wide');
  const hidden = e => e.closest('thead');
  const wide = [...document.querySelectorAll('body *')].filter(e =>
    e.getBoundingClientRect().right > innerWidth + 1 && !clipped(e) && !hidden(e));
  return {
    width: innerWidth,
    needs: document.documentElement.scrollWidth,
    wide: wide.map(e => e.outerHTML.slice(0, 120)),
    tables: [...document.querySelectorAll('.wide')]
      .map(e => e.scrollWidth - e.clientWidth),
    text: document.body.innerText,
    background: getComputedStyle(document.body).backgroundColor,
    colour: getComputedStyle(document.body).color,
  };
})()"""


class Browser:
    """One page of Chromium.

    :ivar complaints: what it said of the page: errors, warnings, and addresses that
        it was made to ask for.
    """

    def __init__(self) -> None:
        assert PROGRAM
        self.complaints: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="karl-browser-")
        self._count, self._pending = 0, b""
        read_by_it, self._out = os.pipe()
        self._in, written_by_it = os.pipe()

        def place() -> None:
            # First out of the way: one may be where the other belongs.
            ours = (os.dup(read_by_it), os.dup(written_by_it))
            os.dup2(ours[0], 3)
            os.dup2(ours[1], 4)

        self._process = subprocess.Popen(
            [
                PROGRAM, "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update",
                f"--user-data-dir={self._folder}", "--remote-debugging-pipe",
                "about:blank",
            ],
            preexec_fn=place,  # noqa: PLW1509  # not among threads
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_by_it)
        os.close(written_by_it)
        self._session = ""
        pages = self.ask("Target.getTargets")["targetInfos"]
        target = next(each for each in pages if each["type"] == "page")["targetId"]
        self._session = self.ask(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def show(
        self, path: Path, width: int = 1280, *, dark: bool = False, paper: bool = False
    ) -> dict[str, Any]:
        """Load a page, and return what there is to see.

        ``width`` and ``needs`` (pixels), ``wide`` (elements that do not fit),
        ``tables`` (pixels that each does not fit by itself), ``text``, and the colours
        ``background`` and ``colour``.
        """
        self.complaints.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = "dark" if dark else "light"
        self.ask(
            "Emulation.setEmulatedMedia",
            media="print" if paper else "screen",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self._loaded = False
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._take(self._message())
        return dict(self.run(_MEASURE))

    def run(self, script: str) -> Any:
        """Return what a script finds on the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def roles(self) -> list[tuple[str, str]]:
        """Return role and name of everything that a screen reader is told."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def ask(self, method: str, **params: Any) -> Any:
        """Return the browser's answer."""
        self._count += 1
        number = self._count
        asked = {"id": number, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._out, json.dumps(asked).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == number:
                assert "error" not in found, found
                return found["result"]
            self._take(found)

    def _message(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._pending:
            ready = select.select([self._in], [], [], deadline - time.monotonic())[0]
            added = os.read(self._in, 1 << 16) if ready else b""
            assert added, "the browser does not answer"
            self._pending += added
        line, _, self._pending = self._pending.partition(b"\0")
        return dict(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        name, params = event.get("method"), event.get("params", {})
        if name == "Page.loadEventFired":
            self._loaded = True
        elif name == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif name == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))
        elif name == "Log.entryAdded":
            self.complaints.append(str(params["entry"]["text"]))
        elif name == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("data:", "file:")):
                self.complaints.append(url)

    def end(self) -> None:
        """End it."""
        os.close(self._out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Give a browser; skip the test where there is none."""
    if PROGRAM is None:
        if os.environ.get("KARL_TEST_BROWSER") == "needed":
            pytest.fail("chromium is missing, which .ci/run installs")
        pytest.skip("chromium is not on this machine: apt-get install chromium")
    made = Browser()
    try:
        yield made
    finally:
        made.end()
