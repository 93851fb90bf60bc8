"""The control socket: hostile, slow and absent peers on either end."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest
from support.waiting import eventually
from support.zeoservers import fill, put

from karl.recipe.release.base.errors import (
    KarlError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from karl.recipe.zeoserver.servers import control


@pytest.fixture
def places(box):
    found = box.storage_places("acme")
    box.runner("acme")
    eventually(lambda: control.status(found, "a"))
    return found


def send(places, data, *, end=True):
    """Send bytes, and return all that comes back."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(20)
        peer.connect(str(places.control("a")))
        # The server may have heard enough before all is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(data)
            if end:
                peer.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := peer.recv(65536):
                found += part
        return found


@pytest.mark.parametrize(
    "request_",
    [
        b"\n",
        b"{\n",
        b"null\n",
        b"[]\n",
        b'"status"\n',
        b"{}\n",
        b'{"do": "delete"}\n',
        b'{"do": ["status"]}\n',
        b'{"do": "mode"}\n',
        b'{"do": "mode", "read_only": "yes"}\n',
        b'{"do": "mode", "read_only": 1, "bound": 1}\n',
        b'{"do": "mode", "read_only": true, "bound": "1"}\n',
        b'{"do": "mode", "read_only": true, "bound": -1}\n',
        b'{"do": "mode", "read_only": true, "bound": NaN}\n',
        b'{"do": "mode", "read_only": true, "bound": Infinity}\n',
        b'{"do": "pack"}\n',
        b'{"do": "pack", "before": 1e300}\n',
        b"\xff\xfe\xff\n",
        b"[" * 60_000 + b"\n",
        b"x" * 70_000 + b"\n",
    ],
)
def test_what_is_malformed_is_answered(places, request_):
    """Every malformed request gets an error as its answer, and changes nothing."""
    answer = json.loads(send(places, request_))
    assert answer["error"]["exit"] == UsageError.exit_code
    status = control.status(places, "a")
    assert (status.read_only, status.packing) == (False, False)


def test_who_says_nothing_holds_up_nobody(places, box):
    """Peers that connect and are silent, or never read, delay no client and no peer."""
    with contextlib.ExitStack() as held, box.client("acme") as db:
        for _ in range(30):
            peer = held.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(places.control("a")))
        for _ in range(10):
            peer = held.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(places.control("a")))
            peer.sendall(b'{"do": "status"}\n')
        put(db, "x", 1)
        assert control.status(places, "a").tid == db.lastTransaction().hex()


def test_half_a_request_is_answered_when_its_sender_ends(places):
    """A request that breaks off is malformed."""
    assert b"error" in send(places, b'{"do": "sta')
    assert control.status(places, "a")


def test_without_a_server_there_is_no_status(box):
    """No socket, or a stale one, means that nobody is there."""
    places = box.storage_places("acme")
    assert control.status(places, "a") is None
    with pytest.raises(UnreachableError, match="zeoctl start acme"):
        control.set_mode(places, "a", read_only=True, bound=1)
    places.control("a").parent.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(places.control("a")))
    assert control.status(places, "a") is None


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"x": 1}\n'])
def test_a_server_that_answers_nonsense_is_unreachable(box, answer):
    """What another program answers is an error, never a status."""
    places = box.storage_places("acme")
    places.control("a").parent.mkdir()
    with socket.socket(socket.AF_UNIX) as fake:
        fake.bind(str(places.control("a")))
        fake.listen()

        def reply():
            peer, _ = fake.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(UnreachableError):
            control.status(places, "a")
        thread.join()


def test_a_hung_server_is_unreachable(box):
    """A server that accepts and never answers is told from one that is not there."""
    places = box.storage_places("acme")
    places.control("a").parent.mkdir()
    with socket.socket(socket.AF_UNIX) as fake:
        fake.bind(str(places.control("a")))
        fake.listen()
        with pytest.raises(UnreachableError):
            control.status(places, "a", patience=0.1)


def test_packing_removes_old_records_and_tells_its_end(places, box):
    """A pack ends with a smaller file, and clients go on."""
    with box.client("acme") as db:
        for number in range(20):
            put(db, "text", f"{number}" * 1000)
        size = control.status(places, "a").position
        control.pack(places, "a", time.time() + 1)
        status = control.status(places, "a")
        assert (status.packing, status.position < size) == (False, True)
        put(db, "text", "new")


def test_a_pack_that_fails_is_told(places, box):
    """Why it failed comes back as an error, and the server goes on."""
    with box.client("acme") as db:
        fill(db)
        # FileStorage refuses to pack to the time of a pack that was later.
        places.copy(1).before_pack.mkdir()
        with pytest.raises(KarlError, match="The pack failed"):
            control.pack(places, "a", time.time())
        put(db, "x", 1)
    assert not control.status(places, "a").packing


def test_a_pack_goes_on_without_who_asked(places, box):
    """Who hangs up after asking for a pack stops neither it nor the server."""
    with box.client("acme") as db:
        for number in range(20):
            put(db, "text", f"{number}" * 1000)
        size = control.status(places, "a").position
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(places.control("a")))
            peer.sendall(json.dumps({"do": "pack", "before": time.time()}).encode())
            peer.sendall(b"\n")
        eventually(lambda: control.status(places, "a").position < size)
        put(db, "x", 1)


def test_errors_keep_their_kind(places):
    """What a server refuses arrives as the error that it is."""
    with pytest.raises(UsageError):
        control.ask(places, "a", {"do": "nothing"})
    assert not issubclass(UsageError, RefusedError)
