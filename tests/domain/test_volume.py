"""The band of a source: what it learns from, what it forgives, and what the registry may say instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from motcua.domain.calendar import WorkingCalendar
from motcua.domain.volume import DayCount, Ordinary, ordinary
from motcua.registry import load_registry

TUESDAY = date(2018, 12, 25)
CALENDAR: WorkingCalendar = load_registry().calendar


def days(count: int, *, changed: int = 4, gone: int = 0, last: date = TUESDAY) -> dict[date, DayCount]:
    """So many working days, one after the other, all alike."""
    found: dict[date, DayCount] = {}
    day = last
    while len(found) < count:
        if CALENDAR.is_working(day):
            found[day] = DayCount(changed=changed, gone=gone)
        day -= timedelta(days=1)
    return found


def band(history: Mapping[date, DayCount], *, since: date = TUESDAY - timedelta(days=1), until: date = TUESDAY,
         living: int = 40, declared: tuple[int, int] | None = None) -> Ordinary:  # fmt: skip
    return ordinary(history, CALENDAR, since=since, until=until, living=living, declared=declared)


def test_a_small_office_is_never_held_for_a_few_dossiers() -> None:
    assert band({}) == Ordinary(gone=5, changed=20, silent_days=None)


def test_a_large_office_may_change_a_quarter_and_lose_a_tenth() -> None:
    assert band({}, living=1_001) == Ordinary(gone=101, changed=251, silent_days=None)


def test_the_busiest_day_that_is_known_counts() -> None:
    history = days(20, changed=30, gone=4)
    assert (band(history).changed, band(history).gone) == (150, 12)


def test_working_days_since_the_last_reading_count() -> None:
    friday, monday = date(2018, 12, 21), date(2018, 12, 24)
    history = days(20, changed=30)
    assert band(history, since=friday, until=monday).changed == 150
    assert band(history, since=friday, until=TUESDAY).changed == 300


def test_tet_counts_for_nothing() -> None:
    before, after = date(2019, 2, 1), date(2019, 2, 11)  # the holiday of 2019, and the first day after it
    assert band(days(20, changed=30, last=before), since=before, until=after).changed == 150


def test_silence_is_measured_by_the_longest_that_is_known() -> None:
    every_day = band(days(20)).silent_days
    with_a_gap = days(20)
    for day in sorted(with_a_gap)[5:8]:
        del with_a_gap[day]
    assert (every_day, band(with_a_gap).silent_days) == (5, 11)


def test_silence_of_a_short_history_says_nothing() -> None:
    assert band(days(14)).silent_days is None


@pytest.mark.parametrize(("declared", "silent"), [((5, 60), 3), ((0, 60), None)])
def test_what_the_registry_says_counts_instead(declared: tuple[int, int], silent: int | None) -> None:
    found = band(days(20, changed=90), declared=declared)
    assert (found.changed, found.silent_days) == (60, silent)
