"""What a run tells: lines of JSON for programs, text for people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

#: Seconds between two reports of progress.
_INTERVAL = 1.0


class Listener(Protocol):
    """Who is told what happens."""

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Take one event."""


def silent(event: str, /, **facts: Any) -> None:
    """Tell nobody."""


class JsonLines:
    """One line of JSON for each event."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Write one event."""
        line = {"event": event, "time": round(time.time(), 3), **facts}
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()


class Text:
    """A line of text for each event that people care for."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Write one event, if it is one of those."""
        write: Callable[..., str] | None = getattr(self, f"_{event}", None)
        if write is not None and (text := write(**facts)):
            self.stream.write(text + "\n")
            self.stream.flush()

    def _plan(self, *, steps: list[dict[str, Any]], **_: Any) -> str:
        lines = [f"  {s['package']} {s['version']}: {s['title']}" for s in steps]
        return "\n".join([f"{len(steps)} steps:", *lines]) if steps else ""

    def _step_begin(
        self, *, package: str, version: int, title: str, resumed: bool, **_: Any
    ) -> str:
        again = " (goes on)" if resumed else ""
        return f"{package} {version}: {title}{again}"

    def _reindex_begin(self, *, total: int, **_: Any) -> str:
        return f"reindexing {total:,} documents"

    def _progress(
        self, *, done: int, total: int | None, rate: float, left: float | None, **_: Any
    ) -> str:
        of = f" of {total:,}" if total is not None else ""
        rest = f", {left:,.0f} s left" if left is not None else ""
        return f"  {done:,}{of}, {rate:,.0f}/s{rest}"

    def _step_end(
        self, *, seconds: float, seen: int | None, changed: int | None, **_: Any
    ) -> str:
        if seen is None:
            return f"  done in {seconds:.1f} s"
        return f"  {changed:,} of {seen:,} objects changed in {seconds:.1f} s"

    def _reindex_end(
        self, *, indexes: dict[str, int], skipped: int, seconds: float, **_: Any
    ) -> str:
        names = ", ".join(f"{name} {count:,}" for name, count in indexes.items())
        strange = f"; {skipped:,} unknown to the catalog" if skipped else ""
        return f"  {names or 'none'}{strange}, in {seconds:.1f} s"

    def _would_change(
        self, *, package: str, version: int, changes: int | None, seen: int, **_: Any
    ) -> str:
        if changes is None:
            return f"{package} {version}: a plain function; only --dry-run can tell"
        return f"{package} {version}: would change {changes:,} of {seen:,} objects"

    def _verified(
        self, *, package: str, version: int, broken: list[str], **_: Any
    ) -> str:
        if not broken:
            return f"{package} {version}: verified"
        return "\n".join([f"{package} {version}: broken", *(f"  {b}" for b in broken)])

    def _status(
        self,
        *,
        packages: list[dict[str, Any]],
        empty: bool,
        deferred: list[dict[str, Any]],
        run: dict[str, Any] | None,
    ) -> str:
        lines = ["The database is empty."] if empty else []
        lines.append(f"{'package':<28} {'software':>8} {'database':>8}  state")
        for p in packages:
            software = "none" if p["software"] is None else p["software"]
            database = "none" if p["database"] is None else p["database"]
            lines.append(
                f"{p['package']:<28} {software:>8} {database:>8}  {p['state']}"
            )
        lines += [f"in the background: {d['package']} {d['version']}" for d in deferred]
        if run is not None:
            lines.append(f"unfinished: {run['phase']}")
            lines += [f"  {sentence}" for sentence in run["broken"]]
        return "\n".join(lines)

    def _end(self, *, result: str, seconds: float, **_: Any) -> str:
        return f"{result}, in {seconds:.1f} s"


class Progress:
    """The progress of one long piece of work: at most a report a second.

    :param facts: what every report tells besides.
    :param done: how much was done before.
    :param total: how much there is, if that is known.
    """

    def __init__(
        self, tell: Listener, total: int | None, done: int = 0, **facts: Any
    ) -> None:
        self.tell = tell
        self.total = total
        self.first = self.done = done
        self.facts = facts
        self.began = self.told = time.monotonic()

    def advance(self, done: int) -> None:
        """Note that *done* are done, all in all."""
        self.done = done
        if time.monotonic() - self.told >= _INTERVAL:
            self.report()

    def report(self) -> None:
        """Report now."""
        self.told = time.monotonic()
        seconds = max(self.told - self.began, 1e-6)
        rate = (self.done - self.first) / seconds
        left = None
        if self.total is not None and rate:
            left = round(max(self.total - self.done, 0) / rate, 1)
        self.tell(
            "progress",
            **self.facts,
            done=self.done,
            total=self.total,
            rate=round(rate, 1),
            seconds=round(seconds, 3),
            left=left,
        )

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return round(time.monotonic() - self.began, 3)
