"""Every source at a glance: what Airflow's page, messages, metrics and the command line say of it, said once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa

from motcua.domain.schedule import Rhythm, Schedule
from motcua.domain.ticks import Ticks
from motcua.registry import Registry
from motcua.registry.schedules import schedule_of
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force
from motcua.steps.effective import effective
from motcua.warehouse import Role

_STANDINGS = sa.text("""
SELECT s.source_id, s.state, s.reason, s.attempted_as_of, s.succeeded_as_of, s.failures, h.hold_id, s.dossiers,
       s.quarantined
FROM api.source_state s LEFT JOIN api.hold h ON h.source_id = s.source_id AND h.state = 'open'
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
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        return glance(connection, place.registry(settings.registry), place.ticks(settings.registry), as_of)


def glance(connection: sa.Connection, registry: Registry, ticks: Ticks, as_of: datetime) -> list[SourceOverview]:
    """As `overview`, over a connection that the caller keeps."""
    standings = {row.source_id: row for row in connection.execute(_STANDINGS)}

    @cache  # most sources share a schedule, and were read in the same run
    def timing(schedule: Schedule, *moments: datetime | None) -> _Timing:
        return _timing(Rhythm(schedule, ticks), as_of, *moments)

    found = []
    for source_id, one in effective(connection, in_force(registry, as_of)).items():
        row = standings.get(source_id, _NEVER)
        when = timing(schedule_of(one.source), row.attempted_as_of, row.succeeded_as_of, one.changed_at)
        found.append(
            SourceOverview(
                source_id=source_id,
                group=one.source.group,
                platform=one.source.platform,
                state=row.state,
                reason=row.reason,
                attempted_as_of=row.attempted_as_of,
                succeeded_as_of=row.succeeded_as_of,
                failures=row.failures,
                age=when.age,
                every=one.source.schedule,
                is_late=when.is_late,
                paused=one.source.paused,
                next_at=when.next_at,
                dossiers=row.dossiers,
                quarantined=row.quarantined,
                hold_id=row.hold_id,
            )
        )
    return found


class _Standing(NamedTuple):
    """What the warehouse says of a source, as `_STANDINGS` names it."""

    state: str
    reason: str | None
    attempted_as_of: datetime | None
    succeeded_as_of: datetime | None
    failures: int
    dossiers: int
    quarantined: int
    hold_id: int | None


_NEVER = _Standing("new", None, None, None, 0, 0, 0, None)


class _Timing(NamedTuple):
    age: timedelta | None
    is_late: bool
    next_at: datetime | None


def _timing(
    rhythm: Rhythm,
    as_of: datetime,
    attempted_at: datetime | None,
    succeeded_at: datetime | None,
    changed_at: datetime | None,
) -> _Timing:
    return _Timing(
        age=rhythm.age(succeeded_at, as_of) if succeeded_at else None,
        is_late=rhythm.is_late(succeeded_at, as_of, changed_at),
        next_at=rhythm.next_due(attempted_at, as_of),
    )
