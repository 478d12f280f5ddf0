"""HTTP answers that are wrong on purpose: given instead of the right one, or the right one with its bytes spoilt.

Every platform over HTTP calls `instead` before it answers, and sends what it answers through `spoilt`.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import orjson
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.city.misbehave import Trouble

JSON = "application/json"
_LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Đăng nhập</title></head><body><form>Tên đăng nhập</form></body></html>"
_BROKEN = (500, 502, 503, 504)


async def instead(trouble: Trouble | None) -> Response | None:
    """The answer given instead of the right one; None to go on (after a while, if slow)."""
    if trouble is None:
        return None
    if trouble.mode == "slow":
        await asyncio.sleep(trouble.seconds)
    if trouble.mode == "random_5xx" and trouble.chance.random() < trouble.share:
        return _plain("Server Error", trouble.chance.choice(_BROKEN))
    make = _INSTEAD.get(trouble.mode)
    return None if make is None else make(trouble)


def spoilt(trouble: Trouble | None, body: bytes, media_type: str = JSON) -> Response:
    """The right answer, spoilt where that is the trouble."""
    mode = None if trouble is None else trouble.mode
    if mode == "truncated_json":
        return Response(body[: len(body) // 2], media_type=media_type)
    if mode == "bad_gzip":
        return Response(body, media_type=media_type, headers={"Content-Encoding": "gzip"})
    if mode == "wrong_length":
        return _CutOff(body, media_type=media_type)
    answer = Response(body, media_type=media_type)
    if trouble is not None and mode == "clock_skew":
        answer.headers["Date"] = formatdate(time.time() + trouble.seconds, usegmt=True)
    return answer


def _plain(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="text/plain")


def _unauthorised(trouble: Trouble) -> Response:
    content = {"code": trouble.status, "message": "Tài khoản không có quyền", "data": None}
    return Response(orjson.dumps(content), trouble.status, media_type=JSON)


def _retry_after(text: str) -> str:
    """`date+7` is written as the date in seven seconds; anything else as it is."""
    return formatdate(time.time() + float(text[5:]), usegmt=True) if text.startswith("date+") else text


_INSTEAD = {
    "down": lambda _: _plain("Service Unavailable", 503),
    "too_many_requests": lambda trouble: _plain(
        "Too Many Requests", 429, {"Retry-After": _retry_after(trouble.retry_after)}
    ),
    "unauthorised": _unauthorised,
    "html_login": lambda _: Response(_LOGIN_PAGE, 200, media_type="text/html"),
    "error_json": lambda _: Response(b'{"error":"internal"}', 200, media_type=JSON),
    "empty_body": lambda _: Response(b"", 200, media_type=JSON),
    "redirect": lambda trouble: _plain("Found", 302, {"Location": trouble.location}),
}


class _CutOff(Response):
    """Promises more than it sends, and hangs up."""

    def init_headers(self, headers: object = None) -> None:
        super().init_headers(None)
        self.headers["Content-Length"] = str(len(self.body) + 1_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})


class Dated:
    """Adds the header Date, unless the answer has one already: of a source whose clock is wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Date", formatdate(time.time(), usegmt=True))
            await send(message)

        await self._app(scope, receive, dated)
