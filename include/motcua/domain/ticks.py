"""The moments at which collecting starts by the clock: what Airflow's timetable and the command line both say.

Every quarter of an hour in the city's working hours, every full hour at all times (decision 31).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from motcua.domain.working_days import VIETNAM, WorkingDays, seconds_of

EVERY = timedelta(minutes=15)
# When everything is read once, changed or not due: nobody works, and backups of the offices are over.
NIGHT = time(2, 0)
ONE_DAY = timedelta(days=1)


class Ticks:
    """The moments of every day, worked out once a day; ValueError for a day outside the calendar's years."""

    def __init__(self, days: WorkingDays) -> None:
        self.days = days
        self._known: dict[date, tuple[datetime, ...]] = {}

    def of_day(self, day: date) -> tuple[datetime, ...]:
        """All moments of a day of Vietnam, in order."""
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = tuple(self._moments(day))
        return known

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moments after this one, without end."""
        local = moment.astimezone(VIETNAM)
        yield from (tick for tick in self.of_day(local.date()) if tick > local)
        day = local.date()
        while True:
            day += ONE_DAY
            yield from self.of_day(day)

    def at_or_after(self, moment: datetime) -> datetime:
        """The first moment that is not before this one."""
        return next(self.after(moment - timedelta(microseconds=1)))

    def newest(self, moment: datetime) -> datetime:
        """The last moment that is not after this one."""
        local = moment.astimezone(VIETNAM)
        return max(tick for tick in self.of_day(local.date()) if tick <= local)  # midnight is a full hour

    def is_working_hours(self, tick: datetime) -> bool:
        """Whether the city works at that moment, an opening and a closing included."""
        local = tick.astimezone(VIETNAM)
        return self.days.is_working(local.date()) and any(
            opens <= local.time() <= closes for opens, closes in self.days.windows
        )

    def _moments(self, day: date) -> Iterator[datetime]:
        midnight = datetime.combine(day, time(), VIETNAM)
        step = int(EVERY.total_seconds())
        is_working = self.days.is_working(day)
        spans = [(seconds_of(opens), seconds_of(closes)) for opens, closes in self.days.windows] if is_working else []
        for second in range(0, int(ONE_DAY.total_seconds()), step):
            if second % 3_600 == 0 or any(opens <= second <= closes for opens, closes in spans):
                yield midnight + timedelta(seconds=second)


def is_night(tick: datetime) -> bool:
    """Whether everything is read at that moment."""
    return tick.astimezone(VIETNAM).time() == NIGHT


def next_night(moment: datetime) -> datetime:
    """The first full reading after this moment."""
    local = moment.astimezone(VIETNAM)
    night = datetime.combine(local.date(), NIGHT, VIETNAM)
    return night if night > local else night + ONE_DAY
