"""Due dates and progress classes once more, day by day and hour by hour: slow, plain, none of the product's code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
WINDOWS = ((time(7, 0), time(11, 30)), (time(13, 30), time(17, 0)))
DAY = timedelta(days=1)


def _days(first: tuple[int, int, int], number: int = 1) -> set[date]:
    return {date(*first) + DAY * more for more in range(number)}


# As the Government announced them for 2018, 2019 and 2026. Days off were exchanged for Saturdays.
HOLIDAYS = (
    _days((2018, 1, 1)) | _days((2018, 2, 14), 7) | _days((2018, 4, 25)) | _days((2018, 4, 30), 2)
    | _days((2018, 9, 3)) | _days((2018, 12, 31), 2) | _days((2019, 2, 4), 5) | _days((2019, 4, 15))
    | _days((2019, 4, 29), 3) | _days((2019, 9, 2))
    | _days((2026, 1, 1), 2) | _days((2026, 2, 16), 5) | _days((2026, 4, 27)) | _days((2026, 4, 30), 2)
    | _days((2026, 8, 31), 3) | _days((2026, 11, 24))
)  # fmt: skip
WORKED_SATURDAYS = {date(2019, 1, 5), date(2019, 5, 4), date(2026, 1, 10), date(2026, 8, 22)}
YEARS = (2018, 2019, 2026)


def is_worked(day: date) -> bool:
    assert day.year in YEARS, f"the checker knows no holidays of {day.year}"
    return day in WORKED_SATURDAYS or (day.weekday() < 5 and day not in HOLIDAYS)


def next_worked(day: date) -> date:
    """The first working day after a day."""
    day += DAY
    while not is_worked(day):
        day += DAY
    return day


def due_after(received_at: datetime, procedure: Mapping[str, str] | None, channel: int) -> datetime | None:
    """When a procedure's limit ends for a dossier without supplements; None where no limit is known."""
    if procedure is None:
        return None
    own = "online_" if channel == 2 and procedure["online_limit_value"] else ""
    value, unit = procedure[f"{own}limit_value"], procedure[f"{own}limit_unit"]
    if not value:
        return None
    local = received_at.astimezone(VIETNAM)
    return _ENDS[unit](local, float(value)).astimezone(UTC)


def progress_class(status: int, due_at: datetime | None, finished_at: datetime | None, as_of: datetime) -> str:
    """The class of the feed, by Vietnam dates."""
    plain = {1: "not_received", 3: "not_received", 5: "waiting", 6: "stopped", 7: "withdrawn", 8: "stopped"}
    if status in plain:
        return plain[status]
    due, today = _day(due_at), _day(as_of)
    if status in (9, 10):
        finished = _day(finished_at)
        if due is None or finished == due:
            return "on_time"
        return "early" if finished < due else "overdue"
    assert status in (2, 4), status
    if due is None or due > next_worked(today):
        return "within_time"
    return "open_overdue" if due < today else "due_soon"


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.astimezone(VIETNAM).date()


def _after_working_days(local: datetime, value: float) -> datetime:
    if value != int(value):
        return _after_working_time(local, timedelta(hours=8 * value))
    day = local.date()
    if not is_worked(day) or local.time() > WINDOWS[-1][1]:
        day = next_worked(day)
    for _ in range(int(value)):
        day = next_worked(day)
    return _closing(day)


def _after_calendar_days(local: datetime, value: float) -> datetime:
    day = local.date() + DAY * math.ceil(value)
    return _closing(day if is_worked(day) else next_worked(day))


def _after_hours(local: datetime, value: float) -> datetime:
    return _after_working_time(local, timedelta(hours=value)) if value <= 8 else local + timedelta(hours=value)


def _after_working_time(local: datetime, left: timedelta) -> datetime:
    day = local.date() if is_worked(local.date()) else next_worked(local.date())
    while True:
        for start, end in WINDOWS:
            begin = max(local, datetime.combine(day, start, VIETNAM))
            room = max(datetime.combine(day, end, VIETNAM) - begin, timedelta(0))
            if left <= room and room:
                return begin + left
            left -= room
        day = next_worked(day)


def _closing(day: date) -> datetime:
    return datetime.combine(day, WINDOWS[-1][1], VIETNAM)


_ENDS = {"ngay_lam_viec": _after_working_days, "ngay": _after_calendar_days, "gio": _after_hours}
