"""Which days an office works, and how much working time lies between two moments; single values, nothing to import.

Columns of moments are moved by `WorkingCalendar`, which is these days with arrays.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))  # without summer time since 1975
Windows = Sequence[tuple[time, time]]
DEFAULT_WINDOWS: Windows = ((time(7, 0), time(11, 30)), (time(13, 30), time(17, 0)))


class WorkingDays:
    """Working days of a range of years, and the windows worked on each of them.

    A question about a day outside these years is a ValueError: an answer could only be a guess.
    """

    def __init__(self, working_days: Iterable[date], windows: Windows = DEFAULT_WINDOWS) -> None:
        self.windows = tuple(windows)
        self._ordinals = sorted({day.toordinal() for day in working_days})
        self._spans = [(seconds_of(opens), seconds_of(closes)) for opens, closes in self.windows]
        self.day_seconds = sum(closes - opens for opens, closes in self._spans)

    def with_windows(self, windows: Windows) -> WorkingDays:
        """The same days with other windows, as of an office that has its own."""
        own = WorkingDays((), windows)
        own._ordinals = self._ordinals
        return own

    def is_working(self, day: date) -> bool:
        """Whether offices work on that day; ValueError outside the calendar's years."""
        ordinal = self._within(day)
        return self._ordinals[bisect_left(self._ordinals, ordinal)] == ordinal

    def next_working_day(self, day: date) -> date:
        """The first working day after `day`; ValueError outside the calendar's years."""
        place = bisect_right(self._ordinals, self._within(day))
        if place == len(self._ordinals):
            raise self._outside(day)
        return date.fromordinal(self._ordinals[place])

    def working_days_between(self, since: date, until: date) -> int:
        """Working days after `since`, up to and with `until`; ValueError outside the calendar's years."""
        first, last = self._within(since), self._within(max(since, until))
        return bisect_right(self._ordinals, last) - bisect_right(self._ordinals, first)

    def working_seconds_between(self, since: datetime, until: datetime) -> int:
        """Seconds of working time from one aware moment to another; negative when `until` is earlier.

        Raises:
            ValueError: one of them is outside the calendar's years.
        """
        return self._worked_until(until) - self._worked_until(since)

    def _worked_until(self, moment: datetime) -> int:
        """Working seconds from the calendar's first opening."""
        local = moment.astimezone(VIETNAM)
        ordinal = self._within(local.date())
        place = bisect_left(self._ordinals, ordinal)
        worked = place * self.day_seconds
        if self._ordinals[place] == ordinal:
            now = seconds_of(local.time())
            worked += sum(min(max(now - opens, 0), closes - opens) for opens, closes in self._spans)
        return worked

    def _within(self, day: date) -> int:
        ordinal = day.toordinal()
        if not self._ordinals or not self._ordinals[0] <= ordinal <= self._ordinals[-1]:
            raise self._outside(day)
        return ordinal

    def _outside(self, *days: date) -> ValueError:
        if not self._ordinals:
            return ValueError("the working calendar has no working day at all")
        first, last = date.fromordinal(self._ordinals[0]), date.fromordinal(self._ordinals[-1])
        return ValueError(f"the working calendar covers {first} to {last}, not {' or '.join(map(str, days))}")


def seconds_of(moment: time) -> int:
    """Seconds since midnight."""
    return moment.hour * 3_600 + moment.minute * 60 + moment.second
