"""How old what we hold of a source is, in working time: nights, weekends and holidays make nothing stale."""

from __future__ import annotations

from datetime import datetime, timedelta

from motcua.domain.working_days import WorkingDays

# A source is late once it has missed two readings on end: one may be lost to a restart.
MISSED_READINGS = 2


def working_age(calendar: WorkingDays, succeeded_as_of: datetime | None, as_of: datetime) -> timedelta | None:
    """Working time since the last good reading; None for a source that was never read.

    Raises:
        ValueError: one of them is outside the calendar's years.
    """
    if succeeded_as_of is None:
        return None
    return timedelta(seconds=max(calendar.working_seconds_between(succeeded_as_of, as_of), 0))


def is_late(age: timedelta | None, every: timedelta) -> bool:
    """Whether a source to be read `every` so much working time has missed two readings, or was never read."""
    return age is None or age > MISSED_READINGS * every
