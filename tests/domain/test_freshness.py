"""How old is stale: working time, never the weekend's."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from motcua.domain.calendar import VIETNAM, WorkingCalendar
from motcua.domain.freshness import is_late, late_since, working_age

WEEKDAYS = [day for n in range(30) if (day := date(2018, 10, 1) + timedelta(days=n)).weekday() < 5]
CALENDAR = WorkingCalendar(WEEKDAYS)
QUARTER = timedelta(minutes=15)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2018, 10, day, hour, minute, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("succeeded", "now", "age"),
    [
        (at(1, 8), at(1, 8, 45), timedelta(minutes=45)),
        (at(1, 11, 15), at(1, 13, 45), timedelta(minutes=30)),  # over lunch
        (at(5, 16, 50), at(8, 7, 20), timedelta(minutes=30)),  # over the weekend
        (at(6, 10), at(7, 10), timedelta(0)),
        (at(2, 10), at(2, 9), timedelta(0)),  # read as of a later moment: nothing is older than new
    ],
)
def test_age_counts_working_time_alone(succeeded: datetime, now: datetime, age: timedelta) -> None:
    assert working_age(CALENDAR, succeeded, now) == age


def test_a_source_is_late_after_two_missed_readings_and_when_it_was_never_read() -> None:
    assert working_age(CALENDAR, None, at(1, 8)) is None
    assert [is_late(age, QUARTER) for age in (None, timedelta(0), 2 * QUARTER, 2 * QUARTER + timedelta(seconds=1))] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("succeeded", "now", "since"),
    [
        (at(1, 8), at(1, 9), at(1, 8, 30)),
        (at(1, 8), at(1, 8, 30), None),
        (at(5, 16, 50), at(8, 9), at(8, 7, 20)),  # over the weekend
        (at(1, 11, 15), at(1, 15), at(1, 13, 45)),  # over lunch
    ],
)
def test_it_is_late_since_it_missed_the_second_reading(succeeded: datetime, now: datetime, since: datetime) -> None:
    assert late_since(CALENDAR, succeeded, QUARTER, now) == since


def test_what_was_never_read_is_late_since_no_moment() -> None:
    assert late_since(CALENDAR, None, QUARTER, at(1, 9)) is None


def test_outside_the_calendar_is_said() -> None:
    with pytest.raises(ValueError, match="the working calendar covers 2018-10-01 to 2018-10-30"):
        working_age(CALENDAR, at(1, 8), datetime(2019, 1, 1, tzinfo=VIETNAM))
