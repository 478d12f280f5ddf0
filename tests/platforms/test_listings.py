"""The contract of every platform: a listing is read to its end, once, however the office behaves meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from motcua.errors import SourceChanged, SourceError, SourceRefused
from motcua.platforms import Listing, PageRef, Window

from tests.contract.scripted_server import Reply, Request
from tests.platforms.conftest import UNIT, Reading, with_log_in
from tests.platforms.dialects import Dialect, Row, WithLogIn

OpenOffice = Callable[..., Reading]


def rows(*numbers: int) -> list[Row]:
    return [{"MaHoSo": f"000.05.33.H24-181012-{number:04d}", "DaXoa": None} for number in numbers]


def codes(*numbers: int) -> list[object]:
    return [row["MaHoSo"] for row in rows(*numbers)]


def failure(reading: Reading, **source: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        reading.read(**source)
    assert caught.value.source_id == "le_chan.an_bien"
    assert str(caught.value).startswith("le_chan.an_bien: ")
    return caught.value


def test_every_page_is_read_kept_and_counted(open_office: OpenOffice, dialect: Dialect) -> None:
    reading = open_office(rows(*range(1, 8)))
    listing = reading.read()
    pages = [
        PageRef(unit=UNIT, sha256=hashlib.sha256(body).hexdigest(), rows=count)
        for body, count in zip(reading.kept, [3, 3, 1], strict=True)
    ]
    assert listing == Listing(
        pages=tuple(pages), announced=7 if dialect.announces else None, fetched=7, clock_skew_seconds=0.0
    )
    assert reading.codes() == codes(*range(1, 8))


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_listing_ends_where_the_office_says(open_office: OpenOffice, dialect: Dialect, count: int) -> None:
    reading = open_office(rows(*range(1, count + 1)))
    listing = reading.read()
    assert (listing.fetched, listing.announced) == (count, count if dialect.announces else None)
    assert len(listing.pages) == len(reading.listings) == max(1, -(-count // 3))


def test_units_are_read_one_after_the_other(open_office: OpenOffice, dialect: Dialect) -> None:
    other = "000.06.33.H24"
    reading = open_office({UNIT: rows(1, 2, 3, 4), other: rows(9)})
    listing = reading.read(units=(UNIT, other))
    assert [(page.unit, page.rows) for page in listing.pages] == [(UNIT, 3), (UNIT, 1), (other, 1)]
    assert (listing.fetched, listing.announced) == (5, 5 if dialect.announces else None)
    assert [unit for unit, *_ in reading.listings] == [UNIT, UNIT, other]


def test_window_is_asked_in_local_time_at_the_platforms_precision(open_office: OpenOffice, dialect: Dialect) -> None:
    reading = open_office(rows())
    since = datetime.fromisoformat("2018-12-24T23:59:59.987654+00:00")
    reading.read(Window(since=since, until=datetime.fromisoformat("2018-12-25T17:00:00+07:00")), page_size=200)
    reading.read()
    asked = {
        "igate": ("2018-12-25T06:59:59.987", "2018-12-25T17:00:00.000", "2000-01-01T00:00:00.000", 200),
        "lgsp": ("20181225065959", "20181225170000", "20000101000000", 200),
        "oss_soap": ("25/12/2018 06:59:59", "25/12/2018 17:00:00", "01/01/2000 00:00:00", 3),  # it is told no size
    }
    start, end, beginning, size = asked[dialect.name]
    assert reading.listings == [(UNIT, start, end, size), (UNIT, beginning, end, 3)]


@with_log_in
def test_log_in_is_shared_by_all_readings_of_an_installation(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.read()
    reading.read(id="le_chan.cho_con")
    assert reading.office.log_ins == 1


@with_log_in
@pytest.mark.parametrize("at", [1, 2], ids=["first page", "second page"])
def test_log_in_that_ended_is_renewed_once(open_office: OpenOffice, at: int) -> None:
    reading = open_office(rows(*range(1, 8)))
    asked: list[Request] = []

    def end_session(request: Request) -> None:
        asked.append(request)
        if len(asked) == at:
            reading.office.token = "another"

    reading.office.instead = end_session
    listing = reading.read()
    assert (listing.fetched, reading.office.log_ins) == (7, 2)
    kept = {hashlib.sha256(body).hexdigest(): body for body in reading.kept}
    reading.kept = [kept[page.sha256] for page in listing.pages]
    assert reading.codes() == codes(*range(1, 8))


@with_log_in
def test_log_in_that_never_holds_is_refused_after_one_renewal(open_office: OpenOffice, dialect: WithLogIn) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: dialect.expired()
    error = failure(reading)
    word = {"igate": "token", "lgsp": "session"}[dialect.name]
    assert (type(error), error.kind) == (SourceRefused, "AUTH")
    assert str(error).endswith(f": refuses a {word} it has just given: its owner must look at our account")
    assert (reading.office.log_ins, len(reading.listings)) == (2, 2)


def test_wrong_password_is_tried_once(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.connection = replace(reading.connection, password="an0ther-secret")
    error = failure(reading)
    assert (type(error), error.kind, len(reading.server.requests)) == (SourceRefused, "AUTH", 1)
    assert f"refuses the log-in of connection {reading.connection.id}" in str(error)
    assert str(error).endswith("mend its login and password")
    assert "an0ther" not in str(error)


def test_cursor_or_total_that_moved_once_is_read_again(open_office: OpenOffice, dialect: Dialect) -> None:
    reading = open_office(rows(*range(1, 8)))
    reading.office.instead = lambda request: moving(dialect, 2)(request) if len(reading.listings) == 2 else None
    listing = reading.read()
    assert (listing.fetched, len(listing.pages), len(reading.listings)) == (7, 3, 5)


def moving(dialect: Dialect, number: int) -> Callable[[Request], Reply | None]:
    """A page that shows that the listing changed: another total, or a cursor that is no longer valid."""

    def instead(request: Request) -> Reply | None:
        if dialect.number(request) != number:
            return None
        if dialect.announces:
            return dialect.page(rows(4, 5, 6), number=number, total=8, is_last=False)
        return dialect.lost_cursor()  # type: ignore[attr-defined]  # of the one platform that announces nothing

    return instead


def test_listing_that_never_holds_still_is_read_three_times(open_office: OpenOffice, dialect: Dialect) -> None:
    reading = open_office(rows(*range(1, 8)))
    reading.office.instead = moving(dialect, 2)
    error = failure(reading)
    other_total = "page 2 announces 8 rows, the first announced 7"
    reason = {"igate": other_total, "lgsp": "its cursor is no longer valid", "oss_soap": other_total}
    assert (type(error), error.kind) == (SourceChanged, "CHANGED_WHILE_READING")
    assert str(error) == (
        f"le_chan.an_bien: the listing of {UNIT} changed while it was read, 3 times: {reason[dialect.name]}; "
        "it is read again next cycle"
    )
    assert len(reading.listings) == 6
