"""A portal that answers what a test says, over real HTTP, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from motcua.connections import Connection

OK = {"error_code": "00", "message": "Thành công", "result": None}
EXPIRED = {"error_code": "-1", "message": "Phiên làm việc không hợp lệ", "result": None}


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict

    @property
    def told(self) -> tuple[str, list[str]]:
        """What it was: `log-in`, `create`, `update`, `steps` or `look-up`, and of which dossiers."""
        if self.path.endswith("/auth"):
            return "log-in", []
        if self.body["service"] == "TraCuuHoSo":
            return "look-up", [self.body["mahoso"]]
        kinds = {"False": "create", "True": "update", None: "steps"}
        return kinds[self.body.get("isUpdating")], [one["MaHoSo"] for one in self.body["data"]]


@dataclass(frozen=True)
class Reply:
    """An answer; a status of 0 cuts the connection instead."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


LOST = Reply(status=0)


@dataclass
class ScriptedPortal:
    """What answers, and what was asked; log-ins are answered with sessions `s1`, `s2`, …"""

    url: str
    answer: Callable[[Call], Reply] = lambda _: Reply(OK)
    log_in: Callable[[Call], Reply] | None = None
    calls: list[Call] = field(default_factory=list)
    sessions: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def play(self, *replies: Reply) -> None:
        """Answers these in turn, then success."""
        left: list[Reply] = list(replies)
        self.answer = lambda _: left.pop(0) if left else Reply(OK)

    @property
    def told(self) -> list[tuple[str, list[str]]]:
        """What was asked, log-ins left out."""
        return [call.told for call in self.calls if call.told[0] != "log-in"]

    @property
    def connection(self) -> Connection:
        extra = {"auth_endpoint": "/auth", "integration_endpoint": "/integration", "madonvi": "H24"}
        return Connection(
            id="government_portal", host=self.url, login="USER", password="PASSWORD",
            extra=extra | {"dstcode": "VN:GOV:H24:motcua"},
        )  # fmt: skip

    def reply(self, call: Call) -> Reply:
        with self.lock:
            self.calls.append(call)
            if call.path == "/auth" and self.log_in is None:
                self.sessions += 1
                return Reply({"session": f"s{self.sessions}", "error_code": 0})
        return self.log_in(call) if call.path == "/auth" and self.log_in is not None else self.answer(call)


def rejecting(codes: Sequence[str], words: str = "Dữ liệu không hợp lệ", code: str = "-4") -> Callable[[Call], Reply]:
    """Refuses every call that carries one of these dossiers, and takes the others."""

    def answer(call: Call) -> Reply:
        is_bad = set(codes) & set(call.told[1])
        return Reply({"error_code": code, "message": words, "result": None} if is_bad else OK)

    return answer


@contextmanager
def serve_script() -> Iterator[ScriptedPortal]:
    """A scripted portal on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            reply = portal.reply(Call(self.path, dict(self.headers), json.loads(raw)))
            if reply.status == 0:
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in (reply.headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            with suppress(BrokenPipeError):  # the client has given up
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        portal = ScriptedPortal(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield portal
        finally:
            server.shutdown()
            thread.join()
