"""One source: its last readings, what is wrong with its dossiers, its days against its band, what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from motcua.domain.calendar import VIETNAM
from motcua.domain.ticks import Ticks
from motcua.domain.volume import DayCount, Ordinary, ordinary
from motcua.registry import Registry, Source
from motcua.registry.schedules import SCHEDULE_PARSERS, written
from motcua.steps.effective import effective, scopes_of
from motcua.steps.overview import SourceOverview
from motcua.steps.schedule import Setting
from motcua.steps.views.sources import names_of
from motcua.warehouse.holds import HISTORY_DAYS
from motcua.warehouse.schedule import Change, listed

READINGS_SHOWN = 20
DAYS_SHOWN = 60
CHANGES_SHOWN = 20
NEXT_SHOWN = 5
# A source may send a field of its own name in each dossier: of what is open, so many rows by rule and field are shown.
OPEN_SHOWN = 100

_READINGS = sa.text("""
SELECT b.batch_id, b.cycle_id, b.as_of, b.kind, b.state, b.announced, b.fetched, b.accepted, b.quarantined, b.changed,
       b.deleted, b.started_at, b.ended_at, b.error_kind, b.error, c.run_key, c.reason, c.requested_by
FROM api.batch b JOIN api.cycle c USING (cycle_id)
WHERE b.source_id = :source_id ORDER BY b.as_of DESC, b.cycle_id DESC LIMIT :most
""")
_REFUSED = sa.text("""
SELECT rule, owner, field, count(DISTINCT identity) AS dossiers, min(first_seen) AS first_seen,
       max(last_seen) AS last_seen, count(*) OVER () AS of_all
FROM api.quarantine WHERE source_id = :source_id AND settled_at IS NULL
GROUP BY rule, owner, field ORDER BY dossiers DESC, rule, field LIMIT :open
""")
_ISSUES = sa.text("""
SELECT rule, owner, field, severity, count(code) AS dossiers, min(first_seen) AS first_seen,
       max(last_seen) AS last_seen, count(*) OVER () AS of_all
FROM api.issue WHERE source_id = :source_id AND settled_at IS NULL
GROUP BY rule, owner, field, severity ORDER BY dossiers DESC, rule, field LIMIT :open
""")
_HISTORY = sa.text("""
SELECT day, changed, gone FROM api.source_day
WHERE source_id = :source_id AND day <= :until AND day > CAST(:until AS date) - CAST(:days AS integer) ORDER BY day
""")
_HOLDS = sa.text("""
SELECT hold_id, batch_id, change, reason, before_count, after_count, cardinality(codes_gone) AS gone,
       cardinality(codes_changed) AS changed, codes_gone[1:50] AS some_gone, codes_changed[1:50] AS some_changed, state,
       raised_at, decided_at, decided_by, decision_reason
FROM api.hold WHERE source_id = :source_id ORDER BY state = 'open' DESC, raised_at DESC, hold_id DESC LIMIT 10
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was found changed of one day; weekends and holidays are not `is_working`."""

    day: date
    is_working: bool
    changed: int
    gone: int


# Any: rows as their queries name the columns
@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All that a page says of a source, beside how it stands.

    Attributes:
        source: as it counts; address and secrets are in its connection, and nowhere here.
        units: names of its units, in the order of the registry.
        settings: its schedule key by key, with whose word each value is.
        changes: of its schedule by any scope, the newest first.
        next_at: the next moments at which it is read.
        readings: the newest first.
        refused: open quarantine by rule and field, with its dossiers: the first `OPEN_SHOWN` of `of_all` rows.
        issues: likewise open issues; `dossiers` is 0 where it is the whole source's.
        days: every day up to today, the oldest first.
        usual: what the next working day's reading may bring without being held; None: it was never read.
        holds: mass changes, the open one first.
    """

    source: Source
    units: Sequence[str]
    settings: Sequence[Setting]
    changes: Sequence[Change]
    next_at: Sequence[datetime]
    readings: Sequence[Any]
    refused: Sequence[Any]
    issues: Sequence[Any]
    days: Sequence[Day]
    usual: Ordinary | None
    holds: Sequence[Any]

    @property
    def open_hold(self) -> Any:
        """The mass change that waits for a person, or None."""
        return next((hold for hold in self.holds if hold.state == "open"), None)


def described(
    connection: sa.Connection, registry: Registry, ticks: Ticks, at: SourceOverview, as_of: datetime
) -> Description:
    """One source in force, as it stands at `as_of`."""
    counts = effective(connection, [registry.sources[at.source_id]])[at.source_id]
    source, today = counts.source, as_of.astimezone(VIETNAM).date()
    values = {
        "source_id": source.id, "most": READINGS_SHOWN, "open": OPEN_SHOWN, "until": today, "days": HISTORY_DAYS,
    }  # fmt: skip
    history = {row.day: DayCount(changed=row.changed, gone=row.gone) for row in connection.execute(_HISTORY, values)}
    return Description(
        source=source,
        units=names_of(registry, source),
        settings=[
            Setting(key=key, value=written(getattr(source, key)), change=counts.changes.get(key))
            for key in SCHEDULE_PARSERS
        ],
        changes=listed(connection, scopes_of(source), most=CHANGES_SHOWN),
        next_at=list(islice(counts.rhythm(ticks).moments(at.attempted_as_of, as_of), NEXT_SHOWN)),
        readings=connection.execute(_READINGS, values).all(),
        refused=connection.execute(_REFUSED, values).all(),
        issues=connection.execute(_ISSUES, values).all(),
        days=_days(history, registry, today),
        usual=_usual(history, registry, source, at, today),
        holds=connection.execute(_HOLDS, values).all(),
    )


def _days(history: Mapping[date, DayCount], registry: Registry, today: date) -> list[Day]:
    days = [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    nothing = DayCount(changed=0, gone=0)
    return [
        Day(
            day=day, is_working=registry.calendar.is_working(day), changed=history.get(day, nothing).changed,
            gone=history.get(day, nothing).gone,
        )
        for day in days
    ]  # fmt: skip


def _usual(
    history: Mapping[date, DayCount], registry: Registry, source: Source, at: SourceOverview, today: date
) -> Ordinary | None:
    if at.succeeded_as_of is None:
        return None
    return ordinary(
        history, registry.calendar, since=at.succeeded_as_of.astimezone(VIETNAM).date(), until=today,
        living=at.dossiers, declared=(source.band.min, source.band.max) if source.band else None,
    )  # fmt: skip
