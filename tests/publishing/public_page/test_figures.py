"""Counts, months and handling times against a count by hand."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.public_page.charts import trend_chart
from motcua.publishing.public_page.figures import Figures, count, total
from motcua.publishing.public_page.handling import Handling, handling_times
from motcua.publishing.public_page.trend import Month, flows, months, span
from motcua.registry import Registry

from tests.publishing.public_page.a_feed import Row, row


def test_each_agency_is_counted_by_class_and_channel() -> None:
    rows = table(
        row(code="1", agency="A", channel=2, progress="early"),
        row(code="2", agency="A", channel=1, progress="overdue"),
        row(code="3", agency="A", channel=2, progress="not_received"),
        row(code="4", agency="A", channel=3, progress="open_overdue"),
        row(code="5", agency="B", channel=1, progress="waiting", procedure=None),
    )
    a = Figures(received=3, online=1, classes={"early": 1, "overdue": 1, "not_received": 1, "open_overdue": 1})
    b = Figures(received=1, online=0, classes={"waiting": 1})
    assert count(rows, "agency_code") == {("A",): a, ("B",): b}
    assert count(rows, "agency_code", "procedure_code") == {("A", "1.001193"): a, ("B", None): b}
    assert count(rows) == {(): total([a, b])}


def test_shares_divide_by_received_by_done_and_by_known_outcomes() -> None:
    figures = Figures(
        received=9, online=3, classes={"early": 2, "on_time": 1, "overdue": 1, "due_soon": 4, "open_overdue": 1}
    )
    assert (figures.online_share, figures.in_time_share, figures.late_share) == (1 / 3, 0.75, 0.4)
    assert (figures.done, figures.open, figures.late, figures.offline) == (4, 5, 2, 6)


def test_shares_of_nothing_are_unknown_and_not_zero() -> None:
    nothing = Figures()
    assert (nothing.online_share, nothing.in_time_share, nothing.late_share) == (None, None, None)


def test_flows_belong_to_the_month_of_their_date() -> None:
    rows = table(
        row(code="1", agency="A", progress="early", received="2018-10-31", finished="2018-11-01"),
        row(code="2", agency="A", progress="overdue", received="2018-10-01", finished="2018-12-01"),
        row(code="3", agency="A", progress="within_time", received="2018-12-31"),
        row(code="4", agency="A", progress="not_received"),
        row(code="5", agency="A", progress="on_time", received="2018-12-31"),
    )
    found = flows(rows, "agency_code")["A",]
    shown = span(found, date(2018, 12, 31))
    assert months(found, shown) == [
        Month(first_day=date(2018, 10, 1), received=2),
        Month(first_day=date(2018, 11, 1), early=1),
        # the fifth was handled, but nobody knows when
        Month(first_day=date(2018, 12, 1), received=2, overdue=1),
    ]


@pytest.mark.parametrize(
    ("first", "until", "shown"),
    [("2018-10-05", date(2018, 12, 1), 3), ("2010-01-01", date(2018, 12, 1), 12), ("2018-12-25", date(2018, 12, 1), 1)],
)
def test_at_most_a_year_is_shown_and_nothing_before_the_first_dossier(first: str, until: date, shown: int) -> None:
    rows = table(row(code="1", agency="A", progress="within_time", received=first))
    found = span(flows(rows)[()], until)
    assert (len(found), found[-1]) == (shown, 2018 * 12 + 11)


def test_a_city_without_dossiers_shows_this_month() -> None:
    assert len(span({}, date(2018, 12, 1))) == 1
    assert trend_chart([Month(first_day=date(2018, 12, 1))]).bars == []


def test_handling_is_measured_in_working_days_and_by_nearest_rank(registry: Registry) -> None:
    # from Friday 12 October 2018: the same day, Monday, Tuesday, Wednesday, and after a weekend more
    ends = ["2018-10-12", "2018-10-15", "2018-10-16", "2018-10-17", "2018-10-22"]
    rows = table(
        *(row(code=end, agency="A", progress="early", received="2018-10-12", finished=end) for end in ends),
        row(code="6", agency="B", progress="overdue", received="2018-12-28", finished="2019-01-02"),
        row(code="7", agency="B", progress="within_time", received="2018-12-28"),
        row(code="8", agency="B", progress="on_time", received="2018-12-28"),
    )
    assert handling_times(rows, registry.calendar, "agency_code") == {
        ("A",): Handling(median_days=2, p80_days=3),
        # 31 December 2018 and New Year were off
        ("B",): Handling(median_days=1, p80_days=1),
    }


@pytest.mark.parametrize(
    ("size", "median", "p80"), [(1, 0, 0), (2, 0, 1), (4, 1, 3), (5, 2, 3), (10, 4, 7), (11, 5, 8)]
)
def test_the_nearest_rank_is_a_value_that_occurred(registry: Registry, size: int, median: int, p80: int) -> None:
    workdays = [day for day in range(1, 30) if registry.calendar.is_working(date(2018, 10, day))][:size]
    rows = table(
        *(
            row(code=str(day), agency="A", progress="early", received="2018-10-01", finished=f"2018-10-{day:02d}")
            for day in workdays
        )
    )
    assert handling_times(rows, registry.calendar, "agency_code") == {
        ("A",): Handling(median_days=median, p80_days=p80)
    }


def test_of_nothing_done_there_is_no_handling_time(registry: Registry) -> None:
    rows = table(row(code="1", agency="A", progress="waiting", received="2018-10-12"))
    assert handling_times(rows, registry.calendar, "agency_code") == {}


def test_bars_are_as_high_as_their_numbers_and_stand_within_the_chart() -> None:
    month = Month(first_day=date(2018, 12, 1), received=9, early=4, on_time=2, overdue=1)
    chart = trend_chart([month])
    heights = {bar.kind: bar.height for bar in chart.bars}
    unit = heights["overdue"]
    assert heights == {kind: pytest.approx(n * unit, abs=0.5) for kind, n in
                       {"received": 9, "early": 4, "on_time": 2, "overdue": 1}.items()}  # fmt: skip
    assert [value for value, _ in chart.lines] == [0, 3, 6, 9]
    assert chart.lines[-1][1] == min(bar.y for bar in chart.bars)


def table(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ROW)
