"""Working time: which days an office works, its hours, and moving along them by column (domain page, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

LOCAL = pd.Timedelta(hours=7)  # Vietnam has kept UTC+7 without summer time since 1975
DAY = 86_400
Ints = npt.NDArray[np.int64]

DEFAULT_WINDOWS = ((time(7, 0), time(11, 30)), (time(13, 30), time(17, 0)))


class WorkingCalendar:
    """Working days of a range of years, and the windows worked on each of them.

    Moments go in and come out as UTC columns; inside they are whole seconds since 1970 in local time. Working time
    is counted on one long axis: working days one after the other, windows one after the other.
    """

    def __init__(self, working_days: Iterable[date], windows: Sequence[tuple[time, time]] = DEFAULT_WINDOWS) -> None:
        days = sorted({day.toordinal() - date(1970, 1, 1).toordinal() for day in working_days})
        self._days: Ints = np.array(days, dtype=np.int64)
        self._first = date(1970, 1, 1) + timedelta(days=days[0])
        self._last = date(1970, 1, 1) + timedelta(days=days[-1])
        self._opens: Ints = np.array([_seconds(start) for start, _ in windows], dtype=np.int64)
        self._closes: Ints = np.array([_seconds(end) for _, end in windows], dtype=np.int64)
        self._before: Ints = np.concatenate([[0], np.cumsum(self._closes - self._opens)])
        self.day_seconds = int(self._before[-1])

    def is_working(self, day: date) -> bool:
        """Whether offices work on that day; ValueError outside the calendar's years."""
        self._require(day)
        number = day.toordinal() - date(1970, 1, 1).toordinal()
        place = int(np.searchsorted(self._days, number))
        return place < len(self._days) and int(self._days[place]) == number

    def next_working_day(self, day: date) -> date:
        """The first working day after `day`."""
        self._require(day)
        number = day.toordinal() - date(1970, 1, 1).toordinal()
        following = int(self._days[np.searchsorted(self._days, number, side="right")])
        return date(1970, 1, 1) + timedelta(days=following)

    def due_after(self, received_at: pd.Series, value: pd.Series, unit: pd.Series) -> pd.Series:
        """When a limit that starts at `received_at` ends (UTC; null where anything is missing).

        Working days (`ngay_lam_viec`) end at the office's last closing, counted from the day on which receipt counts;
        calendar days (`ngay`) end at the last closing, moved off days that are not worked; hours (`gio`) up to 8 are
        working hours, above 8 clock hours.
        """
        due = pd.Series(pd.NaT, index=received_at.index, dtype="datetime64[us, UTC]")
        known = received_at.notna() & value.notna() & unit.notna()
        for name, move in (("ngay_lam_viec", self._working_days), ("ngay", self._calendar_days), ("gio", self._hours)):
            rows = known & (unit == name)
            if rows.any():
                moved = move(_local_seconds(received_at[rows]), value[rows].to_numpy(dtype=float))
                due[rows] = _moments(moved, received_at.index[rows])
        return due

    def shift(self, due_at: pd.Series, since: pd.Series, until: pd.Series, unit: pd.Series) -> pd.Series:
        """Moves a due date by the time waited between two moments: whole calendar days for `ngay`, working time else."""
        moved = due_at.copy()
        known = due_at.notna() & since.notna() & until.notna()
        calendar = known & (unit == "ngay")
        if calendar.any():
            days = _local_seconds(until[calendar]) // DAY - _local_seconds(since[calendar]) // DAY
            ends = self._closing_on_or_after(_local_seconds(due_at[calendar]) // DAY + days)
            moved[calendar] = _moments(ends, due_at.index[calendar])
        working = known & (unit != "ngay")
        if working.any():
            waited = self._axis(_local_seconds(until[working])) - self._axis(_local_seconds(since[working]))
            ends = self._moment(self._axis(_local_seconds(due_at[working])) + np.maximum(waited, 0))
            moved[working] = _moments(ends, due_at.index[working])
        return moved

    def working_seconds_between(self, since: datetime, until: datetime) -> int:
        """Seconds of working time from one moment to a later one; 0 when it is not later."""
        both = _local_seconds(pd.Series(pd.to_datetime([since, until], utc=True)))
        start, end = self._axis(both)
        return max(int(end - start), 0)

    def _working_days(self, local: Ints, value: npt.NDArray[np.float64]) -> Ints:
        # received after closing counts from the next opening, which is where the axis stands already; at the very
        # moment of closing it is still that day
        counted = self._axis(local)
        place = self._axis(local - (local % DAY == self._closes[-1])) // self.day_seconds
        whole = np.floor(value).astype(np.int64)
        ends = self._days[place + whole] * DAY + self._closes[-1]
        half = value != whole
        if half.any():  # half a day is half a day's working time
            ends[half] = self._moment(counted[half] + (value[half] * self.day_seconds).astype(np.int64))
        return ends

    def _calendar_days(self, local: Ints, value: npt.NDArray[np.float64]) -> Ints:
        return self._closing_on_or_after(local // DAY + np.ceil(value).astype(np.int64))

    def _hours(self, local: Ints, value: npt.NDArray[np.float64]) -> Ints:
        working = self._moment(self._axis(local) + (value * 3600).astype(np.int64))
        clock = local + (value * 3600).astype(np.int64)
        return np.where(value <= 8, working, clock)

    def _closing_on_or_after(self, days: Ints) -> Ints:
        return self._days[np.searchsorted(self._days, days)] * DAY + self._closes[-1]

    def _axis(self, local: Ints) -> Ints:
        """Working seconds from the calendar's first opening to a moment; a moment not worked counts as the next opening."""
        days, seconds = local // DAY, local % DAY
        place = np.searchsorted(self._days, days)
        worked = self._days[np.minimum(place, len(self._days) - 1)] == days
        window = np.searchsorted(self._closes, seconds, side="right")
        inside = np.append(self._before[:-1], self._before[-1])[window]
        started = np.append(self._opens, DAY)[window]
        partial = inside + np.maximum(seconds - started, 0)
        return place * self.day_seconds + np.where(worked, np.minimum(partial, self.day_seconds), 0)

    def _moment(self, axis: Ints) -> Ints:
        """The moment at which so much working time has passed; the end of a day is its last closing."""
        place = np.maximum(axis - 1, 0) // self.day_seconds
        rest = axis - place * self.day_seconds
        window = np.clip(np.searchsorted(self._before, rest, side="left") - 1, 0, len(self._opens) - 1)
        return self._days[place] * DAY + self._opens[window] + rest - self._before[window]

    def _require(self, day: date) -> None:
        if not self._first <= day <= self._last:
            raise ValueError(f"the working calendar covers {self._first} to {self._last}, not {day}")


def _seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _local_seconds(moments: pd.Series) -> Ints:
    local = moments.dt.tz_localize(None) + LOCAL
    return local.to_numpy(dtype="datetime64[s]").astype(np.int64)


def _moments(local: Ints, index: pd.Index) -> pd.Series:
    utc = pd.Series(local.astype("datetime64[s]").astype("datetime64[us]"), index=index) - LOCAL
    return utc.dt.tz_localize("UTC").astype("datetime64[us, UTC]")
