"""Installations that misbehave on request: per source, group or connection, for some answers or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import Response

MODES = (
    "down",
    "html_login",
    "truncated_json",
    "expired_token",
    "total_changes",
    "too_many_requests",
    "slow",
)
_LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Đăng nhập</title></head><body><form>Tên đăng nhập</form></body></html>"


@dataclass(slots=True)
class Trouble:
    """How an installation misbehaves; `times` answers, or for ever (None)."""

    mode: str
    times: int | None = None
    retry_after: str = "1"
    seconds: float = 1.0


class Troubles:
    """What misbehaves at present, by source, group or connection id."""

    def __init__(self) -> None:
        self._by_scope: dict[str, Trouble] = {}

    def set(self, scope: str, trouble: Trouble | None) -> None:
        """Makes a scope misbehave; None makes it well again."""
        if trouble is None:
            self._by_scope.pop(scope, None)
        else:
            self._by_scope[scope] = trouble

    def take(self, scopes: Iterable[str]) -> Trouble | None:
        """The trouble of the first scope that has one; counts as one answer."""
        for scope in scopes:
            trouble = self._by_scope.get(scope)
            if trouble is None:
                continue
            if trouble.times is not None:
                trouble.times -= 1
                if trouble.times <= 0:
                    del self._by_scope[scope]
            return trouble
        return None

    def current(self) -> dict[str, dict[str, object]]:
        """What misbehaves, as JSON."""
        return {
            scope: {"mode": one.mode, "times": one.times, "retry_after": one.retry_after, "seconds": one.seconds}
            for scope, one in self._by_scope.items()
        }


async def instead(trouble: Trouble | None) -> Response | None:
    """The answer given instead of the right one; None to go on (after a while, if slow)."""
    if trouble is None:
        return None
    if trouble.mode == "slow":
        await asyncio.sleep(trouble.seconds)
    if trouble.mode == "down":
        return Response("Service Unavailable", 503, media_type="text/plain")
    if trouble.mode == "html_login":
        return Response(_LOGIN_PAGE, 200, media_type="text/html")
    if trouble.mode == "too_many_requests":
        return Response("Too Many Requests", 429, {"Retry-After": trouble.retry_after}, media_type="text/plain")
    return None


def spoil(trouble: Trouble | None, body: bytes) -> bytes:
    """The right answer, cut off in the middle where that is the trouble."""
    return body[: len(body) // 2] if trouble is not None and trouble.mode == "truncated_json" else body
