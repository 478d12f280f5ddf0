"""What the pages stand on for the life of the process: one pool of connections, one registry, one clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from motcua import warehouse
from motcua.domain.ticks import Ticks
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.views.sources import newest_moment
from motcua.warehouse import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every page needs.

    Attributes:
        engine: acts as the watcher, who may read the stable views and nothing else.
        registry: as it was when the process began, like everywhere.
        ticks: the moments at which collecting starts.
        clock: the time, or None where the city that is read stands still: then it is the newest moment read.
    """

    engine: sa.Engine
    registry: Registry
    ticks: Ticks
    clock: Callable[[], datetime] | None

    @classmethod
    def of_this_process(cls) -> Ground:
        """From the environment, as the DAGs have it."""
        settings = Settings.from_environment(os.environ)
        return cls(
            engine=warehouse.engine(settings, Role.WATCHER),
            registry=place.registry(settings.registry),
            ticks=place.ticks(settings.registry),
            clock=None if os.environ.get("MOTCUA_SCHEDULE") == "off" else lambda: datetime.now(UTC),
        )

    @contextmanager
    def looking(self) -> Iterator[tuple[sa.Connection, datetime]]:
        """A connection for one page, and the moment that the page is about.

        Nothing is changed by looking, and all of a page is of one moment: one snapshot for all its queries.
        """
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            yield connection, self.moment(connection)

    def moment(self, connection: sa.Connection) -> datetime:
        """Now; of a city that stands still, the newest moment that it was read as of."""
        if self.clock is None and (newest := newest_moment(connection)) is not None:
            return newest
        return self.clock() if self.clock else datetime.now(UTC)
