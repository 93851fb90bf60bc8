"""What was committed is seen by everybody who could have been told of it."""

from __future__ import annotations

import threading

import pytest
from support.zeoservers import put

ROUNDS = 400


@pytest.mark.slow
def test_another_client_sees_a_commit_at_once(box):
    """A busy client with ``server-sync`` is never shown what was there before."""
    box.zeoctl("start", "acme")
    ended = threading.Event()
    stale = []
    with box.client("acme") as writer, box.client("acme") as reader:

        def be_busy():
            while not ended.is_set():
                with reader.transaction():
                    pass

        threads = [threading.Thread(target=be_busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(ROUNDS):
                put(writer, "number", number)
                with reader.transaction() as connection:
                    if connection.root()["number"] != number:
                        stale.append(number)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    assert stale == []
