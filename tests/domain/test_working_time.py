"""Working time (domain page, section 4): examples to read, and whole columns against a slow and obvious model."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.domain.calendar import WorkingCalendar

from tests.domain.working_time import (
    CALENDAR,
    VIETNAM,
    is_working,
    local,
    moments,
    next_working,
    slow_due,
    slow_moment,
    slow_working_seconds,
)

MOMENTS = st.datetimes(datetime(2018, 1, 2), datetime(2019, 6, 30)).map(  # noqa: DTZ001 — local times, as sources write
    lambda moment: moment.replace(microsecond=0)
)
LIMITS = st.one_of(
    st.tuples(st.integers(1, 60).map(float), st.just("ngay_lam_viec")),
    st.tuples(st.integers(1, 59).map(lambda days: days + 0.5), st.just("ngay_lam_viec")),
    st.tuples(st.integers(1, 90).map(float), st.just("ngay")),
    st.tuples(st.sampled_from([0.5, 1.0, 2.0, 4.0, 8.0, 9.0, 24.0, 72.0]), st.just("gio")),
)


def due(received_at: str, value: float, unit: str) -> pd.Timestamp:
    result = CALENDAR.due_after(moments(received_at), pd.Series([value]), pd.Series([unit], dtype="str"))
    return result.iloc[0]


@pytest.mark.parametrize(
    ("received_at", "value", "unit", "expected"),
    [
        # working days end at the last closing; the day of receipt is day 0
        ("2018-10-08T09:00", 3, "ngay_lam_viec", "2018-10-11T17:00"),
        ("2018-10-12T09:00", 1, "ngay_lam_viec", "2018-10-15T17:00"),
        # before opening, in the lunch break and at closing it is still that day; after closing the next working day
        ("2018-10-08T05:00", 1, "ngay_lam_viec", "2018-10-09T17:00"),
        ("2018-10-08T12:00", 1, "ngay_lam_viec", "2018-10-09T17:00"),
        ("2018-10-08T17:00", 1, "ngay_lam_viec", "2018-10-09T17:00"),
        ("2018-10-08T17:01", 1, "ngay_lam_viec", "2018-10-10T17:00"),
        ("2018-10-12T18:00", 1, "ngay_lam_viec", "2018-10-16T17:00"),
        ("2018-10-13T10:00", 1, "ngay_lam_viec", "2018-10-16T17:00"),
        # holidays are no working days, a worked Saturday is one
        ("2018-12-28T16:00", 2, "ngay_lam_viec", "2019-01-03T17:00"),
        ("2019-01-04T09:00", 1, "ngay_lam_viec", "2019-01-05T17:00"),
        # half a day is four hours of work
        ("2018-10-08T08:00", 0.5, "ngay_lam_viec", "2018-10-08T14:00"),
        ("2018-10-08T10:00", 3.5, "ngay_lam_viec", "2018-10-11T16:00"),
        # calendar days count from the date of receipt and leave days that are not worked
        ("2018-10-08T09:00", 3, "ngay", "2018-10-11T17:00"),
        ("2018-10-08T18:00", 3, "ngay", "2018-10-11T17:00"),
        ("2018-10-08T09:00", 5, "ngay", "2018-10-15T17:00"),
        ("2018-04-20T09:00", 10, "ngay", "2018-05-02T17:00"),
        # hours up to 8 are worked, above 8 they are clock hours
        ("2018-10-08T09:00", 2, "gio", "2018-10-08T11:00"),
        ("2018-10-08T09:30", 2, "gio", "2018-10-08T11:30"),
        ("2018-10-08T10:30", 2, "gio", "2018-10-08T14:30"),
        ("2018-10-08T12:00", 2, "gio", "2018-10-08T15:30"),
        ("2018-10-12T16:00", 2, "gio", "2018-10-15T08:00"),
        ("2018-10-08T19:00", 8, "gio", "2018-10-09T17:00"),
        ("2018-10-12T16:00", 24, "gio", "2018-10-13T16:00"),
    ],
)
def test_limits_end_as_the_domain_page_says(received_at: str, value: float, unit: str, expected: str) -> None:
    assert due(received_at, value, unit) == local(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(MOMENTS, LIMITS), min_size=1, max_size=30))
def test_columns_of_limits_agree_with_the_slow_model(cases: list[tuple[datetime, tuple[float, str]]]) -> None:
    index = pd.Index(range(100, 100 + len(cases)))
    received = moments(*(moment.isoformat() for moment, _ in cases)).set_axis(index)
    values = pd.Series([value for _, (value, _) in cases], index=index)
    units = pd.Series([unit for _, (_, unit) in cases], index=index, dtype="str")
    expected = moments(*(slow_due(moment, *limit).isoformat() for moment, limit in cases)).set_axis(index)
    pd.testing.assert_series_equal(CALENDAR.due_after(received, values, units), expected)


@settings(deadline=None, max_examples=100)
@given(MOMENTS, MOMENTS)
def test_working_seconds_agree_with_the_slow_model(one: datetime, other: datetime) -> None:
    since, until = sorted((one, other))
    aware = [moment.replace(tzinfo=VIETNAM) for moment in (since, until)]
    assert CALENDAR.working_seconds_between(*aware) == slow_working_seconds(since, until)
    assert CALENDAR.working_seconds_between(*reversed(aware)) == -slow_working_seconds(since, until)


def test_working_seconds_do_not_depend_on_the_zone_they_are_told_in() -> None:
    since, until = datetime(2018, 10, 8, 1, tzinfo=UTC), datetime(2018, 10, 8, 11, tzinfo=VIETNAM)
    assert CALENDAR.working_seconds_between(since, until) == 3 * 3600


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(MOMENTS, MOMENTS, st.integers(1, 30)), min_size=1, max_size=20))
def test_waiting_moves_a_due_date_by_the_time_worked_meanwhile(cases: list[tuple[datetime, datetime, int]]) -> None:
    received = [case[0] for case in cases]
    since = [min(case[0], case[1]) for case in cases]
    until = [max(case[0], case[1]) for case in cases]
    dues = [slow_due(moment, days, "ngay_lam_viec") for moment, (_, _, days) in zip(received, cases, strict=True)]
    expected = []
    for at, begin, end in zip(dues, since, until, strict=True):
        waited = slow_working_seconds(begin, end)
        expected.append(slow_moment(at, waited) if waited else at)
    columns = [moments(*(moment.isoformat() for moment in column)) for column in (dues, since, until, expected)]
    units = pd.Series(["ngay_lam_viec"] * len(cases), dtype="str")
    pd.testing.assert_series_equal(CALENDAR.shift(*columns[:3], units), columns[3])


@pytest.mark.parametrize(
    ("due_at", "since", "until", "expected"),
    [
        ("2018-10-11T17:00", "2018-10-09T10:00", "2018-10-10T09:00", "2018-10-12T17:00"),
        ("2018-10-11T17:00", "2018-10-09T10:00", "2018-10-11T09:00", "2018-10-15T17:00"),
        ("2018-10-11T17:00", "2018-10-09T10:00", "2018-10-09T16:00", "2018-10-11T17:00"),
        ("2018-10-11T17:00", "2018-10-10T10:00", "2018-10-09T16:00", "2018-10-11T17:00"),
    ],
)
def test_waiting_moves_a_calendar_limit_by_whole_days(due_at: str, since: str, until: str, expected: str) -> None:
    moved = CALENDAR.shift(moments(due_at), moments(since), moments(until), pd.Series(["ngay"], dtype="str"))
    assert moved.iloc[0] == local(expected)


def test_nothing_moves_while_the_answer_is_awaited() -> None:
    due_at = moments("2018-10-11T17:00", None)
    moved = CALENDAR.shift(
        due_at,
        moments("2018-10-09T10:00", "2018-10-09T10:00"),
        moments(None, "2018-10-10T10:00"),
        pd.Series(["ngay"] * 2),
    )
    pd.testing.assert_series_equal(moved, due_at)


def test_a_limit_without_a_part_has_no_due_date() -> None:
    received = moments("2018-10-08T09:00", None, "2018-10-08T09:00", "2018-10-08T09:00")
    value = pd.Series([np.nan, 3.0, 3.0, 3.0])
    unit = pd.Series(["ngay", "ngay", None, "gio"], dtype="str")
    assert CALENDAR.due_after(received, value, unit).notna().tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("received_at", "value", "unit"),
    [
        ("1999-10-08T09:00", 3, "ngay"),
        ("2050-10-08T09:00", 3, "ngay_lam_viec"),
        ("2021-12-30T09:00", 30, "ngay_lam_viec"),
        ("2021-12-30T09:00", 30, "ngay"),
        ("2021-12-31T16:00", 8, "gio"),
        ("2021-12-31T16:00", 999_999_999, "gio"),
    ],
)
def test_a_due_date_outside_the_calendar_is_not_guessed(received_at: str, value: float, unit: str) -> None:
    assert due(received_at, value, unit) is pd.NaT


@settings(deadline=None)
@given(st.dates(date(2018, 1, 2), date(2019, 12, 20)))
def test_working_days_and_the_next_one(day: date) -> None:
    assert CALENDAR.is_working(day) == is_working(day)
    assert CALENDAR.next_working_day(day) == next_working(day)


@pytest.mark.parametrize("day", [date(2017, 12, 31), date(2022, 1, 1)])
def test_asking_outside_the_calendar_says_which_years_it_knows(day: date) -> None:
    with pytest.raises(ValueError, match=f"2018-01-02 to 2021-12-31, not {day}"):
        CALENDAR.is_working(day)


def test_an_office_can_have_windows_of_its_own() -> None:
    mornings = WorkingCalendar([date(2018, 10, 8), date(2018, 10, 9)], ((time(8), time(12)),))
    result = mornings.due_after(moments("2018-10-08T10:00"), pd.Series([1.0]), pd.Series(["ngay_lam_viec"]))
    assert result.iloc[0] == local("2018-10-09T12:00")
