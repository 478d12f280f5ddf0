"""The line itself: each way to fail is one that a client can see."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.contract.scripted_server import Reply, ScriptedServer, serving
from tests.faults.proxy import Proxy, Toxic

pytestmark = pytest.mark.slow

BODY = b"x" * 20_000


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(lambda _: Reply(body=BODY)) as running:
        yield running


@pytest.fixture
def line(server: ScriptedServer) -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", server.server_address[1])) as proxy:
        yield proxy


Dial = Callable[..., socket.socket]


@pytest.fixture
def dial(line: Proxy) -> Iterator[Dial]:
    """Opens connections over the line."""
    with ExitStack() as stack:
        yield lambda timeout=2.0: stack.enter_context(socket.create_connection(("127.0.0.1", line.port), timeout))


def ask(client: socket.socket, path: str = "/") -> bytes:
    """All that comes back, until the answer is whole or the line ends."""
    client.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    came = b""
    while not came.endswith(BODY) and (piece := client.recv(65536)):
        came += piece
    return came


def test_line_that_is_well_carries_every_byte(line: Proxy, dial: Dial) -> None:
    assert ask(dial()).endswith(b"\r\n\r\n" + BODY)
    assert line.attempts == 1


def test_line_that_is_down_refuses_and_is_found_again_at_the_same_port(line: Proxy, dial: Dial) -> None:
    line.down()
    with pytest.raises(ConnectionRefusedError):
        ask(dial())
    line.up()
    assert ask(dial()).endswith(BODY)


@pytest.mark.parametrize("after", [0, 10_000], ids=["at once", "in the middle"])
def test_reset_line_is_no_end(line: Proxy, dial: Dial, after: int) -> None:
    line.spoil(Toxic(reset_after=after))
    with pytest.raises(ConnectionResetError):
        ask(dial())


def test_line_closed_in_the_middle_looks_like_an_end(line: Proxy, dial: Dial) -> None:
    line.spoil(Toxic(close_after=10_000))
    assert len(ask(dial())) == 10_000


def test_silent_line_takes_the_request_and_never_answers(line: Proxy, dial: Dial, server: ScriptedServer) -> None:
    line.spoil(Toxic(is_silent=True))
    with pytest.raises(TimeoutError):
        ask(dial(0.3))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("toxic", "at_least"),
    [
        (Toxic(latency=0.2), 0.2),
        (Toxic(bytes_per_second=5_000, close_after=400), 0.08),
    ],
    ids=["latency", "bandwidth"],
)
def test_slow_line_takes_its_time(line: Proxy, dial: Dial, toxic: Toxic, at_least: float) -> None:
    line.spoil(toxic)
    began = time.monotonic()
    ask(dial())
    assert time.monotonic() - began >= at_least


def test_line_that_closes_slowly_is_open_for_a_while(line: Proxy, server: ScriptedServer, dial: Dial) -> None:
    line.spoil(Toxic(slow_close=0.3))
    server.script = lambda _: Reply(body=BODY, length="99999")  # closes, since it has no more
    client = dial()
    ask(client)
    began = time.monotonic()
    assert client.recv(1) == b""
    assert time.monotonic() - began >= 0.2


def test_sliced_answer_is_whole_in_the_end(line: Proxy, dial: Dial) -> None:
    line.spoil(Toxic(slice_bytes=7))
    assert ask(dial()).endswith(BODY)


def test_only_so_many_connections_are_spoilt(line: Proxy, dial: Dial) -> None:
    line.spoil(Toxic(reset_after=0, lines=1))
    with pytest.raises(ConnectionResetError):
        ask(dial())
    assert ask(dial()).endswith(BODY)


def test_lost_answer_is_one_to_a_request_that_was_acted_on(line: Proxy, dial: Dial, server: ScriptedServer) -> None:
    line.spoil(Toxic(loses_answer_to=b"GET /commit", once_past=b"GET /mark"))
    client = dial()
    assert [ask(client, path)[-1:] for path in ("/commit", "/mark")] == [b"x", b"x"]
    with pytest.raises(ConnectionResetError):
        ask(client, "/commit")
    assert [request.path for request in server.requests] == ["/commit", "/mark", "/commit"]
    assert line.lost == 1


def test_mended_line_is_well(line: Proxy, dial: Dial) -> None:
    line.spoil(Toxic(is_silent=True))
    line.mend()
    assert ask(dial()).endswith(BODY)
