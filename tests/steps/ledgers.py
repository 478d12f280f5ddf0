"""A warehouse's ledgers as a good day leaves them, and what a test does to them: rows as the steps write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from motcua import warehouse
from motcua.domain.calendar import VIETNAM
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps.cycles import in_force

AS_OF = datetime(2018, 12, 25, 10, tzinfo=VIETNAM)  # a Tuesday
SOURCES = [source.id for source in in_force(load_registry(), AS_OF)]
OF_IGATE = [source.id for source in in_force(load_registry(), AS_OF) if source.platform == "igate"]


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Writes as the warehouse's owner."""

    settings: Settings

    def write(self, statement: str, **values: object) -> None:
        engine = warehouse.engine(self.settings, None)
        with engine.begin() as connection:
            connection.execute(sa.text(statement), values)
        engine.dispose()

    def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        engine = warehouse.engine(self.settings, None)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(sa.text(query), values)]
        engine.dispose()
        return found

    def good_day(self, as_of: datetime = AS_OF) -> None:
        """Every source was read five minutes ago, in a cycle that is over and published."""
        before = as_of - timedelta(minutes=5)
        self.write(
            "INSERT INTO core.source_state (source_id, state, attempted_as_of, succeeded_as_of)"
            " SELECT id, 'ok', :at, :at FROM unnest(CAST(:ids AS text[])) AS id",
            at=before, ids=SOURCES,
        )  # fmt: skip
        self.cycle(as_of=before, ended=timedelta(minutes=4))
        self.ran("publish", ago=timedelta(minutes=3))

    def cycle(self, *, as_of: datetime, ended: timedelta | None, started: timedelta = timedelta(minutes=5)) -> None:
        """A cycle that began, and perhaps ended, so long ago by the clock."""
        now = datetime.now(UTC)
        self.write(
            "INSERT INTO core.cycle (run_key, as_of, is_full, sources, started_at, ended_at)"
            " VALUES (gen_random_uuid()::text, :as_of, false, 258, :started, :ended)",
            as_of=as_of, started=now - started, ended=None if ended is None else now - ended,
        )  # fmt: skip

    def ran(self, stage: str, *, ago: timedelta = timedelta(0)) -> None:
        """A stage that ended well."""
        self.write(
            "INSERT INTO core.stage_run (cycle_id, stage, started_at, ended_at, rows, peak_memory_mb)"
            " VALUES ((SELECT max(cycle_id) FROM core.cycle), :stage, :at, :at, 1, 1)",
            stage=stage, at=datetime.now(UTC) - ago,
        )  # fmt: skip

    def failed(self, stage: str, error_class: str, *, cycle: int | None = None) -> None:
        """A stage that ended badly."""
        self.write(
            "INSERT INTO core.stage_failure (cycle_id, stage, error_class) VALUES (:cycle, :stage, :kind)",
            cycle=cycle, stage=stage, kind=error_class,
        )  # fmt: skip

    def waiting(self) -> int:
        """The newest cycle, of which a batch is now collected, and not merged."""
        self.write(
            "INSERT INTO core.batch (batch_id, cycle_id, source_id, as_of, kind, state, window_to)"
            " SELECT '1.waits', max(cycle_id), 'an_duong.an_dong', now(), 'full', 'collected', now() FROM core.cycle"
        )
        [(cycle_id,)] = self.rows("SELECT max(cycle_id) FROM core.cycle")
        return int(cycle_id)

    def down(self, sources: list[str], *, since: datetime, reason: str = "TIMEOUT: no answer within 30 s") -> None:
        """Sources that could not be read."""
        self.write(
            "UPDATE core.source_state SET state = 'down', reason = :reason, failures = 3, succeeded_as_of = :since"
            " WHERE source_id = ANY(:sources)",
            reason=reason, since=since, sources=sources,
        )  # fmt: skip

    def back(self, sources: list[str], *, at: datetime) -> None:
        """Sources that were read again."""
        self.write(
            "UPDATE core.source_state SET state = 'ok', reason = NULL, failures = 0, succeeded_as_of = :at,"
            " attempted_as_of = :at WHERE source_id = ANY(:sources)",
            at=at, sources=sources,
        )  # fmt: skip

    def queued(self, *, ago: timedelta) -> None:
        """A delivery that waits."""
        self.write(
            "INSERT INTO core.delivery (code, version, service, queued_at) VALUES ('000.05.33.H24-181012-0001', 1,"
            " 'DongBoHoSoMC', :at)",
            at=datetime.now(UTC) - ago,
        )  # fmt: skip
