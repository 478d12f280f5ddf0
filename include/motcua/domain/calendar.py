"""Working time: which days an office works, its hours, and moving along them by column (domain page, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from motcua.domain.working_days import DEFAULT_WINDOWS, Windows, WorkingDays, seconds_of
from motcua.domain.working_days import VIETNAM as VIETNAM  # what most have to do with working time

LOCAL = pd.Timedelta(hours=7)
DAY = 86_400
HOUR = 3_600
MOST_WORKING_HOURS = 8  # a limit of up to so many hours is in working hours, a longer one in clock hours
EPOCH = date(1970, 1, 1)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).min  # numpy's own sign for "not a time"


class WorkingCalendar(WorkingDays):
    """Working days of a range of years, and the windows worked on each of them, for whole columns.

    Moments go in and come out as UTC columns; inside they are whole seconds since 1970 in local time. Working time
    is counted on one long axis: working days one after the other, windows one after the other. What falls outside the
    calendar's years is null, because a due date there could only be a guess.
    """

    def __init__(self, working_days: Iterable[date], windows: Windows = DEFAULT_WINDOWS) -> None:
        super().__init__(working_days, windows)
        self._days: Ints = np.array(self._ordinals, dtype=np.int64) - EPOCH.toordinal()
        self._opens: Ints = np.array([seconds_of(start) for start, _ in windows], dtype=np.int64)
        self._closes: Ints = np.array([seconds_of(end) for _, end in windows], dtype=np.int64)
        self._before: Ints = np.concatenate([[0], np.cumsum(self._closes - self._opens)])

    def working_days_taken(self, since: pd.Series, until: pd.Series) -> pd.Series:
        """Working days after each day of `since` (naive, midnight), up to and with that of `until`; 0 when earlier.

        Null where a day is missing or outside the calendar's years.
        """
        taken = pd.Series(np.nan, index=since.index, dtype="float64")
        known = (since.notna() & until.notna()).to_numpy(dtype=bool)
        days = [column[known].to_numpy(dtype="datetime64[D]").astype(np.int64) for column in (since, until)]
        first, last = (np.searchsorted(self._days, ends, side="right") for ends in days)
        covered = self._covers(days[0] * DAY) & self._covers(days[1] * DAY)
        taken[known] = np.where(covered, np.maximum(last - first, 0), np.nan)
        return taken

    def swapped_days(self, since: date, until: date) -> list[date]:
        """Weekdays that are not worked and weekend days that are, from `since` to `until`; of the years covered."""
        first, last = max(_number(since), int(self._days[0])), min(_number(until), int(self._days[-1]))
        days = np.arange(first, last + 1, dtype=np.int64)
        is_weekday = (days + EPOCH.weekday()) % 7 < 5
        return [EPOCH + timedelta(days=int(day)) for day in days[np.isin(days, self._days) != is_weekday]]

    def due_after(self, received_at: pd.Series, value: pd.Series, unit: pd.Series) -> pd.Series:
        """When a limit that starts at `received_at` ends (UTC; null where anything is missing).

        Working days (`ngay_lam_viec`) end at the last closing, counted from the day on which receipt counts: after
        the last closing that is the next working day. Calendar days (`ngay`) end at the last closing, moved off days
        that are not worked. Hours (`gio`) up to 8 are working hours, above 8 clock hours.
        """
        due = pd.Series(pd.NaT, index=received_at.index, dtype="datetime64[us, UTC]")
        known = received_at.notna() & value.notna() & unit.notna()
        for name, move in (("ngay_lam_viec", self._working_days), ("ngay", self._calendar_days), ("gio", self._hours)):
            rows = (known & (unit == name)).to_numpy(dtype=bool)
            if rows.any():
                local = _local_seconds(received_at[rows])
                moved = move(local, value[rows].to_numpy(dtype=np.float64))
                covered = self._covers(local) & self._covers(moved)
                due[rows] = _moments(np.where(covered, moved, _NEVER), received_at.index[rows])
        return due

    def shift(self, due_at: pd.Series, since: pd.Series, until: pd.Series, unit: pd.Series) -> pd.Series:
        """Moves a due date by the time waited between two moments.

        Limits in calendar days (`ngay`) move by whole calendar days and end at a last closing, all others by working
        time. Nothing moves backwards, and nothing moves where a moment is missing; a due date that would leave the
        calendar is null.
        """
        moved = due_at.copy()
        known = due_at.notna() & since.notna() & until.notna()
        in_days = known & (unit == "ngay")
        for kind, move in ((in_days, self._by_calendar_days), (known & ~in_days, self._by_working_time)):
            rows = kind.to_numpy(dtype=bool)
            if rows.any():
                local = [_local_seconds(column[rows]) for column in (due_at, since, until)]
                covered = self._covers(local[0]) & self._covers(local[1]) & self._covers(local[2])
                moved[rows] = _moments(np.where(covered, move(*local), _NEVER), due_at.index[rows])
        return moved

    def _working_days(self, local: Ints, value: Floats) -> Ints:
        """A limit of half a day ends after half a day's working time, at no closing."""
        whole = np.floor(value).astype(np.int64)
        ends = self._closing_of(self._counted_day(local) + whole)
        by_time = self._moment(self._axis(local) + (value * self.day_seconds).astype(np.int64))
        return np.where(value == whole, ends, by_time).astype(np.int64)

    def _calendar_days(self, local: Ints, value: Floats) -> Ints:
        days: Ints = local // DAY + np.ceil(value).astype(np.int64)
        return self._closing_on_or_after(days)

    def _hours(self, local: Ints, value: Floats) -> Ints:
        seconds = (value * HOUR).astype(np.int64)
        working = self._moment(self._axis(local) + seconds)
        return np.where(value <= MOST_WORKING_HOURS, working, local + seconds).astype(np.int64)

    def _by_calendar_days(self, due: Ints, since: Ints, until: Ints) -> Ints:
        waited = until // DAY - since // DAY
        return np.where(waited > 0, self._closing_on_or_after(due // DAY + waited), due).astype(np.int64)

    def _by_working_time(self, due: Ints, since: Ints, until: Ints) -> Ints:
        waited = self._axis(until) - self._axis(since)
        return np.where(waited > 0, self._moment(self._axis(due) + waited), due).astype(np.int64)

    def _counted_day(self, local: Ints) -> Ints:
        """Place of the working day on which a receipt counts."""
        days, seconds = local // DAY, local % DAY
        place = np.searchsorted(self._days, days)
        is_closed = self._is_worked(place, days) & (seconds > self._closes[-1])
        return np.where(is_closed, place + 1, place).astype(np.int64)

    def _closing_of(self, place: Ints) -> Ints:
        inside = (place >= 0) & (place < len(self._days))
        days = self._days[np.clip(place, 0, len(self._days) - 1)]
        return np.where(inside, days * DAY + self._closes[-1], _NEVER).astype(np.int64)

    def _closing_on_or_after(self, days: Ints) -> Ints:
        return self._closing_of(np.searchsorted(self._days, days).astype(np.int64))

    def _axis(self, local: Ints) -> Ints:
        """Working seconds from the calendar's first opening; a moment that is not worked counts as the next opening."""
        days, seconds = local // DAY, local % DAY
        place = np.searchsorted(self._days, days)
        windows = np.minimum(seconds[:, None], self._closes) - self._opens
        worked = np.maximum(windows, 0).sum(axis=1)
        return (place * self.day_seconds + np.where(self._is_worked(place, days), worked, 0)).astype(np.int64)

    def _moment(self, axis: Ints) -> Ints:
        """The moment at which so much working time has passed; the end of a window is its closing."""
        place = np.maximum(axis - 1, 0) // self.day_seconds
        rest = axis - place * self.day_seconds
        window = np.clip(np.searchsorted(self._before, rest, side="left") - 1, 0, len(self._opens) - 1)
        inside = place < len(self._days)
        days = self._days[np.minimum(place, len(self._days) - 1)]
        moment = days * DAY + self._opens[window] + rest - self._before[window]
        return np.where(inside, moment, _NEVER).astype(np.int64)

    def _is_worked(self, place: npt.NDArray[np.intp], days: Ints) -> Flags:
        worked: Flags = self._days[np.minimum(place, len(self._days) - 1)] == days
        return worked

    def _covers(self, local: Ints) -> Flags:
        days = local // DAY
        covered: Flags = (days >= self._days[0]) & (days <= self._days[-1])
        return covered


def _number(day: date) -> int:
    return day.toordinal() - EPOCH.toordinal()


def _local_seconds(moments: pd.Series) -> Ints:
    local = moments.dt.tz_localize(None) + LOCAL
    seconds: Ints = local.to_numpy(dtype="datetime64[s]").astype(np.int64)
    return seconds


def _moments(local: Ints, index: pd.Index) -> pd.Series:
    naive = pd.Series(local.astype("datetime64[s]").astype("datetime64[us]"), index=index) - LOCAL
    return naive.dt.tz_localize("UTC")


def local_days(moments: pd.Series) -> pd.Series:
    """Days of Vietnam (naive, midnight) of UTC moments; null stays null."""
    days: pd.Series = (moments.dt.tz_localize(None) + LOCAL).dt.floor("D")
    return days
