"""A subscriber: real HTTP on loopback, and the standard's own library to verify what comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from motcua.connections import Connection
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the specification's own examples
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@dataclass(frozen=True)
class Notice:
    """One request as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def seq(self) -> int:
        return int(json.loads(self.body)["seq"])

    def verify(self, secret: str = SECRET) -> None:
        """WebhookVerificationError unless the library takes it; its clock is the real one."""
        Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What answers, and what came: `answer` gives a status, and headers where it needs them."""

    url: str
    answer: Callable[[Notice], int | tuple[int, dict[str, str]]] = lambda _: 204
    came: list[Notice] = field(default_factory=list)

    def connection(self, connection_id: str = "subscriber", **differs: str) -> Connection:
        """Its address and secret."""
        return Connection(**{"id": connection_id, "host": f"{self.url}/feed", "password": SECRET, **differs})

    @property
    def seqs(self) -> list[int]:
        return [notice.seq for notice in self.came]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            notice = Notice({name.lower(): value for name, value in self.headers.items()}, body)
            receiver.came.append(notice)
            answer = receiver.answer(notice)
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            with suppress(ConnectionError):  # who asked may be gone by now
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
