"""What only igate has: an announced total, numbered pages, a token in a header."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from motcua.errors import SourceChanged, SourceUnavailable
from motcua.platforms.base import MOST_PAGES

from tests.contract.scripted_server import Reply, Request
from tests.platforms.conftest import UNIT, Reading
from tests.platforms.dialects import IgateDialect
from tests.platforms.test_listings import failure, rows
from tests.platforms.test_troubles import NAME, assert_told

OpenOffice = Callable[..., Reading]
IGATE = IgateDialect()


@pytest.fixture
def reading(open_office_of: OpenOffice) -> Reading:
    return open_office_of(IGATE, rows(*range(1, 8)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"code": 500, "data": None}, f"listing of {UNIT}: expected code 200, got 500"),
        ({"data": {"tongSo": 1}}, f"listing of {UNIT}: expected code 200, got None"),
        ({"code": 200}, "field data: expected dict, got nothing"),
        ({"code": 200, "data": []}, "field data: expected dict, got list"),
        ({"code": 200, "data": {"trang": 1, "danhSach": []}}, "field tongSo: expected int, got nothing"),
        ({"code": 200, "data": {"tongSo": "1"}}, "field tongSo: expected int, got str"),
        ({"code": 200, "data": {"tongSo": True}}, "field tongSo: expected int, got bool"),
        ({"code": 200, "data": {"tongSo": 1, "trang": 2}}, f"listing of {UNIT}: expected page 1, got page 2"),
        ({"code": 200, "data": {"tongSo": 1, "trang": 1}}, "field danhSach: expected a list of objects"),
        (
            {"code": 200, "data": {"tongSo": 1, "trang": 1, "danhSach": [NAME]}},
            "field danhSach: expected a list of objects",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_envelope_against_the_contract_is_told_by_its_field(reading: Reading, content: object, told: str) -> None:
    reading.office.instead = lambda _: IGATE.body(content)
    assert_told(failure(reading), SourceChanged, "PROTOCOL", f"{told}; ask its owner")


@pytest.mark.parametrize("token", ["", 5, None, "a\r\nHost: elsewhere", "mã"])
def test_token_that_no_header_can_carry_is_refused(reading: Reading, token: str) -> None:
    reading.server.script = lambda _: IGATE.granted(token)
    error = failure(reading)
    assert (type(error), error.kind, len(reading.server.requests)) == (SourceChanged, "PROTOCOL", 1)
    assert "field access_token: expected " in str(error)


def _page(request: Request, *numbers: int, total: int, number: int | None = None) -> Reply:
    return IGATE.page(rows(*numbers), number=number or IGATE.number(request), total=total, is_last=False)


def test_page_number_that_is_not_the_asked_one_is_refused(reading: Reading) -> None:
    reading.office.instead = lambda request: _page(request, 1, 2, 3, total=6, number=1)
    told = f"listing of {UNIT}: expected page 2, got page 1; ask its owner"
    assert_told(failure(reading), SourceChanged, "PROTOCOL", told)


def test_paging_that_goes_round_in_circles_is_refused(reading: Reading) -> None:
    reading.office.instead = lambda request: _page(request, *[(1, 2, 3), (4, 5, 6)][IGATE.number(request) % 2], total=9)
    assert_told(failure(reading), SourceChanged, "PROTOCOL", f"page 3 of {UNIT} repeats an earlier one; ask its owner")


def test_row_that_is_listed_twice_counts_twice(open_office_of: OpenOffice) -> None:
    reading = open_office_of(IGATE, rows(1, 1, 2))
    listing = reading.read(page_size=1)
    assert (listing.announced, listing.fetched, len(listing.pages)) == (3, 3, 3)


@pytest.mark.parametrize(
    ("total", "reason"),
    [(9, "7 rows came, 9 were announced"), (5, "6 rows came, 5 were announced")],
    ids=["too few rows", "too many rows"],
)
def test_rows_that_do_not_add_up_to_the_total_are_no_listing(reading: Reading, total: int, reason: str) -> None:
    numbers = {1: (1, 2, 3), 2: (4, 5, 6), 3: (7,)}
    reading.office.instead = lambda request: _page(request, *numbers.get(IGATE.number(request), ()), total=total)
    error = failure(reading)
    assert (type(error), error.kind) == (SourceChanged, "CHANGED_WHILE_READING")
    assert f"changed while it was read, 3 times: {reason}; it is read again next cycle" in str(error)


def test_page_smaller_than_asked_is_no_end(reading: Reading) -> None:
    reading.office.instead = lambda request: _page(request, IGATE.number(request), total=4)
    listing = reading.read(page_size=500)
    assert ([page.rows for page in listing.pages], listing.fetched) == ([1, 1, 1, 1], 4)


def test_endless_listing_ends_with_its_time(reading: Reading) -> None:
    reading.office.instead = lambda request: _page(request, IGATE.number(request), total=10**9)
    with pytest.raises(SourceUnavailable) as caught:
        reading.read(time_budget_seconds=0.2)
    assert caught.value.kind == "TIMEOUT"


@pytest.mark.slow
def test_endless_listing_is_refused_after_its_most_pages(reading: Reading) -> None:
    reading.office.instead = lambda request: _page(request, IGATE.number(request), total=10**9)
    error = failure(reading, rate_per_second=100_000)
    assert_told(
        error, SourceChanged, "LIMIT", f"listing of {UNIT} does not end within {MOST_PAGES} pages; ask its owner"
    )
    assert len(reading.listings) == MOST_PAGES
