"""Working days between two columns of days, and the days that differ from the ordinary week."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.working_time import CALENDAR, is_working

DAYS = st.dates(date(2018, 1, 2), date(2019, 12, 31))


@settings(deadline=None)
@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=20))
def test_days_taken_are_those_a_walk_counts(pairs: list[tuple[date, date]]) -> None:
    since, until = (pd.Series(pd.to_datetime(list(column))) for column in zip(*pairs, strict=True))
    walked = [
        sum(is_working(start + timedelta(days=n)) for n in range(1, (end - start).days + 1)) for start, end in pairs
    ]
    assert CALENDAR.working_days_taken(since, until).tolist() == walked


def test_days_taken_are_unknown_where_a_day_is_missing_or_outside_the_calendar() -> None:
    since = pd.Series(pd.to_datetime(["2018-10-12", None, "1800-01-01", "2018-10-12"]))
    until = pd.Series(pd.to_datetime([None, "2018-10-12", "2018-10-12", "2018-10-15"]))
    assert CALENDAR.working_days_taken(since, until).isna().tolist() == [True, True, True, False]


def test_swapped_days_are_weekdays_off_and_weekend_days_worked() -> None:
    # New Year with the Monday before it, which Saturday the fifth was worked for
    assert CALENDAR.swapped_days(date(2018, 12, 25), date(2019, 1, 10)) == [
        date(2018, 12, 31), date(2019, 1, 1), date(2019, 1, 5),
    ]  # fmt: skip


def test_an_ordinary_week_with_the_swapped_days_is_the_calendar() -> None:
    first, last = date(2018, 1, 2), date(2019, 12, 31)
    swapped = set(CALENDAR.swapped_days(first, last))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert [day for day in days if (day.weekday() < 5) == (day in swapped)] == [
        day for day in days if not is_working(day)
    ]
