"""How old what we hold of a source is, in working time: nights, weekends and holidays make nothing stale."""

from __future__ import annotations

from bisect import bisect_left
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


def late_since(
    calendar: WorkingDays, succeeded_as_of: datetime | None, every: timedelta, as_of: datetime
) -> datetime | None:
    """The minute in which a source had missed two readings; None for one that was never read, or is not late.

    Raises:
        ValueError: outside the calendar's years.
    """
    if succeeded_as_of is None or not is_late(working_age(calendar, succeeded_as_of, as_of), every):
        return None

    def seconds_after(minute: int) -> int:
        return calendar.working_seconds_between(succeeded_as_of, succeeded_as_of + timedelta(minutes=minute))

    minutes = range(int((as_of - succeeded_as_of).total_seconds()) // 60)
    missed = int((MISSED_READINGS * every).total_seconds())
    return succeeded_as_of + timedelta(minutes=bisect_left(minutes, missed, key=seconds_after))


def is_late(age: timedelta | None, every: timedelta) -> bool:
    """Whether a source to be read `every` so much working time has missed two readings, or was never read."""
    return age is None or age > MISSED_READINGS * every
