"""A real HTTP server on loopback that answers what a test says, well or badly."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came; `path` without its query, header names as sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back.

    Attributes:
        length: announced length, when it is not the body's.
        after: seconds of silence before the answer.
        between: seconds before each byte of the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: str | None = None
    after: float = 0.0
    between: float = 0.0


Script = Callable[[Request], Reply]


class ScriptedServer(ThreadingHTTPServer):
    """Answers by `script`, and remembers what it was asked and over how many connections."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []
        self.connections = 0
        self.closing = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:  # as the standard library types it
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up waiting is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        request = Request(
            method=self.command, path=url.path, query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=self.headers, body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )  # fmt: skip
        self.server.requests.append(request)
        self._send(self.server.script(request))

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        self.server.closing.wait(reply.after)
        length = reply.length or str(len(reply.body))
        self.close_connection = length != str(len(reply.body))
        self.send_response(reply.status)
        for name, value in ({"Content-Length": length} | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if not reply.between:
            self.wfile.write(reply.body)
            return
        for byte in reply.body:
            self.wfile.write(bytes([byte]))
            time.sleep(reply.between)

    def log_message(self, *_: object) -> None:
        """Tests say what they want to know themselves."""


@contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """A server while the block lasts."""
    with ScriptedServer(script) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
