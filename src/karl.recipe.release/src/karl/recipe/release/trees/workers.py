"""Work spread over forked processes, without threads and without orphans.

Forking is what makes it quick: the processes inherit everything that was read
before, and only numbers and results go through the pipes.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from karl.recipe.release.base.errors import KarlError

Item = TypeVar("Item")
Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1


def default_count() -> int:
    """Return how many processes this one may keep busy."""
    return max(1, len(os.sched_getaffinity(0)))


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], count: int
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for every item, in the order in which they end.

    Items are begun in their order, so give the longest ones first.  With one
    process, or one item, the work is done in this process; and also where there
    are threads, since a fork could inherit a lock that one of them holds.  Close
    the generator (``contextlib.closing``): that stops what is still at work.

    :param count: processes at most.
    :raises Exception: the first error that *work* raised; the other processes
        are stopped first.
    :raises KarlError: a process ended without a word (killed, out of memory).
    """
    count = min(count, len(items))
    if count <= 1 or threading.active_count() > 1:
        for item in items:
            yield work(item)
        return
    with _crew(work, items, count) as crew:
        waiting = list(range(len(items)))[::-1]
        busy = {worker.pipe: worker for worker in crew}
        for worker in crew:
            worker.begin(waiting.pop())
        while busy:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                yield worker.result()  # type: ignore[misc]
                if waiting:
                    worker.begin(waiting.pop())
                else:
                    del busy[worker.pipe]


class _Worker:
    """One forked process and our end of its pipe."""

    def __init__(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        siblings: Sequence[_Worker],
    ) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        held = [self.pipe, *(sibling.pipe for sibling in siblings)]
        self.process: BaseProcess = context.Process(
            target=_serve, args=(work, items, theirs, held, os.getpid()), daemon=True
        )
        self.process.start()
        theirs.close()

    def begin(self, place: int) -> None:
        """Hand over the item at *place*."""
        with contextlib.suppress(BrokenPipeError):
            self.pipe.send(place)

    def result(self) -> object:
        """Return what came back; raise what was raised there."""
        try:
            good, value = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise KarlError(
                f"A worker process died (status {self.process.exitcode}).",
                "Check the kernel's log for lack of memory, then run it again.",
            ) from None
        if good:
            return value
        raise value

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self.process.kill()
        self.process.join()
        self.process.close()


@contextlib.contextmanager
def _crew(
    work: Callable[[Item], Result], items: Sequence[Item], count: int
) -> Iterator[list[_Worker]]:
    crew: list[_Worker] = []
    try:
        for _ in range(count):
            crew.append(_Worker(work, items, crew))
        yield crew
    finally:
        for worker in crew:
            worker.stop()


def _serve(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    pipe: Connection,
    held: Sequence[Connection],
    parent: int,
) -> None:
    _die_with(parent)
    for other in held:
        other.close()
    while True:
        try:
            place = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, work(items[place]))
        except Exception as error:  # noqa: BLE001 - raised again by the parent
            answer = (False, error)  # type: ignore[assignment]
        pipe.send(answer)


def _die_with(parent: int) -> None:
    """End this process when its parent ends, so that its locks become free."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
