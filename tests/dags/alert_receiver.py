"""A real HTTP server on loopback that takes what Slack and any webhook are sent, and answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class AlertReceiver:
    """What came in: path, headers and JSON of each call; `answers` by path, 200 otherwise."""

    address: str = ""
    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    def to(self, path: str) -> list[Any]:
        """Bodies that came to a path."""
        return [body for called, _, body in self.calls if called == path]


@contextmanager
def alert_receiver() -> Iterator[AlertReceiver]:
    """A server for the length of a block."""
    receiver = AlertReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(receiver.answers.get(self.path, 200))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
