"""Listings that stop in silence: everything is read all the same, or the reading says that it cannot be."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motcua.domain.calendar import VIETNAM
from motcua.errors import SourceChanged
from motcua.platforms import PageRef, Window
from motcua.platforms.base import Keep, Moving
from motcua.platforms.whole import Tail, read_whole
from motcua.registry import Source

BEGINNING = datetime(2018, 4, 1, tzinfo=VIETNAM)
ALL = Window(since=None, until=BEGINNING + timedelta(days=1))
SOURCE = Source(id="le_chan.an_bien", group="le_chan", units=("000.05.33.H24",), platform="igate", connection="office")
Row = dict[str, object]


class Office:
    """Lists rows (number, second of their change) in order, and never more than `cap` of them."""

    def __init__(self, rows: list[tuple[int, int]], cap: int) -> None:
        self.rows = sorted(rows, key=lambda row: row[::-1])
        self.cap = cap
        self.readings = 0

    def read(self, window: Window, keep: Keep, tail: Tail) -> tuple[list[PageRef], int | None]:
        self.readings += 1
        some = [row for row in self.rows if window.start <= moment(row[1]) < window.end][: self.cap]
        records: list[Row] = [{"number": number, "second": second} for number, second in some]
        sha256 = keep(json.dumps(records).encode())
        tail.add(records)
        return [PageRef(unit="000.05.33.H24", sha256=sha256, rows=len(records))], len(records)


def moment(second: object) -> datetime:
    return BEGINNING + timedelta(seconds=int(str(second)))


def read(office: Office, kept: dict[str, bytes]) -> tuple[list[PageRef], int | None]:
    def keep(body: bytes) -> str:
        sha256 = hashlib.sha256(body).hexdigest()
        kept[sha256] = body
        return sha256

    return read_whole(
        SOURCE, "000.05.33.H24", ALL, keep=keep, read=office.read, changed_at=lambda record: moment(record["second"])
    )


@given(
    st.lists(st.integers(0, 40), min_size=0, max_size=600).map(lambda seconds: list(enumerate(seconds))),
    st.integers(100, 700),
)
def test_whatever_the_cap_everything_is_read(rows: list[tuple[int, int]], cap: int) -> None:
    office, kept = Office(rows, cap), {}
    busiest = max(Counter(second for _, second in rows).values(), default=0)
    if busiest >= cap and len(rows) > cap:
        with suppress(SourceChanged):  # more rows of one second than are listed: it may say so
            read(office, kept)
        return
    pages, announced = read(office, kept)
    numbers = {record["number"] for page in pages for record in json.loads(kept[page.sha256])}
    assert numbers == {number for number, _ in rows}
    assert announced == sum(page.rows for page in pages)


def test_a_listing_that_is_whole_is_asked_for_its_end_once_and_keeps_no_page_of_that() -> None:
    office, kept = Office([(number, number) for number in range(150)], 1_000), {}
    pages, announced = read(office, kept)
    assert (len(pages), announced, len(kept), office.readings) == (1, 150, 1, 2)


def test_a_short_listing_is_read_once() -> None:
    office = Office([(number, number) for number in range(99)], 1_000)
    read(office, {})
    assert office.readings == 1


def test_ten_thousand_rows_of_one_second_are_read() -> None:
    office = Office([(number, 7) for number in range(10_000)], 20_000)
    pages, announced = read(office, {})
    assert (sum(page.rows for page in pages), announced) == (10_000, 10_000)


def test_more_rows_of_one_second_than_are_listed_are_refused_with_the_second() -> None:
    office = Office([(number, 0 if number < 50 else 7) for number in range(500)], 200)
    with pytest.raises(SourceChanged, match=r"stops at 200 rows.*2018-04-01 00:00:07.*lift the limit") as caught:
        read(office, {})
    assert caught.value.kind == "CAP"


def test_a_listing_that_moves_while_its_end_is_read_is_read_again() -> None:
    office = Office([(number, number) for number in range(150)], 1_000)
    honest, calls = office.read, []

    def moves_once(window: Window, keep: Keep, tail: Tail) -> tuple[list[PageRef], int | None]:
        calls.append(window)
        if len(calls) == 2:
            raise Moving("page 2 announces another total")
        return honest(window, keep, tail)

    office.read = moves_once  # type: ignore[method-assign]  # the office of this test, for one answer
    pages, announced = read(office, {})
    assert (len(calls), announced, sum(page.rows for page in pages)) == (3, 150, 150)
