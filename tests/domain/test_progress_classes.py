"""Progress classes (domain page, section 4): by date, at the as-of moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.domain.progress import PROGRESS_NAMES, progress_classes
from motcua.domain.status import STATUS_NAMES, Status

from tests.domain.working_time import CALENDAR, VIETNAM, moments, next_working

FRIDAY = datetime(2018, 10, 12, 17, 0, tzinfo=VIETNAM)


def frame(*rows: tuple[int | None, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "status": pd.Series([status for status, _, _ in rows], dtype="Int16"),
            "due_at": moments(*(due for _, due, _ in rows)),
            "finished_at": moments(*(finished for _, _, finished in rows)),
        }
    )


@pytest.mark.parametrize(
    ("status", "due_at", "finished_at", "expected"),
    [
        (9, "2018-10-10T17:00", "2018-10-09T16:00", "early"),
        (10, "2018-10-10T17:00", "2018-10-09T23:59", "early"),
        (9, "2018-10-10T11:00", "2018-10-10T16:00", "on_time"),  # dates are compared, not moments
        (10, None, "2018-10-10T16:00", "on_time"),
        (9, "2018-10-10T17:00", "2018-10-11T00:01", "overdue"),
        (2, "2018-10-11T17:00", None, "open_overdue"),
        (4, "2018-10-12T11:00", None, "due_soon"),  # today, though the hour has passed
        (4, "2018-10-13T17:00", None, "due_soon"),
        (2, "2018-10-15T17:00", None, "due_soon"),  # Monday is the next working day
        (4, "2018-10-16T17:00", None, "within_time"),
        (2, None, None, "within_time"),
        (5, "2018-10-01T17:00", None, "waiting"),
        (6, "2018-10-01T17:00", None, "stopped"),
        (8, "2018-10-01T17:00", None, "stopped"),
        (7, "2018-10-01T17:00", None, "withdrawn"),
        (1, None, None, "not_received"),
        (3, "2018-10-01T17:00", None, "not_received"),
    ],
)
def test_classes_follow_the_domain_page(
    status: int, due_at: str | None, finished_at: str | None, expected: str
) -> None:
    assert progress_classes(frame((status, due_at, finished_at)), FRIDAY, CALENDAR).tolist() == [expected]


def test_the_day_is_vietnams_whatever_zone_as_of_is_told_in() -> None:
    given = frame((4, "2018-10-11T17:00", None))
    evening = datetime(2018, 10, 11, 23, 30, tzinfo=VIETNAM)
    assert progress_classes(given, evening, CALENDAR).tolist() == ["due_soon"]
    assert progress_classes(given, evening + timedelta(hours=1), CALENDAR).tolist() == ["open_overdue"]
    utc = pd.Timestamp(evening + timedelta(hours=1)).tz_convert("UTC").to_pydatetime()
    assert progress_classes(given, utc, CALENDAR).tolist() == ["open_overdue"]


def slow_class(status: int, due: datetime | None, finished: datetime | None, as_of: datetime) -> str:
    today = as_of.date()
    if status in (9, 10):
        if due is None or finished is None or due.date() == finished.date():
            return "on_time"
        return "early" if finished.date() < due.date() else "overdue"
    if status in (2, 4):
        if due is None or due.date() > next_working(today):
            return "within_time"
        return "open_overdue" if due.date() < today else "due_soon"
    return {5: "waiting", 6: "stopped", 8: "stopped", 7: "withdrawn", 1: "not_received", 3: "not_received"}[status]


NEAR = st.datetimes(datetime(2018, 12, 20), datetime(2019, 1, 10))  # noqa: DTZ001 — local times, as sources write


@settings(deadline=None, max_examples=60)
@given(
    NEAR,
    st.lists(st.tuples(st.sampled_from(list(Status)), st.none() | NEAR, st.none() | NEAR), min_size=1, max_size=30),
)
def test_columns_agree_with_the_slow_model(
    as_of: datetime, rows: list[tuple[int, datetime | None, datetime | None]]
) -> None:
    given_frame = frame(*((s, d and d.isoformat(), f and f.isoformat()) for s, d, f in rows))
    expected = [slow_class(status, due, finished, as_of) for status, due, finished in rows]
    assert progress_classes(given_frame, as_of.replace(tzinfo=VIETNAM), CALENDAR).tolist() == expected


def test_every_class_has_its_vietnamese_name_and_every_status_a_class() -> None:
    assert list(STATUS_NAMES) == list(Status)
    every = frame(*((status, None, None) for status in Status))
    assert set(progress_classes(every, FRIDAY, CALENDAR)) <= PROGRESS_NAMES.keys()


@pytest.mark.parametrize("status", [None, -1, 11])
def test_a_status_without_a_class_is_an_error(status: int | None) -> None:
    with pytest.raises(ValueError, match="without a progress class"):
        progress_classes(frame((status, None, None)), FRIDAY, CALENDAR)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="with its zone"):
        progress_classes(frame((4, None, None)), FRIDAY.replace(tzinfo=None), CALENDAR)
