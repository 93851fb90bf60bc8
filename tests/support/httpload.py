"""Load on a site, from a process of its own: ``python httpload.py PORT FILE``.

Four threads ask without a pause, each time over a new connection, until the file
is there; then it prints, as JSON, how many answers there were, by release, and
everything that went wrong.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path


def main(port: int, end: Path) -> None:
    """Ask until the file is there."""
    answers: Counter[str] = Counter()
    wrong: list[str] = []
    worst = 0.0

    def load() -> None:
        nonlocal worst
        while not end.exists():
            begin = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request("GET", "/")
                with connection.getresponse() as reply:
                    content = reply.read()
                connection.close()
                if reply.status == http.client.OK:
                    answers[json.loads(content)["release"]] += 1
                else:
                    wrong.append(f"{reply.status}: {content[:200]!r}")
            except (OSError, ValueError, http.client.HTTPException) as error:
                wrong.append(repr(error))
            worst = max(worst, time.monotonic() - begin)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"answers": answers, "wrong": wrong, "worst": worst}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
