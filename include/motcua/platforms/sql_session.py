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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.platforms.base import Logins
from motcua.platforms.sql_drivers import CONNECT_SECONDS, STATEMENT_SECONDS, Driver, Trouble, driver_of
from motcua.registry import Source

# A log-in that meets no server is tried so often, with growing pauses.
TRIES = 3
# A server that does not keep its own time limit is hung up on so much later.
GRACE_SECONDS = 5

_LOGINS = Logins()
# what a driver makes of bytes that are no such database's
_NOT_ITS_PROTOCOL = (UnicodeDecodeError, struct.error, LookupError, ValueError, AssertionError)


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
    Trouble.OTHER: _Meaning(SourceChanged, "PROTOCOL", "{asked}: expected rows, got error {code}; ask its owner"),
}  # fmt: skip


class Session:
    """One transaction that sees one state of the database.

    Attributes:
        source: whose it is.
        clock_skew_seconds: how far the database's clock is ahead of ours.
        local_times: type codes of times without a zone.
    """

    def __init__(self, source: Source, connection: Connection, deadline: float) -> None:
        self.source = source
        self.clock_skew_seconds = 0.0
        self._connection = connection
        self._driver = driver_of(connection)
        self.local_times = self._driver.local_times
        self._line = _Line(deadline)
        engine = sa.create_engine(
            f"{self._driver.dialect}://", creator=self._log_in, poolclass=NullPool, hide_parameters=True,
            isolation_level=None,
        )  # fmt: skip
        with self._told("the log-in", CONNECT_SECONDS):
            self._link = engine.connect()
            if self._driver.begin:
                self._link.execute(sa.text(self._driver.begin))
        self.clock_skew_seconds = self._measure_skew()
