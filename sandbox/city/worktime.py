"""Working time of the city's offices as one long axis of milliseconds: working days end to end, lunch cut out.

Moments are milliseconds since 1970 in local time (Asia/Ho_Chi_Minh has no summer time); NEVER stands for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

import holidays
import numpy as np
import numpy.typing as npt

Moments = npt.NDArray[np.int64]

VIETNAM = timezone(timedelta(hours=7))
NEVER = np.iinfo(np.int64).max
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WORKDAY = 8 * HOUR
MORNING = 9 * HOUR // 2
OPENING, LUNCH_END, CLOSING = 7 * HOUR, 27 * HOUR // 2, 17 * HOUR
FIRST, LAST = date(2018, 1, 1), date(2027, 12, 31)


def moment(text: str) -> int:
    """A local ISO time (an offset, if given, is taken off) as a moment."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is not None:
        parsed = (parsed.astimezone(tz=VIETNAM)).replace(tzinfo=None)
    return (parsed - datetime(1970, 1, 1)) // timedelta(milliseconds=1)  # noqa: DTZ001


def day_number(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


class WorkTime:
    """Moves between moments and working time; `overrides` correct the national calendar."""

    def __init__(self, overrides: Mapping[str, bool]) -> None:
        national = holidays.country_holidays("VN", years=range(FIRST.year, LAST.year + 1))
        every = (FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))
        working = [day for day in every if overrides.get(day.isoformat(), national.is_working_day(day))]
        self.days: Moments = np.array([day_number(day) for day in working], dtype=np.int64)

    def place(self, days: Moments) -> Moments:
        """Position of the first working day on or after each day."""
        return np.searchsorted(self.days, days)

    def axis(self, moments: Moments) -> Moments:
        """Working time passed at each moment."""
        days, rest = np.divmod(moments, DAY)
        place = self.place(days)
        works = self.days[place] == days
        inside = np.clip(rest - OPENING, 0, MORNING) + np.clip(rest - LUNCH_END, 0, CLOSING - LUNCH_END)
        return place * WORKDAY + np.where(works, inside, 0)

    def moments(self, axis: Moments) -> Moments:
        """The moment at which so much working time has passed."""
        place, rest = np.divmod(axis, WORKDAY)
        return self.days[place] * DAY + np.where(rest < MORNING, OPENING + rest, LUNCH_END - MORNING + rest)

    def closing(self, places: Moments) -> Moments:
        """The last closing of working days."""
        return self.days[places] * DAY + CLOSING
