"""A small calendar for tests, and working time counted the slow and obvious way, one dossier at a time."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta, timezone

import pandas as pd
from motcua.domain.calendar import WorkingCalendar

VIETNAM = timezone(timedelta(hours=7))
WINDOWS = ((time(7, 0), time(11, 30)), (time(13, 30), time(17, 0)))
CLOSING = time(17, 0)

# Days off of 2018 and of the beginning of 2019, as announced; 5 January 2019 was worked for 31 December 2018.
FREE = {
    date(2018, 1, 1),
    *(date(2018, 2, day) for day in (14, 15, 16, 19, 20)),
    date(2018, 4, 25),
    date(2018, 4, 30),
    date(2018, 5, 1),
    date(2018, 9, 3),
    date(2018, 12, 31),
    date(2019, 1, 1),
    *(date(2019, 2, day) for day in (4, 5, 6, 7, 8)),
}
WORKED = {date(2019, 1, 5)}
FIRST, LAST = date(2018, 1, 1), date(2021, 12, 31)


def is_working(day: date) -> bool:
    return day in WORKED or (day.weekday() < 5 and day not in FREE)


CALENDAR = WorkingCalendar(
    day for number in range((LAST - FIRST).days + 1) if is_working(day := FIRST + timedelta(days=number))
)


def local(text: str) -> pd.Timestamp:
    """A moment in Vietnam, in UTC."""
    return pd.Timestamp(text, tz="Asia/Ho_Chi_Minh").tz_convert("UTC")


def moments(*texts: str | None) -> pd.Series:
    """Moments in Vietnam as a UTC column."""
    naive = pd.to_datetime(pd.Series(texts, dtype="str"), format="ISO8601").dt.tz_localize("Asia/Ho_Chi_Minh")
    return naive.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def next_working(day: date) -> date:
    day += timedelta(days=1)
    while not is_working(day):
        day += timedelta(days=1)
    return day


def slow_due(received: datetime, value: float, unit: str) -> datetime:
    """When a limit ends, by walking along days and windows; local times without zone."""
    if unit == "ngay":
        day = received.date() + timedelta(days=math.ceil(value))
        return datetime.combine(day if is_working(day) else next_working(day), CLOSING)
    if unit == "gio":
        return slow_moment(received, value * 3600) if value <= 8 else received + timedelta(hours=value)
    if value != int(value):
        return slow_moment(received, value * 8 * 3600)
    day = received.date()
    if not is_working(day) or received.time() > CLOSING:
        day = next_working(day)
    for _ in range(int(value)):
        day = next_working(day)
    return datetime.combine(day, CLOSING)


def slow_moment(start: datetime, seconds: float) -> datetime:
    """The moment at which so many seconds have been worked since `start`."""
    day = start.date()
    while True:
        for opens, closes in WINDOWS if is_working(day) else ():
            begin, end = max(start, datetime.combine(day, opens)), datetime.combine(day, closes)
            available = (end - begin).total_seconds()
            if available > 0:
                if seconds <= available:
                    return begin + timedelta(seconds=seconds)
                seconds -= available
        day += timedelta(days=1)


def slow_working_seconds(since: datetime, until: datetime) -> int:
    """Seconds worked between two moments."""
    worked = 0.0
    day = since.date()
    while day <= until.date():
        for opens, closes in WINDOWS if is_working(day) else ():
            begin = max(since, datetime.combine(day, opens))
            end = min(until, datetime.combine(day, closes))
            worked += max((end - begin).total_seconds(), 0)
        day += timedelta(days=1)
    return int(worked)
