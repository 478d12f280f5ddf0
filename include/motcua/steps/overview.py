"""Every source at a glance: what Airflow's page, messages, metrics and the command line say of it, said once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force
from motcua.steps.effective import effective
from motcua.warehouse import Role

_STANDINGS = sa.text("""
WITH dossiers AS (
    SELECT source_id, count(*) AS n FROM api.source_dossier WHERE NOT deleted GROUP BY source_id
), quarantined AS (
    SELECT source_id, count(*) AS n FROM api.quarantine WHERE settled_at IS NULL AND is_primary GROUP BY source_id
), held AS (
    SELECT source_id, min(hold_id) AS hold_id FROM api.hold WHERE state = 'open' GROUP BY source_id
)
SELECT s.source_id, s.state, s.reason, s.attempted_as_of, s.succeeded_as_of, s.failures, h.hold_id,
       coalesce(d.n, 0) AS dossiers, coalesce(q.n, 0) AS quarantined
FROM api.source_state s
LEFT JOIN dossiers d USING (source_id) LEFT JOIN quarantined q USING (source_id) LEFT JOIN held h USING (source_id)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOverview:
    """One source in force.

    Attributes:
        source_id: of the registry.
        group: of the registry.
        platform: the product it speaks.
        state: `ok, down, held`, or `new` where it was never tried.
        reason: why it is down or held, with its class first; never a value of a dossier.
        attempted_as_of: moment of the last try.
        succeeded_as_of: moment of the last good reading.
        failures: tries that failed since.
        age: working time of its office since the last good reading; None: never read.
        every: how much working time is to lie between two readings, what was changed at run time included.
        is_late: whether two readings are missing at which it could be read; never while it is paused or blacked out.
        paused: whether it is read only when somebody asks for it by name.
        next_at: when it is to be read next, by the clock; None while it is paused.
        dossiers: living ones that it tells of.
        quarantined: of its dossiers, those refused at this moment.
        hold_id: of the mass change that waits for a person, or None.
    """

    source_id: str
    group: str
    platform: str
    state: str
    reason: str | None
    attempted_as_of: datetime | None
    succeeded_as_of: datetime | None
    failures: int
    age: timedelta | None
    every: timedelta
    is_late: bool
    paused: bool
    next_at: datetime | None
    dossiers: int
    quarantined: int
    hold_id: int | None


def overview(*, settings: Settings, as_of: datetime) -> list[SourceOverview]:
    """Every source in force at `as_of`, in the order of the registry.

    Raises:
        ValueError: `as_of` is outside the years of the registry's calendar.
    """
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        standings = {row.source_id: row for row in connection.execute(_STANDINGS)}
        sources = effective(connection, in_force(registry, as_of))
    ticks = place.ticks(settings.registry)
    found = []
    for one in sources.values():
        source, row, rhythm = one.source, standings.get(one.source.id), one.rhythm(ticks)
        succeeded_at = row.succeeded_as_of if row else None
        attempted_at = row.attempted_as_of if row else None
        found.append(
            SourceOverview(
                source_id=source.id,
                group=source.group,
                platform=source.platform,
                state=row.state if row else "new",
                reason=row.reason if row else None,
                attempted_as_of=attempted_at,
                succeeded_as_of=succeeded_at,
                failures=row.failures if row else 0,
                age=rhythm.age(succeeded_at, as_of) if succeeded_at else None,
                every=source.schedule,
                is_late=rhythm.is_late(succeeded_at, as_of, one.changed_at),
                paused=source.paused,
                next_at=rhythm.next_due(attempted_at, as_of),
                dossiers=row.dossiers if row else 0,
                quarantined=row.quarantined if row else 0,
                hold_id=row.hold_id if row else None,
            )
        )
    return found
