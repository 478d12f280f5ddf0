"""Rows that slip from page to page while a listing is read: by change time, none that was there is missed."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motcua.domain.calendar import VIETNAM
from motcua.errors import SourceChanged
from motcua.platforms import Window
from motcua.platforms.base import Moving
from motcua.platforms.numbered import NumberedPage, read_unit
from motcua.platforms.whole import Tail
from motcua.registry import Source

UNIT = "000.05.33.H24"
BEGINNING = datetime(2018, 4, 1, tzinfo=VIETNAM)
ALL = Window(since=None, until=BEGINNING + timedelta(days=30))
SOURCE = Source(id="le_chan.an_bien", group="le_chan", units=(UNIT,), platform="igate", connection="office")
PAGE = 5


class Office:
    """Lists numbered rows by the second of their change, a page at a time; one goes and one comes before each page."""

    page = PAGE

    def __init__(self, seconds: list[int], dice: random.Random) -> None:
        self.rows = dict(enumerate(seconds))
        self.untouched = set(self.rows)
        self.listed: list[int] = []
        self._dice = dice
        self._now = max(seconds, default=0)

    def ask(self, window: Window, number: int) -> NumberedPage:
        self._move()
        found = sorted(
            (second, row) for row, second in self.rows.items() if window.start <= moment(second) < window.end
        )
        page = found[(number - 1) * self.page : number * self.page]
        self.listed += [row for _, row in page]
        records = [{"row": row, "second": second} for second, row in page]
        return NumberedPage(hashlib.sha256(json.dumps(records).encode()).hexdigest(), records, len(found))

    def _move(self) -> None:
        """The total stays: one goes and one comes."""
        self._now += 1
        gone = self._dice.choice([*self.rows, -1])
        self.rows.pop(gone, None)
        self.untouched.discard(gone)
        if gone >= 0:
            self.rows[len(self.rows) + 1_000 + self._now] = self._now


def moment(second: object) -> datetime:
    return BEGINNING + timedelta(seconds=int(str(second)))


def changed_at(record: object) -> datetime:
    assert isinstance(record, dict)
    return moment(record["second"])


def read(office: Office, *, by_change: bool) -> int | None:
    window = Window(since=None, until=ALL.until, by_change=by_change)
    _, total = read_unit(SOURCE, UNIT, window, Tail(changed_at), ask=office.ask, changed_at=changed_at)
    return total


@given(st.lists(st.integers(0, 400), min_size=PAGE + 1, max_size=60, unique=True), st.integers(0, 1_000))
def test_by_change_time_every_row_is_found_that_was_there_throughout(seconds: list[int], seed: int) -> None:
    office = Office(seconds, random.Random(seed))
    assert read(office, by_change=True) is None
    assert office.untouched <= set(office.listed)


def test_by_number_a_row_can_slip_and_the_total_does_not_tell() -> None:
    missed = 0
    for seed in range(50):
        office = Office(list(range(23)), random.Random(seed))
        try:
            read(office, by_change=False)
        except (Moving, SourceChanged):
            continue
        missed += not office.untouched <= set(office.listed)
    assert missed > 0


class Capped(Office):
    """Holds still, and lists no more than 150 rows, which it says are all."""

    page = 200

    def _move(self) -> None:
        """Nothing moves."""

    def ask(self, window: Window, number: int) -> NumberedPage:
        whole = super().ask(window, number)
        self.listed[-len(whole.records) :] = self.listed[-len(whole.records) :][:150]
        return NumberedPage(whole.sha256, whole.records[:150], min(whole.total, 150))


def test_by_change_time_a_silent_cap_hides_nothing() -> None:
    office = Capped(list(range(400)), random.Random(1))
    read(office, by_change=True)
    assert office.untouched <= set(office.listed)


def test_rows_of_one_moment_are_read_on_by_number() -> None:
    office = Office([7] * 3 + [9] * 17 + [11], random.Random(1))
    office._move = lambda: None  # type: ignore[method-assign]
    read(office, by_change=True)
    assert office.untouched <= set(office.listed)


def test_a_listing_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motcua.platforms.numbered.MOST_PAGES", 20)
    record = {"row": 1, "second": 3}
    with pytest.raises(SourceChanged, match="does not end within 20 pages") as refused:
        read_unit(
            SOURCE, UNIT, Window(since=None, until=ALL.until, by_change=True), Tail(changed_at),
            ask=lambda window, number: NumberedPage("0" * 64, [record], 9), changed_at=changed_at,
        )  # fmt: skip
    assert refused.value.kind == "LIMIT"
