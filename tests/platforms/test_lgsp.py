"""What only lgsp has: a cursor that lives as long as its session, and failures with status 200."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from motcua.errors import SourceChanged, SourceRefused, SourceUnavailable
from motcua.platforms.base import MOST_PAGES

from tests.contract.scripted_server import Reply, Request
from tests.platforms.conftest import UNIT, Reading
from tests.platforms.dialects import LgspDialect
from tests.platforms.test_listings import failure, rows
from tests.platforms.test_troubles import NAME, assert_told

OpenOffice = Callable[..., Reading]
LGSP = LgspDialect()
LOOK = "look at the unit in the registry, then ask its owner"


@pytest.fixture
def reading(open_office_of: OpenOffice) -> Reading:
    return open_office_of(LGSP, rows(*range(1, 8)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"error_code": "99", "message": NAME}, f"listing of {UNIT}: expected error_code 0, got '99'; {LOOK}"),
        ({"result": []}, f"listing of {UNIT}: expected error_code 0, got None; {LOOK}"),
        ({"error_code": "00", "conTroTiep": ""}, "field result: expected a list of objects; ask its owner"),
        ({"error_code": "00", "result": [NAME]}, "field result: expected a list of objects; ask its owner"),
        ({"error_code": "00", "result": []}, "field conTroTiep: expected str, got nothing; ask its owner"),
        (
            {"error_code": "00", "result": [], "conTroTiep": None},
            "field conTroTiep: expected str, got NoneType; ask its owner",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_envelope_against_the_contract_is_told_by_its_field(reading: Reading, content: object, told: str) -> None:
    reading.office.instead = lambda _: LGSP.body(content)
    assert_told(failure(reading), SourceChanged, "PROTOCOL", told)


@pytest.mark.parametrize("code", [0, "0", "00"])
def test_success_has_three_spellings(reading: Reading, code: object) -> None:
    page = {"error_code": code, "message": "", "result": rows(1), "conTroTiep": ""}
    reading.office.instead = lambda _: LGSP.body(page)
    assert reading.read().fetched == 1


def test_account_that_is_refused_while_reading_is_told(reading: Reading) -> None:
    reading.office.instead = lambda _: LGSP.refused()
    error = failure(reading)
    assert_told(error, SourceRefused, "AUTH", "answers -2, a wrong log-in: mend the connection")


@pytest.mark.parametrize("content", [{"error_code": 0}, {"error_code": 0, "session": 7}])
def test_log_in_without_a_session_is_against_the_contract(reading: Reading, content: object) -> None:
    reading.server.script = lambda _: LGSP.body(content)
    error = failure(reading)
    assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
    assert "field session: expected str, got " in str(error)


def _page(cursor: str, *numbers: int) -> Reply:
    return LGSP.body({"error_code": "00", "message": "", "result": rows(*numbers), "conTroTiep": cursor})


@pytest.mark.parametrize("cursors", [["2", "2"], ["2", "3", "2"]], ids=["same again", "in circles"])
def test_cursor_that_comes_twice_is_refused(reading: Reading, cursors: list[str]) -> None:
    reading.office.instead = lambda _: _page(cursors[len(reading.listings) - 1], len(reading.listings))
    told = f"listing of {UNIT} gives the same cursor twice; ask its owner"
    assert_told(failure(reading), SourceChanged, "PROTOCOL", told)
    assert len(reading.listings) == len(cursors)


def test_cursor_is_not_taken_into_another_session(reading: Reading) -> None:
    def end_session(_: Request) -> None:
        if len(reading.listings) == 2:
            reading.office.token = "another"

    reading.office.instead = end_session
    assert reading.read().fetched == 7
    asked = [(LGSP.token(one), LGSP.number(one)) for one in reading.server.requests if not LGSP.is_log_in(one)]
    assert asked == [("token-1", 1), ("token-1", 2), ("token-2", 1), ("token-2", 2), ("token-2", 3)]


def test_page_without_rows_is_no_end_while_there_is_a_cursor(reading: Reading) -> None:
    pages = {1: _page("2", 1), 2: _page("3"), 3: _page("", 2)}
    reading.office.instead = lambda request: pages[LGSP.number(request)]
    assert [page.rows for page in reading.read().pages] == [1, 0, 1]


def _next(request: Request) -> Reply:
    number = LGSP.number(request)
    return _page(str(number + 1), number)


def test_endless_listing_ends_with_its_time(reading: Reading) -> None:
    reading.office.instead = _next
    with pytest.raises(SourceUnavailable) as caught:
        reading.read(time_budget_seconds=0.2)
    assert caught.value.kind == "TIMEOUT"


@pytest.mark.slow
def test_endless_listing_is_refused_after_its_most_pages(reading: Reading) -> None:
    reading.office.instead = _next
    error = failure(reading, rate_per_second=100_000)
    assert_told(
        error, SourceChanged, "LIMIT", f"listing of {UNIT} does not end within {MOST_PAGES} pages; ask its owner"
    )
    assert len(reading.listings) == MOST_PAGES
