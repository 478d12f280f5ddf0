"""When a source is due, when next, what is overdue because of us, and what is late: examples, and any schedule."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.domain.schedule import NotDue, Rhythm, Schedule
from motcua.domain.ticks import Ticks, next_night
from motcua.domain.working_days import VIETNAM

from tests.domain.working_time import CALENDAR

TICKS = Ticks(CALENDAR)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
USUAL = Schedule(every=QUARTER)
AFTER_EIGHT = Schedule(every=QUARTER, allowed=((time(20), time(6)),))
EARLY_EVENING = Schedule(every=QUARTER, allowed=((time(18), time(22)),))
MORNINGS = Schedule(every=QUARTER, windows=((time(8), time(12)),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def why(schedule: Schedule, attempted: str | None, as_of: str) -> NotDue | None:
    return Rhythm(schedule, TICKS).why_not(at(attempted) if attempted else None, at(as_of))


def moments(schedule: Schedule, attempted: str, after: str, count: int) -> list[str]:
    found = Rhythm(schedule, TICKS).moments(at(attempted), at(after))
    return [f"{moment:%m-%d %H:%M}" for moment in islice(found, count)]


@pytest.mark.parametrize(
    ("schedule", "attempted", "as_of", "expected"),
    [
        (USUAL, None, "2018-10-08T09:00", None),
        (USUAL, "2018-10-08T09:00", "2018-10-08T09:15", None),
        (USUAL, "2018-10-08T09:00", "2018-10-08T09:14:20", None),  # a run that starts some seconds early
        (USUAL, "2018-10-08T09:05", "2018-10-08T09:15", NotDue.NOT_YET),  # read by hand in between
        (USUAL, "2018-10-08T09:00", "2018-10-08T09:00", NotDue.NOT_YET),
        (USUAL, "2018-10-08T11:30", "2018-10-08T13:30", NotDue.NOT_YET),  # over lunch nothing has happened
        (USUAL, "2018-10-08T11:30", "2018-10-08T13:45", None),
        (USUAL, "2018-10-08T17:00", "2018-10-08T23:00", NotDue.NOT_YET),
        (USUAL, "2018-10-08T17:00", "2018-10-09T02:00", None),  # the night's reading
        (USUAL, "2018-10-08T17:00", "2018-10-09T03:00", None),  # it was missed, and is owed
        (USUAL, "2018-10-09T02:00", "2018-10-09T07:00", NotDue.NOT_YET),
        (USUAL, "2018-10-09T02:00", "2018-10-09T07:15", None),
        (USUAL, "2018-10-05T17:00", "2018-10-07T01:00", None),  # Saturday's night is owed on Sunday
        (Schedule(every=2 * HOUR), "2018-10-08T10:30", "2018-10-08T13:45", NotDue.NOT_YET),
        (Schedule(every=2 * HOUR), "2018-10-08T10:30", "2018-10-08T14:30", None),
        (Schedule(every=QUARTER, paused=True), None, "2018-10-08T09:00", NotDue.PAUSED),
        (
            Schedule(every=QUARTER, blackout=((date(2018, 10, 8), date(2018, 10, 9)),)),
            None, "2018-10-09T23:00", NotDue.BLACKOUT,
        ),
        (Schedule(every=QUARTER, blackout=((date(2018, 10, 8), date(2018, 10, 9)),)), None, "2018-10-10T00:00", None),
        (AFTER_EIGHT, "2018-10-08T02:00", "2018-10-08T19:00", NotDue.OUTSIDE_WINDOW),
        (AFTER_EIGHT, "2018-10-08T02:00", "2018-10-08T20:00", None),
        (AFTER_EIGHT, "2018-10-08T20:00", "2018-10-09T02:00", None),
        (AFTER_EIGHT, "2018-10-08T20:00", "2018-10-09T06:00", NotDue.OUTSIDE_WINDOW),
        (EARLY_EVENING, "2018-10-08T01:00", "2018-10-08T17:59", NotDue.OUTSIDE_WINDOW),
        (EARLY_EVENING, "2018-10-08T01:00", "2018-10-08T18:00", None),
        (EARLY_EVENING, "2018-10-08T01:00", "2018-10-08T22:00", NotDue.OUTSIDE_WINDOW),
        (USUAL, "2018-10-08T10:00", "2018-10-08T09:00", NotDue.NOT_YET),  # as of a moment before its attempt
        (MORNINGS, "2018-10-08T12:00", "2018-10-08T17:00", NotDue.NOT_YET),  # its office works no afternoon
        (MORNINGS, "2018-10-08T11:30", "2018-10-08T12:00", None),  # and in the city's lunch break
    ],
)  # fmt: skip
def test_a_source_is_due_or_it_is_said_why_not(
    schedule: Schedule, attempted: str | None, as_of: str, expected: NotDue | None
) -> None:
    assert why(schedule, attempted, as_of) == expected


def test_the_next_moments_follow_working_time_and_the_night() -> None:
    assert moments(USUAL, "2018-10-05T16:30", "2018-10-05T16:31", 6) == [
        "10-05 16:45", "10-05 17:00", "10-06 02:00", "10-07 02:00", "10-08 02:00", "10-08 07:15",
    ]  # fmt: skip


def test_a_window_that_is_outside_working_hours_and_the_night_is_read_once_a_day() -> None:
    assert moments(EARLY_EVENING, "2018-10-05T18:00", "2018-10-05T18:00", 4) == [
        "10-06 18:00", "10-07 18:00", "10-08 18:00", "10-09 18:00",
    ]  # fmt: skip


def test_days_of_blackout_are_passed_over_and_what_is_owed_is_paid_after_them() -> None:
    tet = Schedule(every=QUARTER, blackout=((date(2019, 2, 2), date(2019, 2, 10)),))
    assert moments(tet, "2019-02-01T17:00", "2019-02-01T17:00", 3) == ["02-11 00:00", "02-11 02:00", "02-11 07:15"]


def test_a_paused_source_has_no_next_moment_nor_has_one_that_is_blacked_out_for_good() -> None:
    for schedule in (
        Schedule(every=QUARTER, paused=True),
        Schedule(every=QUARTER, blackout=((date(2018, 1, 1), date(2021, 12, 31)),)),
    ):
        assert Rhythm(schedule, TICKS).next_due(None, at("2018-10-08T09:00")) is None


def test_overdue_because_of_us_is_what_nobody_tried_when_it_was_due() -> None:
    rhythm = Rhythm(USUAL, TICKS)
    as_of = at("2018-10-08T10:00")
    # tried at the tick before, good or bad
    assert rhythm.overdue_since(at("2018-10-08T09:45"), as_of) is None
    assert rhythm.overdue_since(at("2018-10-08T09:15"), as_of) == at("2018-10-08T09:30")
    assert rhythm.overdue_since(at("2018-10-05T16:30"), as_of) == at("2018-10-05T16:45")
    assert rhythm.overdue_since(None, as_of) is None  # it is new
    # it was paused until 09:40: nobody missed anything
    assert rhythm.overdue_since(at("2018-10-05T16:30"), as_of, changed_at=at("2018-10-08T09:40")) == at(
        "2018-10-08T09:45"
    )
    assert rhythm.overdue_since(at("2018-10-05T16:30"), as_of, changed_at=at("2018-10-08T09:55")) is None


@pytest.mark.parametrize(
    ("schedule", "succeeded", "as_of", "expected"),
    [
        (USUAL, None, "2018-10-08T09:00", True),
        (USUAL, "2018-10-08T09:00", "2018-10-08T09:30", False),
        (USUAL, "2018-10-08T09:00", "2018-10-08T09:31", True),
        (USUAL, "2018-10-05T17:00", "2018-10-08T07:00", False),  # a weekend makes nothing late
        (USUAL, "2018-10-08T10:00", "2018-10-08T09:00", False),  # as of a moment before its reading
        (MORNINGS, "2018-10-08T12:00", "2018-10-08T17:00", False),
        (AFTER_EIGHT, "2018-10-08T02:00", "2018-10-08T17:00", False),  # it may not be read by day
        (AFTER_EIGHT, "2018-10-08T02:00", "2018-10-09T01:00", False),
        (AFTER_EIGHT, "2018-10-08T02:00", "2018-10-09T03:00", True),
        (Schedule(every=QUARTER, paused=True), None, "2018-10-08T09:00", False),
        (
            Schedule(every=QUARTER, blackout=((date(2018, 10, 8), date(2018, 10, 8)),)),
            "2018-10-04T09:00", "2018-10-08T09:00", False,
        ),
    ],
)  # fmt: skip
def test_late_is_what_misses_two_readings_that_could_have_been(
    schedule: Schedule, succeeded: str | None, as_of: str, expected: bool
) -> None:
    assert Rhythm(schedule, TICKS).is_late(at(succeeded) if succeeded else None, at(as_of)) is expected


def test_what_was_resumed_a_moment_ago_is_not_late_yet() -> None:
    rhythm = Rhythm(USUAL, TICKS)
    week = at("2018-10-01T09:00")
    told = [rhythm.is_late(week, at(f"2018-10-08T{now}"), at("2018-10-08T09:01")) for now in ("09:20", "09:31")]
    assert told == [False, True]


def test_a_source_for_days_alone_is_known() -> None:
    by_day = Schedule(every=QUARTER, allowed=((time(7), time(17)),))
    assert [one.is_for_days_alone() for one in (by_day, AFTER_EIGHT, EARLY_EVENING, USUAL)] == [
        True, False, False, False,
    ]  # fmt: skip


SPANS = st.tuples(st.integers(0, 23), st.integers(1, 23)).map(lambda s: (time(s[0]), time((s[0] + s[1]) % 24)))
FIRST_DAYS = st.dates(date(2018, 1, 10), date(2019, 3, 1))
SCHEDULES = st.builds(
    Schedule,
    every=st.sampled_from([QUARTER, timedelta(minutes=20), HOUR, timedelta(hours=5), timedelta(days=7)]),
    windows=st.sampled_from([None, ((time(8), time(12)),), ((time(6, 30), time(11)), (time(13), time(18)))]),
    allowed=st.lists(SPANS, max_size=2).map(tuple),
    blackout=st.lists(
        st.tuples(FIRST_DAYS, st.integers(0, 12)).map(lambda s: (s[0], s[0] + timedelta(days=s[1]))), max_size=3
    ).map(tuple),
)
MOMENTS = st.datetimes(datetime(2018, 1, 10), datetime(2019, 3, 1)).map(lambda one: one.replace(tzinfo=VIETNAM))  # noqa: DTZ001


@settings(deadline=None, max_examples=150)
@given(SCHEDULES, MOMENTS, st.timedeltas(timedelta(), timedelta(days=4)))
def test_the_next_due_moment_is_due_and_no_moment_before_it_is(
    schedule: Schedule, attempted: datetime, waited: timedelta
) -> None:
    rhythm, after = Rhythm(schedule, TICKS), attempted + waited
    found = rhythm.next_due(attempted, after)
    assert found is not None
    for tick in TICKS.after(after):
        assert (rhythm.why_not(attempted, tick) is None) == (tick == found)
        if tick == found:
            break
    assert not schedule.is_blacked_out(found.date())
    assert schedule.is_allowed(found)


@settings(deadline=None, max_examples=100)
@given(SCHEDULES, MOMENTS)
def test_whatever_is_said_of_a_source_it_is_read_once_a_day_on_which_it_may_be(
    schedule: Schedule, attempted: datetime
) -> None:
    found = [attempted, *islice(Rhythm(schedule, TICKS).moments(attempted, attempted), 30)]
    free = Schedule(every=schedule.every, windows=schedule.windows, allowed=schedule.allowed)
    for earlier, later in pairwise(found):
        days = [earlier.date() + timedelta(days=n) for n in range((later.date() - earlier.date()).days + 1)]
        if not any(schedule.is_blacked_out(day) for day in days):
            # the next night's reading, or the first moment after it at which it may be read
            paid = next(t for t in TICKS.after(next_night(earlier) - timedelta(seconds=1)) if free.is_allowed(t))
            assert later <= paid


@settings(deadline=None, max_examples=100)
@given(SCHEDULES, MOMENTS, st.timedeltas(timedelta(), timedelta(days=3)))
def test_overdue_is_a_moment_before_at_which_it_was_due(
    schedule: Schedule, attempted: datetime, waited: timedelta
) -> None:
    rhythm, as_of = Rhythm(schedule, TICKS), attempted + waited
    since = rhythm.overdue_since(attempted, as_of)
    due = [tick for tick in islice(TICKS.after(attempted), 250) if tick < as_of and not rhythm.why_not(attempted, tick)]
    assert since == (due[0] if due else None)
