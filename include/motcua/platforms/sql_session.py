"""A read-only session with an office's database: every wait bounded, every failure told as the source's.

What the database's errors say is never told: they may quote a dossier. Their codes are.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.http import MOST_SKEW_SECONDS
from motcua.platforms.base import Logins
from motcua.platforms.sql_drivers import CONNECT_SECONDS, Trouble, driver_of
from motcua.registry import Source

# A log-in that meets no server is tried so often, with growing pauses.
TRIES = 3
# As the HTTP session's limit of reading. The server gives up first; on one that does not, we hang up a little later.
STATEMENT_SECONDS = 30
GRACE_SECONDS = 5

_LOGINS = Logins()
# what the drivers, and the reading of the clock, raise on bytes that no such database sends
_NOT_ITS_PROTOCOL = (struct.error, LookupError, ValueError, AssertionError)


class _Meaning(NamedTuple):
    error: type[SourceError]
    kind: str
    message: str


_MEANINGS = {
    Trouble.TOO_SLOW: _Meaning(
        SourceUnavailable, "TIMEOUT", "no answer about {asked} within its time limit; it is tried again next cycle"
    ),
    Trouble.LOST: _Meaning(
        SourceUnavailable, "UNAVAILABLE", "connection failed: {code}; it is tried again next cycle"
    ),
    Trouble.LOG_IN: _Meaning(
        SourceRefused, "AUTH",
        "refuses the log-in of connection {connection} ({code}): mend its login, password and schema",
    ),
    Trouble.RIGHT: _Meaning(
        SourceRefused, "AUTH", "does not let our account read {asked} ({code}): its owner must grant SELECT on it"
    ),
    Trouble.NO_VIEW: _Meaning(
        SourceChanged, "PROTOCOL",
        "expected {asked}, got none of this name ({code}); look at schema and search_path of connection {connection}, "
        "then ask its owner",
    ),
    Trouble.NO_COLUMN: _Meaning(
        SourceChanged, "PROTOCOL",
        "{asked}: expected the columns of the contract, got error {code}, one is missing; ask its owner what changed",
    ),
    Trouble.WRITES: _Meaning(
        SourceChanged, "PROTOCOL", "{asked}: expected a view that only reads, got error {code}; ask its owner"
    ),
    Trouble.OTHER: _Meaning(SourceChanged, "PROTOCOL", "{asked}: expected an answer, got error {code}; ask its owner"),
}  # fmt: skip


@contextmanager
def opened(source: Source, connection: Connection, *, deadline: float) -> Iterator[Session]:
    """A session until the block ends; a log-in that failed speaks for the other sources of the installation.

    Args:
        source: for whom.
        connection: host, port, schema, login, password, and `dialect`, `search_path`, `ca` in its extra.
        deadline: monotonic second at which everything ends.

    Raises:
        ConfigError: the connection lacks something.
        SourceUnavailable, SourceRefused, SourceChanged: as `Platform.read_listing`.
    """
    session = _LOGINS.open(source, connection, lambda: _logged_in(source, connection, deadline))
    try:
        yield session
    finally:
        session.close()


def _logged_in(source: Source, connection: Connection, deadline: float) -> Session:
    for attempt in range(1, TRIES + 1):
        session = Session(source, connection, deadline)
        try:
            session.open()
        except SourceError as error:
            session.close()
            pause = 0.5 * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # together failed, not together back
            if error.kind != "UNAVAILABLE" or attempt == TRIES or time.monotonic() + pause >= deadline:
                raise
            time.sleep(pause)
        else:
            return session
    raise AssertionError("unreachable: the last try returns or raises")


class Session:
    """One transaction that sees one state of the database.

    Attributes:
        source: whose it is.
        clock_skew_seconds: how far the database's clock is ahead of ours, whatever its zone; None when it is
            no clock.
    """

    def __init__(self, source: Source, connection: Connection, deadline: float) -> None:
        self.source = source
        self.clock_skew_seconds: float | None = None
        self._connection = connection
        self._driver = driver_of(connection)
        self._line = _Line(deadline)
        self._engine = sa.create_engine(
            f"{self._driver.dialect}://", creator=self._log_in, poolclass=NullPool, hide_parameters=True
        )
        self._link: sa.Connection | None = None

    def open(self) -> None:
        """Logs in, begins the transaction, and looks at the clock."""
        with self._told("the log-in"), self._line.waiting(CONNECT_SECONDS + GRACE_SECONDS):
            self._link = self._engine.connect()
            if self._driver.begin:
                self._link.execute(sa.text(self._driver.begin))
        before = time.time()
        told = str(self.rows(sa.text(self._driver.utc_now), of="its clock")[0][0])
        ours = (before + time.time()) / 2
        with self._told("its clock"):
            skew = round(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp() - ours, 3)
            self.clock_skew_seconds = skew if abs(skew) <= MOST_SKEW_SECONDS else None

    def columns(self, view: str) -> dict[str, bool]:
        """Names of a view's columns in their order, and which of them are times without a zone."""
        everything: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(sa.table(view)).limit(0)  # as above
        with self._asked(everything, view) as result:
            assert result.cursor is not None, "a SELECT has a cursor"
            return {name: code in self._driver.local_times for name, code, *_ in result.cursor.description or ()}

    def rows(self, statement: sa.Executable, *, of: str) -> Sequence[sa.Row[Any]]:  # Any: columns are the source's
        """All rows of a statement about `of`, a view or what else a message is to call it."""
        with self._asked(statement, of) as result:
            return result.all()

    def close(self) -> None:
        """Ends the transaction and hangs up."""
        # what was read was read: a line that breaks at goodbye changes nothing
        with contextlib.suppress(sa.exc.DBAPIError):
            if self._link is not None:
                self._link.close()
        self._line.close()

    def _log_in(self) -> Any:  # Any: DBAPI connections have no common type
        port = self._connection.port or self._driver.port
        seconds = max(0.1, min(STATEMENT_SECONDS, self._line.seconds_left))  # 0 would be no limit at all
        return self._driver.open(self._connection, port, seconds, self._line.watch)

    @contextmanager
    def _asked(self, statement: sa.Executable, of: str) -> Iterator[sa.CursorResult[Any]]:
        assert self._link is not None, "opened before it is asked"
        with self._told(of), self._line.waiting(STATEMENT_SECONDS + GRACE_SECONDS):
            yield self._link.execute(statement)

    @contextmanager
    def _told(self, asked: str) -> Iterator[None]:
        """Errors of the database and of its driver as errors of the source; not chained, for they may quote a row."""
        try:
            yield
        except TimeoutError:
            trouble, code = Trouble.TOO_SLOW, ""
        except sa.exc.DBAPIError as error:
            trouble, code = self._driver.trouble(error.orig)
            if self._line.was_cut:
                trouble = Trouble.TOO_SLOW
        except _NOT_ITS_PROTOCOL as error:
            trouble, code = Trouble.OTHER, type(error).__name__
        else:
            return
        meaning = _MEANINGS[trouble]
        message = meaning.message.format(asked=asked, code=code, connection=self._connection.id)
        raise meaning.error(self.source.id, message, kind=meaning.kind) from None


class _Line:
    """The socket of a session, shut when an answer takes too long: no driver bounds a whole answer by itself."""

    def __init__(self, deadline: float) -> None:
        self.was_cut = False
        self._deadline = deadline
        self._socket: socket.socket | None = None

    @property
    def seconds_left(self) -> float:
        """Until the deadline."""
        return self._deadline - time.monotonic()

    def watch(self, line: socket.socket) -> None:
        """Takes a duplicate of the driver's socket, as soon as there is one."""
        self._socket = line

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """What is waited for ends within so many seconds, and by the deadline; TimeoutError when none are left."""
        left = min(seconds, self.seconds_left)
        if left <= 0:
            raise TimeoutError
        timer = threading.Timer(left, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """Lets go of the duplicate."""
        if self._socket is not None:
            self._socket.close()

    def _cut(self) -> None:
        self.was_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the answer came at the last moment, and the line is closed
                self._socket.shutdown(socket.SHUT_RDWR)
