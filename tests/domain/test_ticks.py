"""When collecting starts by the clock: quarters of working hours, and every full hour."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.domain.ticks import EVERY, Ticks, is_night, next_night
from motcua.domain.working_days import VIETNAM

from tests.domain.working_time import CALENDAR, WINDOWS, is_working

TICKS = Ticks(CALENDAR)
HOURS = [f"{hour:02}:00" for hour in range(24)]
MOMENTS = st.datetimes(datetime(2018, 1, 3), datetime(2021, 12, 20)).map(lambda at: at.replace(tzinfo=VIETNAM))  # noqa: DTZ001


def of(day: date) -> list[str]:
    return [f"{tick:%H:%M}" for tick in TICKS.of_day(day)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    "day",
    [
        date(2018, 12, 29),  # a Saturday
        date(2018, 12, 31),  # a Monday, swapped for Saturday the 5th
        date(2019, 1, 1),
        date(2019, 2, 5),  # Tết
    ],
)
def test_a_day_off_has_its_full_hours_alone(day: date) -> None:
    assert of(day) == HOURS


@pytest.mark.parametrize("day", [date(2018, 12, 28), date(2019, 1, 5)])
def test_a_working_day_has_its_quarters_too_but_for_the_lunch_break(day: date) -> None:
    found = of(day)
    assert [tick for tick in found if "06:00" < tick < "08:00"] == ["07:00", "07:15", "07:30", "07:45"]
    assert [tick for tick in found if "11:00" < tick < "14:00"] == [
        "11:15", "11:30", "12:00", "13:00", "13:30", "13:45",
    ]  # fmt: skip
    assert [tick for tick in found if "16:30" < tick < "19:00"] == ["16:45", "17:00", "18:00"]
    assert set(HOURS) <= set(found)


@settings(deadline=None)
@given(MOMENTS)
def test_moments_go_on_in_order_each_once_and_none_is_left_out(moment: datetime) -> None:
    found = list(islice(TICKS.after(moment), 150))
    assert found == sorted(set(found))
    assert moment < found[0] <= moment + timedelta(hours=1)
    slow = moment.replace(minute=0, second=0, microsecond=0)
    expected = []
    while len(expected) < len(found):
        slow += EVERY
        in_hours = is_working(slow.date()) and any(opens <= slow.time() <= closes for opens, closes in WINDOWS)
        if slow > moment and (slow.minute == 0 or in_hours):
            expected.append(slow)
    assert found == expected
    assert TICKS.newest(moment) <= moment < found[0]
    assert TICKS.at_or_after(found[0]) == TICKS.newest(found[0]) == found[0]


@settings(deadline=None)
@given(MOMENTS)
def test_there_is_one_full_reading_a_night(moment: datetime) -> None:
    night = next_night(moment)
    assert is_night(night)
    assert timedelta() < night - moment <= timedelta(days=1)
    assert night in TICKS.of_day(night.date())
    assert [tick for tick in TICKS.of_day(night.date()) if is_night(tick)] == [night]


def test_it_knows_which_moments_are_worked() -> None:
    told = {text: TICKS.is_working_hours(at(text)) for text in (
        "2019-01-05T07:00", "2019-01-05T11:30", "2019-01-05T12:00", "2019-01-05T17:00", "2019-01-05T18:00",
        "2018-12-31T10:00",
    )}  # fmt: skip
    assert list(told.values()) == [True, True, False, True, False, False]


def test_outside_the_calendar_there_is_no_moment() -> None:
    with pytest.raises(ValueError, match="the working calendar covers 2018-01-02 to 2021-12-31, not 2022-01-01"):
        list(islice(TICKS.after(at("2021-12-31T22:30")), 3))
