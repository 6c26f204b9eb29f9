"""The transport of the standard library: kept connections, broken answers, slow servers."""

from __future__ import annotations

import threading
import time

import pytest

import mandate_session
from mandate_session import Lost, Request, StdTransport

OK = b"HTTP/1.1 200 OK\r\n"


def test_a_kept_connection_that_the_server_closed_is_not_used(world):
    transport = StdTransport()
    url = world.api + "/data"
    assert transport.send(Request("GET", url, {}), 5).status == 401
    (_, connection), = transport._idle[next(iter(transport._idle))]
    world.order({"op": "restart"})
    connection.sock.shutdown(2)
    assert transport.send(Request("GET", url, {}), 5).status in (200, 401)


def test_a_connection_is_kept_for_the_next_request(world):
    transport = StdTransport()
    for _ in range(3):
        transport.send(Request("GET", world.api + "/data", {}), 5)
        kept = [c for connections in transport._idle.values() for c in connections]
        assert len(kept) == 1
    transport.close()


def test_nobody_listens():
    with pytest.raises(mandate_session.NotSent, match="no connection"):
        StdTransport().send(Request("GET", "http://127.0.0.1:9/", {}), 1)


class Raw:
    """A server that says exactly these pieces to each connection, with a pause before each, and closes."""

    def __init__(self, *pieces: bytes, pause: float = 0) -> None:
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

        def serve() -> None:
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        time.sleep(pause)
                        try:
                            connection.sendall(piece)
                        except OSError:
                            break

        threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize("pieces", [
    (b"",), (b"HTTP/1.1 2",), (OK + b"Content-Length: 10\r\n\r\n12345",), (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123",),
    (b"\x16\x03\x01 what is this",),
])
def test_half_an_answer_is_a_lost_one(pieces):
    with pytest.raises(Lost):
        StdTransport().send(Request("GET", Raw(*pieces).url, {}), 2)


def test_a_server_that_drips_does_not_hold_the_caller():
    drip = Raw(OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 100, pause=0.1)
    began = time.monotonic()
    with pytest.raises(Lost, match="no answer in time"):
        StdTransport().send(Request("GET", drip.url, {}), 0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("pieces", [
    (OK + b"Content-Length: 2\r\n\r\n{}",), (OK + b"Content-", b"Length: 2\r\n\r\n", b"{", b"}"), (OK + b"Connection: close\r\n\r\n{}",),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",), (b"HTTP/1.0 200 OK\r\n\r\n{}",),
])
def test_whole_answers(pieces):
    assert StdTransport().send(Request("GET", Raw(*pieces, pause=0.01).url, {}), 2).body == b"{}"


def test_an_answer_without_a_body():
    assert StdTransport().send(Request("POST", Raw(b"HTTP/1.1 204 No Content\r\n\r\n").url, {}), 2).status == 204
    assert StdTransport().send(Request("HEAD", Raw(OK + b"Content-Length: 10\r\n\r\n").url, {}), 2).body == b""
