"""What all platforms share: windows, listings, the shape of an adapter, and how HTTP errors become a source's."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson

from motcua.connections import Connection
from motcua.domain.calendar import VIETNAM
from motcua.errors import ConfigError, SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.http import Answer, HttpSession, HttpUnavailable, HttpUnexpected, Limits
from motcua.registry import Source

EVERYTHING_SINCE = datetime(2000, 1, 1, tzinfo=VIETNAM)
# A listing that moves while it is read is read again, so many times in all (contract, "complete").
READINGS = 3
# No source of ours holds more pages than this in one window; a paging that never ends is refused here.
MOST_PAGES = 10_000
# Ten times what any platform gives at once.
MOST_ROWS = 5_000

# A failed log-in speaks for the sources that ask so soon afterwards: those that waited for it, and the next in line.
FAILURE_COUNTS_SECONDS = 5.0

Keep = Callable[[bytes], str]
Opened = TypeVar("Opened")
# an object of a page, as JSON gives it
Record = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Change times asked for: from `since` (None: everything) up to, and not with, `until`; aware.

    With `by_change`, pages by number are not trusted: each page is asked for from the last change time on, so that
    no row can slip from one page to another that is read already. Rows of a border then come twice.
    """

    since: datetime | None
    until: datetime
    by_change: bool = False

    @property
    def start(self) -> datetime:
        """First moment, in Vietnam's time."""
        return (self.since or EVERYTHING_SINCE).astimezone(VIETNAM)

    @property
    def end(self) -> datetime:
        """First moment no longer asked for, in Vietnam's time."""
        return self.until.astimezone(VIETNAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRef:
    """One archived page: `rows` records of `unit`, in reading order.

    `note` says what the bytes themselves do not, and reading them again needs: of a register file its name and the
    time of its upload. It stands in the batch ledger, so no person's name may be in it.
    """

    unit: str
    sha256: str
    rows: int
    note: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A complete listing.

    Attributes:
        pages: in reading order.
        announced: the total that the source told, None where its platform tells none.
        fetched: rows read, repeated ones too.
        clock_skew_seconds: how far the source's clock is ahead of ours, None where it shows none.
    """

    pages: tuple[PageRef, ...]
    announced: int | None
    fetched: int
    clock_skew_seconds: float | None = None


class Platform(Protocol):
    """One product: reads listings of its installations, and parses its pages again from the archive."""

    @property
    def name(self) -> str:
        """As in the registry."""
        ...

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """Reads every unit of a source to its end; each page is kept before it is parsed.

        Raises:
            SourceUnavailable: down, slow, or over its limit.
            SourceRefused: the log-in is refused.
            SourceChanged: an answer against the contract, or a listing that would not hold still.
        """
        ...

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Iterable[Record]:
        """Records of a page that `read_listing` has kept, in order; `note` is that of its `PageRef`."""
        ...


class Moving(Exception):
    """A listing changed while it was read: read it again."""


class Logins:
    """Tokens by connection, shared by all sources of one installation in this process.

    A log-in that failed is not tried again at once for each of them: thirty sources behind a dead host would wait
    for thirty time-outs, one after the other, and thirty tries of a wrong password lock an account.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._failures: dict[str, tuple[float, SourceError]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def token(
        self, source: Source, connection: Connection, log_in: Callable[[], str], *, stale: str | None = None
    ) -> str:
        """The token held, or a new one when there is none or it is the one that went `stale`."""
        key = self._key(connection)
        with self._lock_of(key):
            held = self._tokens.get(key)
            if held is None or held == stale:
                held = self._tokens[key] = self._new(key, source, log_in)
            return held

    def open(self, source: Source, connection: Connection, log_in: Callable[[], Opened]) -> Opened:
        """What a log-in opens and nobody can share, such as a session with a database: opened one after the other."""
        key = self._key(connection)
        with self._lock_of(key):
            return self._new(key, source, log_in)

    def _key(self, connection: Connection) -> str:
        return f"{connection.id} {connection.host} {connection.port} {connection.login}"

    def _lock_of(self, key: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def _new(self, key: str, source: Source, log_in: Callable[[], Opened]) -> Opened:
        failed_at, failure = self._failures.get(key, (0.0, None))
        if failure is not None and time.monotonic() - failed_at < FAILURE_COUNTS_SECONDS:
            raise failure.at(source.id)
        try:
            return log_in()
        except SourceError as error:
            self._failures[key] = time.monotonic(), error
            raise


def base_url(connection: Connection) -> str:
    """The connection's host, without an ending slash; ConfigError when it is no address that HTTP can use."""
    host = connection.required("host")
    if not host.startswith(("http://", "https://")):
        raise ConfigError(
            f"connection {connection.id}: host: expected a base URL such as https://office.example, got one without "
            "http:// or https://; mend the connection"
        )
    return host.rstrip("/")


def session(source: Source, connection: Connection) -> tuple[HttpSession, float]:
    """An HTTP session for one listing, and the monotonic second at which its time budget ends."""
    http = HttpSession(
        limits=Limits(), rate_per_second=source.rate_per_second, ca=connection.extra.get("ca"), connections=2
    )
    return http, time.monotonic() + source.time_budget_seconds


@contextmanager
def told_as(source: Source) -> Iterator[None]:
    """HTTP errors as errors of the source."""
    try:
        yield
    except HttpUnavailable as error:
        raise SourceUnavailable(source.id, f"{error}; it is tried again next cycle", kind=error.kind) from error
    except HttpUnexpected as error:
        raise SourceChanged(source.id, f"{error}; ask its owner what changed", kind=error.kind) from error


def json_object(source: Source, answer: Answer) -> dict[str, object]:
    """The answer's JSON object.

    Raises:
        SourceRefused: 401 or 403.
        SourceChanged: another status than 200, or a body that is no JSON object (a log-in page, an empty body).
    """
    if answer.status in {401, 403}:
        raise SourceRefused(source.id, f"answers {answer.status}: its owner must let our account in")
    if answer.status != 200:
        raise SourceChanged(source.id, f"expected status 200, got {answer.status}; ask its owner")
    try:
        found = parse(answer.body)
    except orjson.JSONDecodeError as error:
        kind = answer.headers.get("Content-Type", "no content type")[:40]
        place = f", broken at character {error.pos}" if "json" in kind.lower() else ""
        raise SourceChanged(
            source.id, f"expected JSON, got {len(answer.body)} bytes of {kind}{place}; ask its owner"
        ) from error
    if not isinstance(found, dict):
        raise SourceChanged(source.id, f"expected a JSON object, got {type(found).__name__}; ask its owner")
    return found


def local_moment(text: str) -> datetime | None:
    """A time of Vietnam in ISO form, with or without separators; None for what is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)
    except ValueError:
        return None


# Any: whatever JSON says
def parse(body: bytes) -> Any:
    """A page's JSON; a text cut in the middle of a letter does not lose the page: U+FFFD marks its row as damaged."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
        if "\ufffd" not in text:
            raise
        return orjson.loads(text)


def brief(value: object) -> str:
    """A code of a source's envelope as it may be told: what is short, or its type alone."""
    return repr(value) if re.fullmatch(r"[-0-9A-Za-z]{0,8}", str(value)) else f"a {type(value).__name__}"


def field(source: Source, found: Mapping[str, object], name: str, expected: type) -> object:
    """A required value of the envelope; SourceChanged names the field, what was expected and what came."""
    value = found.get(name)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        came = "nothing" if name not in found else type(value).__name__
        raise SourceChanged(source.id, f"field {name}: expected {expected.__name__}, got {came}; ask its owner")
    return value


def records_in(source: Source, value: object, name: str) -> Sequence[Record]:
    """A list of objects; SourceChanged when it is none."""
    if isinstance(value, list) and len(value) > MOST_ROWS:
        raise SourceChanged(
            source.id, f"field {name}: {len(value)} objects, above {MOST_ROWS} on one page; ask its owner", kind="LIMIT"
        )
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SourceChanged(source.id, f"field {name}: expected a list of objects; ask its owner")
    try:
        orjson.dumps(value)  # what can be read can be nested deeper than what can be written
    except TypeError as error:
        raise SourceChanged(source.id, f"field {name}: objects nested too deep; ask its owner") from error
    return value
