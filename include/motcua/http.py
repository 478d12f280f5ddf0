"""The one way to speak HTTP: every wait bounded, certificates checked, redirects refused, politeness kept.

HttpError
├── HttpUnavailable    no whole answer: time-out, refused, cut off, too many requests; `sent`: it may have arrived
└── HttpUnexpected     an answer that no contract allows: a redirect, too large

What a status or a body means is its caller's business.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypedDict, Unpack

import requests
import urllib3
from requests.adapters import HTTPAdapter

from motcua.errors import ConfigError

USER_AGENT = "motcua/0.1 (+https://haiphong.gov.vn)"
BITE = 64 * 1024
# what the header cannot tell, and the way there and back: clocks that differ by less are the same
LEAST_SKEW_SECONDS = 2.0
# what is further off is no clock
MOST_SKEW_SECONDS = 86_400.0


class HttpError(Exception):
    """A call that brought no usable answer.

    Attributes:
        kind: short class for ledgers: `TIMEOUT, UNAVAILABLE, RATE_LIMIT, PROTOCOL, LIMIT`.
        sent: whether the request may have reached the other side.
    """

    def __init__(self, kind: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.sent = sent


class HttpUnavailable(HttpError):
    """No whole answer within the time allowed."""


class HttpUnexpected(HttpError):
    """An answer that no contract allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much; seconds and bytes.

    Attributes:
        connect: to open a connection.
        read: between two pieces of an answer.
        total: for one call, from its first byte to its last, whatever trickles in.
        body: largest answer, opened.
        tries: of a call that may be repeated.
        retry_after: longest wait that a 429 or 503 may ask for; a longer one ends the call.
    """

    connect: float = 5.0
    read: float = 30.0
    total: float = 120.0
    body: int = 64 * 1024 * 1024
    tries: int = 3
    retry_after: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Request(TypedDict, total=False):
    """What `requests` takes of a request."""

    headers: Mapping[str, str]
    params: Mapping[str, str | int]
    data: Mapping[str, str] | bytes


class Pace:
    """At most so many calls a second, over all threads that share it."""

    def __init__(self, per_second: float, *, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self._now = now
        self._sleep = sleep

    def wait(self) -> None:
        """Returns when the next call may go."""
        with self._lock:
            now = self._now()
            turn = max(self._next, now)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)


class HttpSession:
    """One session with one other side; may be shared by threads.

    Attributes:
        clock_skew_seconds: how far the other side's clock was ahead of ours at its last answer; None when unknown.

    Args:
        limits: see `Limits`.
        rate_per_second: calls a second over all threads.
        ca: file of certificates to trust instead of the system's.
        connections: sockets kept open side by side.
        now: monotonic seconds.
        sleep: waits so many seconds.

    Raises:
        ConfigError: `ca` is no file; a call would tell of it as if the other side were down.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        rate_per_second: float,
        ca: str | None = None,
        connections: int = 8,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if ca and not Path(ca).is_file():
            raise ConfigError(f"ca: {ca} is no file; mend the connection, or put the certificates there")
        self._limits = limits
        self._now = now
        self._sleep = sleep
        self._pace = Pace(rate_per_second, now=now, sleep=sleep)
        self.clock_skew_seconds: float | None = None
        self._session = _Session()
        self._session.trust_env = False  # no proxies, no .netrc: secrets go where the connection says
        self._session.verify = ca or True
        self._session.headers["User-Agent"] = USER_AGENT
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Closes its sockets."""
        self._session.close()

    def send(self, method: str, url: str, *, deadline: float | None = None, **request: Unpack[Request]) -> Answer:
        """One call, tried once; any status is an answer.

        Args:
            method: HTTP method.
            url: where.
            deadline: monotonic second at which to give up, if earlier than the total limit.
            request: headers, params, data.

        Raises:
            HttpUnavailable: no whole answer.
            HttpUnexpected: a redirect, or more bytes than allowed.
        """
        self._pace.wait()
        left = self._limits.total if deadline is None else min(self._limits.total, deadline - self._now())
        if left <= 0:
            raise HttpUnavailable("TIMEOUT", "no time was left to ask", sent=False)
        end = self._now() + left
        timeout = (min(self._limits.connect, left), min(self._limits.read, left))
        sent = False
        try:
            with self._session.request(
                method, url, timeout=timeout, allow_redirects=False, stream=True, **request
            ) as response:
                sent = True
                self.clock_skew_seconds = clock_skew_seconds(response)
                if response.is_redirect or response.is_permanent_redirect:
                    raise HttpUnexpected("PROTOCOL", "answers with a redirect, which is never followed", sent=True)
                body = self._read(response, end)
                return Answer(status=response.status_code, headers=response.headers, body=body)
        except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
            raise HttpUnavailable("UNAVAILABLE", f"cannot be reached: {_cause(error)}", sent=False) from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise HttpUnavailable("TIMEOUT", f"no answer within {timeout[1]:.3g} s", sent=True) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            refused = isinstance(_root(error), ConnectionRefusedError)
            raise HttpUnavailable(
                "UNAVAILABLE", f"connection failed: {_cause(error)}", sent=sent or not refused
            ) from error

    def fetch(
        self,
        method: str,
        url: str,
        *,
        deadline: float | None = None,
        is_final: Callable[[Answer], bool] = lambda _: False,
        **request: Unpack[Request],
    ) -> Answer:
        """One call that may be repeated: retried on no answer, 429 and 5xx, with growing pauses.

        `is_final` says of an answer with 5xx that repeating the call is no use: it is returned.

        Raises:
            HttpUnavailable: the last try failed too, or a pause would outlast the deadline.
            HttpUnexpected: as `send`; not retried.
        """
        end = deadline if deadline is not None else self._now() + self._limits.total
        for attempt in range(1, self._limits.tries + 1):
            pause = _pause(attempt)
            try:
                answer = self.send(method, url, deadline=end, **request)
            except HttpUnavailable:
                if attempt == self._limits.tries or self._now() + pause >= end:
                    raise
            else:
                if answer.status != 429 and (answer.status < 500 or is_final(answer)):
                    return answer
                pause = self._pause_after(answer, attempt, pause, end)
            self._sleep(pause)
        raise AssertionError("unreachable: the last try returns or raises")

    def _pause_after(self, answer: Answer, attempt: int, pause: float, end: float) -> float:
        """How long to wait after a 429 or 5xx: as long as it asks, else `pause`; raises when that is no use."""
        kind = "RATE_LIMIT" if answer.status == 429 else "UNAVAILABLE"
        asked = retry_after(answer.headers.get("Retry-After"))
        wait = pause if asked is None else asked
        if attempt < self._limits.tries and wait <= self._limits.retry_after and self._now() + wait < end:
            return wait
        if attempt == self._limits.tries or asked is None:
            raise HttpUnavailable(kind, f"answered {answer.status} at try {attempt} of {self._limits.tries}", sent=True)
        raise HttpUnavailable(kind, f"answered {answer.status} and asks to wait {asked:.0f} s", sent=True)

    def _read(self, response: requests.Response, end: float) -> bytes:
        """The whole body, opened; whatever trickles in, no longer than until `end`."""
        pieces: list[bytes] = []
        size = 0
        while True:
            if self._now() > end:
                raise HttpUnavailable("TIMEOUT", f"answer not complete after {size} bytes", sent=True)
            piece = response.raw.read1(BITE, decode_content=True)
            if not piece:
                break
            size += len(piece)
            if size > self._limits.body:
                raise HttpUnexpected("LIMIT", f"answer larger than {self._limits.body} bytes", sent=True)
            pieces.append(piece)
        return b"".join(pieces)  # urllib3 has compared its length with the announced one


def clock_skew_seconds(response: requests.Response) -> float | None:
    """How far the other side's clock is ahead of ours, by its `Date` (whole seconds); None where it tells none.

    What is more than a day off is no clock: a source's word must not move what it is asked for by years.
    """
    told = response.headers.get("Date")
    if told is None:
        return None
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # it was told about halfway of the call, and its fraction of a second was cut off
    asked_at = time.time() - response.elapsed.total_seconds() / 2
    skew = moment.timestamp() + 0.5 - asked_at
    if abs(skew) > MOST_SKEW_SECONDS:
        return None
    return 0.0 if abs(skew) <= LEAST_SKEW_SECONDS else skew


class _Session(requests.Session):
    """Blind to redirects: requests would read the whole body of one, however large, to prepare the next call."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def retry_after(text: str | None) -> float | None:
    """Seconds that `Retry-After` asks to wait, given as seconds or as a date; None when it asks nothing readable."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)  # RFC 9110: a date without a zone, or with -0000, is UTC
        return max(moment.timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _pause(attempt: int) -> float:
    """0.5 s, 1 s, 2 s …, each by a random half: many that failed together do not come back together."""
    return float(0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def _root(error: BaseException) -> BaseException:
    """What is at the bottom of requests' and urllib3's wrappings."""
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    inner = inner or getattr(error, "reason", None) or error.__cause__ or error.__context__
    return error if not isinstance(inner, BaseException) or inner is error else _root(inner)


def _cause(error: BaseException) -> str:
    """A word for people; never the URL, which may carry a secret."""
    return type(_root(error)).__name__
