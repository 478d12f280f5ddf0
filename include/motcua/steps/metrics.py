"""What is measured of a running pipeline, read off the warehouse in one place, and sent where metrics are gathered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

import sqlalchemy as sa

from motcua.domain.freshness import working_age
from motcua.publishing.metrics import Measurement, push
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.overview import SourceOverview, overview
from motcua.warehouse import Role

log = logging.getLogger(__name__)

STATES = ("ok", "down", "held", "new")

# what somebody asks for by hand reads a source or two, and says nothing of the others
_CYCLE = sa.text("""
SELECT cycle_id, as_of FROM api.cycle WHERE ended_at IS NOT NULL AND requested_by IS NULL ORDER BY cycle_id DESC LIMIT 1
""")
_ROWS = sa.text("""
SELECT coalesce(sum(fetched), 0) AS fetched, coalesce(sum(accepted), 0) AS accepted,
       coalesce(sum(quarantined), 0) AS quarantined, coalesce(sum(unchanged), 0) AS unchanged,
       coalesce(sum(deleted), 0) AS deleted, coalesce(sum(changed), 0) AS versions
FROM api.batch WHERE cycle_id = :cycle_id
""")
_BATCHES = sa.text("SELECT state, count(*) AS n FROM api.batch WHERE cycle_id = :cycle_id GROUP BY state")
# several tasks of a cycle run one stage, each a part of it
_STAGES = sa.text("""
WITH newest AS (
    SELECT DISTINCT ON (stage) stage, cycle_id, stage_run_id FROM api.stage_run ORDER BY stage, stage_run_id DESC
)
SELECT r.stage, extract(epoch FROM max(r.ended_at) - min(r.started_at)) AS seconds, sum(r.rows) AS rows,
       max(r.peak_memory_mb) AS peak_memory_mb
FROM newest n JOIN api.stage_run r ON r.stage = n.stage AND (r.cycle_id = n.cycle_id OR r.stage_run_id = n.stage_run_id)
GROUP BY r.stage
""")
_HOLDS = sa.text("SELECT count(*) AS n, min(raised_at) AS oldest FROM api.hold WHERE state = 'open'")
# Of what is accepted or superseded there is a city's worth, kept for ever: it is not counted. The rest has an index.
_OUTBOX = sa.text("""
SELECT service, state, count(*) AS n, min(queued_at) AS oldest FROM api.delivery
WHERE state NOT IN ('accepted', 'superseded') GROUP BY 1, 2
""")
_OPEN = ("queued", "sent", "unknown")
_BREAKER = sa.text("""
SELECT coalesce(closed_until > :as_of, false) AS is_open, doubted_at IS NOT NULL AS is_doubted FROM api.sender
""")
_INCIDENTS = sa.text("SELECT kind, severity, count(*) AS n FROM api.incident WHERE closed_at IS NULL GROUP BY 1, 2")
_FEED = sa.text("SELECT seq, as_of, rows FROM api.publication ORDER BY seq DESC LIMIT 1")


def measure(*, settings: Settings, as_of: datetime | None) -> list[Measurement]:
    """Every measurement at `as_of`; None: at the moment of the newest cycle, for a city whose clock stands still.

    Raises:
        ValueError: `as_of` is outside the years of the registry's calendar.
    """
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        cycle = connection.execute(_CYCLE).first()
        if as_of is None:
            as_of = cycle.as_of if cycle else None
        if as_of is None:
            return []
        calendar = place.registry(settings.registry).calendar
        found = [Measurement("motcua_measured_timestamp_seconds", as_of.timestamp(), {})]

        def aged(since: datetime | None) -> float | None:
            age = working_age(calendar, since, as_of)
            return None if age is None else age.total_seconds()

        found += _of_cycle(connection, cycle, aged)
        found += _of_stages(connection)
        found += _of_holds(connection, aged)
        found += _of_incidents(connection)
        found += _of_portal(connection, as_of)
        found += _of_feed(connection, aged)
    for source in overview(settings=settings, as_of=as_of):
        found += _of_source(source)
    return found


def push_metrics(*, settings: Settings, as_of: datetime | None) -> bool:
    """Measures and sends it to the collector that the environment names; whether it was taken."""
    measured = measure(settings=settings, as_of=as_of)
    is_taken = push(measured)
    log.info("measured %d values; taken: %s", len(measured), is_taken)
    return is_taken


def _of_source(source: SourceOverview) -> Iterator[Measurement]:
    labels = {"source": source.source_id, "group": source.group, "platform": source.platform}
    if source.age is not None:
        yield Measurement("motcua_source_age_working_seconds", source.age.total_seconds(), labels)
    yield Measurement("motcua_source_interval_working_seconds", source.every.total_seconds(), labels)
    yield Measurement("motcua_source_late", float(source.is_late), labels)
    for state in STATES:
        yield Measurement("motcua_source_state", float(source.state == state), {**labels, "state": state})
    yield Measurement("motcua_source_failures", source.failures, labels)
    yield Measurement("motcua_source_dossiers", source.dossiers, labels)
    yield Measurement("motcua_source_quarantined", source.quarantined, labels)


Aged = Callable[[datetime | None], float | None]


def _of_cycle(
    connection: sa.Connection, cycle: sa.Row[tuple[int, datetime]] | None, aged: Aged
) -> Iterator[Measurement]:
    if cycle is None:
        return
    asked = {"cycle_id": cycle.cycle_id}
    yield from _known("motcua_cycle_age_working_seconds", aged(cycle.as_of))
    for outcome, rows in connection.execute(_ROWS, asked).one()._mapping.items():
        yield Measurement("motcua_cycle_rows", float(rows), {"outcome": str(outcome)})
    for row in connection.execute(_BATCHES, asked):
        yield Measurement("motcua_cycle_batches", row.n, {"state": row.state})


def _of_stages(connection: sa.Connection) -> Iterator[Measurement]:
    for row in connection.execute(_STAGES):
        labels = {"stage": row.stage}
        yield Measurement("motcua_stage_duration_seconds", float(row.seconds), labels)
        yield Measurement("motcua_stage_rows", float(row.rows), labels)
        yield Measurement("motcua_stage_peak_memory_bytes", row.peak_memory_mb * 2.0**20, labels)


def _of_holds(connection: sa.Connection, aged: Aged) -> Iterator[Measurement]:
    held = connection.execute(_HOLDS).one()
    yield Measurement("motcua_holds_open", held.n, {})
    yield from _known("motcua_hold_oldest_age_working_seconds", aged(held.oldest))


def _of_incidents(connection: sa.Connection) -> Iterator[Measurement]:
    for row in connection.execute(_INCIDENTS):
        yield Measurement("motcua_incidents_open", row.n, {"kind": row.kind, "severity": row.severity})


def _of_portal(connection: sa.Connection, as_of: datetime) -> Iterator[Measurement]:
    oldest: dict[str, datetime] = {}
    for row in connection.execute(_OUTBOX):
        yield Measurement("motcua_outbox_deliveries", row.n, {"service": row.service, "state": row.state})
        oldest[row.state] = min(row.oldest, oldest.get(row.state, row.oldest))
    for state in _OPEN:
        if state in oldest:
            seconds = max((as_of - oldest[state]).total_seconds(), 0.0)
            yield Measurement("motcua_outbox_oldest_age_seconds", seconds, {"state": state})
    breaker = connection.execute(_BREAKER, {"as_of": as_of}).one()
    yield Measurement("motcua_breaker_open", float(breaker.is_open), {})
    yield Measurement("motcua_portal_doubted", float(breaker.is_doubted), {})


def _of_feed(connection: sa.Connection, aged: Aged) -> Iterator[Measurement]:
    newest = connection.execute(_FEED).first()
    if newest is None:
        return
    yield from _known("motcua_feed_age_working_seconds", aged(newest.as_of))
    yield Measurement("motcua_feed_version", newest.seq, {})
    yield Measurement("motcua_feed_dossiers", newest.rows, {})


def _known(name: str, value: float | None) -> Iterator[Measurement]:
    if value is not None:
        yield Measurement(name, value, {})
