"""When a source is to be read: its schedule laid on the calendar (decisions 31 and 32). No clock: time is an argument.

A source is due once `every` of its working time has passed since its last attempt began, and once every night. What
falls due while it may not be read is owed, and paid at the first tick at which it may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice

from motcua.domain.freshness import MISSED_READINGS
from motcua.domain.ticks import ONE_DAY, Ticks, next_night
from motcua.domain.working_days import VIETNAM

# A run may be some seconds early; a minute more often harms no source.
GRACE = timedelta(minutes=1)
# A source that may not be read for longer has no next reading that anybody would wait for.
HORIZON = timedelta(days=400)
# hours of the city's day between which offices may work
NIGHT_ENDS, NIGHT_BEGINS = time(6), time(18)

Spans = tuple[tuple[time, time], ...]
Days = tuple[tuple[date, date], ...]


class NotDue(StrEnum):
    """Why a source is not read at a moment; the first that holds."""

    PAUSED = "paused"
    BLACKOUT = "blackout"
    OUTSIDE_WINDOW = "outside_window"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What counts for a source.

    Attributes:
        every: how much working time lies between two readings.
        windows: working hours of its office, or None for the city's.
        allowed: spans of the day in which it may be read, the end excluded; one that ends before it begins crosses
            midnight; none: at any time.
        blackout: first and last day of each span of days on which it is not read.
        paused: not read until somebody says otherwise.
        priority: the higher, the earlier in a run.
        rate_per_second: requests a second at most.
    """

    every: timedelta
    windows: Spans | None = None
    allowed: Spans = ()
    blackout: Days = ()
    paused: bool = False
    priority: int = 0
    rate_per_second: float = 20.0

    def is_allowed(self, moment: datetime) -> bool:
        """Whether the moment lies in a span in which it may be read."""
        now = moment.astimezone(VIETNAM).time()
        return not self.allowed or any(_holds(span, now) for span in self.allowed)

    def is_blacked_out(self, day: date) -> bool:
        """Whether it is not read on that day of Vietnam."""
        return any(first <= day <= last for first, last in self.blackout)

    def may_be_read(self, moment: datetime) -> bool:
        """Whether neither a pause, a blackout nor its windows speak against it."""
        here = moment.astimezone(VIETNAM)
        return not self.paused and not self.is_blacked_out(here.date()) and self.is_allowed(here)

    def is_for_days_alone(self) -> bool:
        """Whether it may never be read at night."""
        hours = (time(hour) for hour in range(24) if not NIGHT_ENDS <= time(hour) < NIGHT_BEGINS)
        return bool(self.allowed) and not any(_holds(span, hour) for hour in hours for span in self.allowed)


class Rhythm:
    """A schedule on the calendar, in the working time of the source's own office."""

    def __init__(self, schedule: Schedule, ticks: Ticks) -> None:
        self.schedule = schedule
        self._ticks = ticks
        self._days = ticks.days if schedule.windows is None else ticks.days.with_windows(schedule.windows)

    def why_not(self, attempted_at: datetime | None, as_of: datetime) -> NotDue | None:
        """Why it is not to be read at `as_of`; None: it is.

        Args:
            attempted_at: when its last attempt began, good or bad; None: never.
            as_of: the moment that is asked about.

        Raises:
            ValueError: one of them is outside the calendar's years.
        """
        if self.schedule.paused:
            return NotDue.PAUSED
        if self.schedule.is_blacked_out(as_of.astimezone(VIETNAM).date()):
            return NotDue.BLACKOUT
        if not self.schedule.is_allowed(as_of):
            return NotDue.OUTSIDE_WINDOW
        return None if self._is_owed(attempted_at, as_of) else NotDue.NOT_YET

    def moments(self, attempted_at: datetime | None, after: datetime) -> Iterator[datetime]:
        """The ticks after `after` at which it is due, each taken for an attempt; none that is beyond `HORIZON`."""
        if self.schedule.paused:
            return
        local = after.astimezone(VIETNAM)
        for day in (local.date() + number * ONE_DAY for number in range(HORIZON.days)):
            if self.schedule.is_blacked_out(day):
                continue
            for tick in self._ticks.of_day(day):
                if tick > local and self.why_not(attempted_at, tick) is None:
                    yield tick
                    attempted_at = tick

    def next_due(self, attempted_at: datetime | None, after: datetime) -> datetime | None:
        """The first of `moments`, or None."""
        return next(self.moments(attempted_at, after), None)

    def overdue_since(
        self, attempted_at: datetime | None, as_of: datetime, changed_at: datetime | None = None
    ) -> datetime | None:
        """The tick before `as_of` at which it was due and nobody tried: we were down, or still busy.

        A source that is down is tried, so it is never overdue by this. None too for one that was never tried.

        Args:
            attempted_at: when its last attempt began.
            as_of: the moment of the run that is planned.
            changed_at: when somebody changed its schedule last: what the old one asked for is not asked any more.
        """
        if attempted_at is None:
            return None
        since = attempted_at if changed_at is None else max(attempted_at, changed_at)
        due = self.next_due(attempted_at, since) if since < as_of else None
        return due if due is not None and due < as_of else None

    def is_late(self, succeeded_at: datetime | None, as_of: datetime, changed_at: datetime | None = None) -> bool:
        """Whether two good readings are missing: by working time, and by the moments at which it could be read.

        One that is paused or blacked out is not late; one that was never read is, once it might have been.
        """
        if self.schedule.paused or self.schedule.is_blacked_out(as_of.astimezone(VIETNAM).date()):
            return False
        if succeeded_at is None:
            return self.schedule.is_allowed(as_of)
        if succeeded_at >= as_of or self.age(succeeded_at, as_of) <= MISSED_READINGS * self.schedule.every:
            return False
        since = succeeded_at if changed_at is None else max(succeeded_at, changed_at)
        missed = list(islice(self.moments(succeeded_at, since), MISSED_READINGS))
        return len(missed) == MISSED_READINGS and missed[-1] < as_of

    def age(self, since: datetime, as_of: datetime) -> timedelta:
        """Working time of its office since a moment; none where that is later."""
        return timedelta(seconds=max(self._days.working_seconds_between(since, as_of), 0))

    def _is_owed(self, attempted_at: datetime | None, as_of: datetime) -> bool:
        if attempted_at is None:
            return True
        return next_night(attempted_at) <= as_of or self.age(attempted_at, as_of) + GRACE >= self.schedule.every


def _holds(span: tuple[time, time], now: time) -> bool:
    begins, ends = span
    return begins <= now < ends if begins < ends else now >= begins or now < ends
