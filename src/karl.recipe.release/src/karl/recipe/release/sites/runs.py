"""Recording the outcome of a run, whichever way it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from karl.recipe.release.sites.revisionlog import DONE, FAILED, RevisionLog, Run


@contextlib.contextmanager
def settled(log: RevisionLog, run: Run) -> Iterator[None]:
    """Run the body and write the outcome: done, or failed and why.

    If even that cannot be written, the next run does it.
    """
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            log.finish(run, FAILED, error=str(error))
        raise
    log.finish(run, DONE)
