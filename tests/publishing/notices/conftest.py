"""One warehouse, one clock and some subscribers a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.connections import Connection
from motcua.errors import ConfigError
from motcua.publishing import notices
from motcua.publishing.notices.sender import LIMITS
from motcua.registry.model import Subscriber
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.notices.receiver import Receiver, receiving

QUICK = replace(LIMITS, connect=1.0, read=1.0, total=1.0)


@dataclass
class Desk:
    """Whoever sends the notices: a clock that stands until it is moved, and the subscribers it knows."""

    engine: sa.Engine
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    known: dict[str, Connection] = field(default_factory=dict)

    def get(self, connection_id: str) -> Connection:
        """As `Connections` does."""
        if connection_id not in self.known:
            raise ConfigError(f"connection {connection_id} is not defined")
        return self.known[connection_id]

    def add(self, subscriber: str, receiver: Receiver, **differs: str) -> None:
        self.known[f"of_{subscriber}"] = receiver.connection(f"of_{subscriber}", **differs)

    def tell(self, seq: int, after: timedelta = timedelta(0), **more: Any) -> dict[str, int]:
        """One run, with the pointer at `seq`; what came of it, without what is 0."""
        self.now += after
        body = orjson.dumps({"seq": seq, "manifest": f"versions/{seq:08d}/manifest.json"})
        subscribers = [Subscriber(id=name.removeprefix("of_"), name="Cổng", connection=name) for name in self.known]
        outcome = notices.notify(
            self.engine, self, subscribers, notices.Pointer.of(body), clock=lambda: self.now, limits=QUICK, **more
        )
        return {name: number for name, number in outcome.items() if number}

    def ledger(self) -> dict[tuple[str, int], Any]:
        """Rows of api.notice by subscriber and version."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT * FROM api.notice ORDER BY subscriber, seq"))
            return {(row.subscriber, row.seq): row for row in rows}

    def states(self) -> dict[tuple[str, int], tuple[str, int]]:
        """State and tries by subscriber and version."""
        return {key: (row.state, row.attempts) for key, row in self.ledger().items()}


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    engine = warehouse.engine(settings, Role.NOTIFIER)
    yield Desk(engine)
    engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one
