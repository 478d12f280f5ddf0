"""The contract of `sftp_register`: whole files only, each with what its name and its folder say of it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta

import asyncssh
import pytest
from motcua.errors import SourceChanged, SourceUnavailable
from motcua.platforms import Listing, PageRef, Window
from motcua.platforms.register.reading import BOUNDS
from motcua.platforms.register.ssh import SftpLimits
from motcua.platforms.sftp_register import SftpRegister

from sandbox.city.sftp import File
from tests.platforms.sftp_office import (
    LOCAL,
    UNIT,
    UNTIL,
    Office,
    Reading,
    at,
    code,
    connection,
    reading_of,
    register,
)

pytestmark = pytest.mark.slow

DAY, NEXT_DAY, FULL = (
    f"so-theo-doi_{UNIT}_20181220.csv", f"so-theo-doi_{UNIT}_20181221.csv", f"so-theo-doi_{UNIT}_20181221_full.csv",
)  # fmt: skip
FILES = {
    FULL: File(at("12-21 16:50:00"), register(1, 2, 3)),
    DAY: File(at("12-20 16:45:00"), register(1, 2)),
    NEXT_DAY: File(at("12-21 16:45:00"), register(3)),
}


@pytest.fixture
def open_office() -> Iterator[Callable[..., Reading]]:
    with ExitStack() as stack:

        def opened(files: dict[str, File] = FILES) -> Reading:
            return stack.enter_context(reading_of(Office(files)))

        yield opened


def names(listing: Listing) -> list[str]:
    return [page.note["name"] for page in listing.pages]


def test_every_file_is_kept_untouched_with_what_its_name_says(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    listing = reading.read()
    assert reading.kept == [FILES[name].body for name in (DAY, NEXT_DAY, FULL)]
    notes = [
        {"name": DAY, "uploaded_at": "2018-12-20T09:45:00+00:00", "date": "2018-12-20", "full": "0", "unit": UNIT},
        {"name": NEXT_DAY, "uploaded_at": "2018-12-21T09:45:00+00:00", "date": "2018-12-21", "full": "0", "unit": UNIT},
        {"name": FULL, "uploaded_at": "2018-12-21T09:50:00+00:00", "date": "2018-12-21", "full": "1", "unit": UNIT},
    ]
    pages = [
        PageRef(unit=UNIT, sha256=hashlib.sha256(body).hexdigest(), rows=rows, note=note)
        for body, rows, note in zip(reading.kept, (2, 1, 3), notes, strict=True)
    ]
    assert listing == Listing(pages=tuple(pages), announced=None, fetched=6)


def test_page_of_the_archive_gives_the_rows_with_unit_and_upload_time(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    listing = reading.read()
    rows = list(SftpRegister().records(reading.kept[2], source=reading.source(), note=listing.pages[2].note))
    assert [(row["Mã hồ sơ"], row["_đơn vị"], row["_tải lên lúc"]) for row in rows] == [
        (code(number), UNIT, "21/12/2018 16:50:00") for number in (1, 2, 3)
    ]


def test_window_is_of_upload_times_and_half_open(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    since, until = (datetime(2018, 12, 21, 16, minute, tzinfo=LOCAL) for minute in (45, 50))
    assert names(reading.read(Window(since=since, until=UNTIL))) == [NEXT_DAY, FULL]
    assert names(reading.read(Window(since=since, until=until))) == [NEXT_DAY]
    assert names(reading.read(Window(since=since + timedelta(seconds=1), until=until))) == []


def test_quiet_days_are_an_empty_window(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    listing = reading.read(Window(since=datetime(2018, 12, 22, tzinfo=LOCAL), until=UNTIL))
    assert listing == Listing(pages=(), announced=None, fetched=0)
    assert reading.office.fetched == []


def test_files_of_one_time_are_read_by_day_and_number(open_office: Callable[..., Reading]) -> None:
    same = at("12-22 09:00:00")  # a folder that was copied
    in_order = [
        f"so-theo-doi_{UNIT}_20181220.csv", "so-theo-doi_H24.33.05_20181220_01.csv",
        f"so-theo-doi_{UNIT}_20181220_02_full.csv", f"so-theo-doi_{UNIT}_20181220_10.csv",
        "so-theo-doi_H24.33.05_20181221.csv", f"so-theo-doi_{UNIT}_20181222.csv",
    ]  # fmt: skip
    reading = open_office({name: File(same, register(1)) for name in sorted(in_order)})
    assert names(reading.read()) == in_order


def test_files_of_other_units_and_other_files_are_left_alone(open_office: Callable[..., Reading]) -> None:
    mine = "so-theo-doi_H24.33.05_20181222.CSV"  # the other spelling of the unit
    others = ["so-theo-doi_000.06.33.H24_20181222.csv", "Sổ theo dõi.xls", "readme.txt", f"{DAY}.part", f"{DAY}.tmp"]
    foreign = "S\udcd4 theo d\udcc3i.xls"  # a name that is no UTF-8
    reading = open_office(FILES | dict.fromkeys((*others, mine, foreign), FILES[DAY]))
    assert sorted(names(reading.read())) == sorted([*FILES, mine])
    assert not set(others) & set(reading.office.fetched)


def test_names_that_were_meant_to_be_registers_are_counted_and_not_told(
    open_office: Callable[..., Reading], caplog: pytest.LogCaptureFixture
) -> None:
    meant = [f"so-theo-doi_{UNIT}_20181322.csv", "so-theo-doi_Nguyễn Thị Kín.csv", f"So-Theo-Doi_{UNIT}_20181222.xls"]
    reading = open_office(FILES | dict.fromkeys(meant, FILES[DAY]))
    assert sorted(names(reading.read())) == sorted(FILES)
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "3 files in its folder look like registers" in warning.message
    assert "Kín" not in caplog.text


def test_folder_without_any_register_of_a_unit_is_not_its_folder(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    error = reading.failure(units=(UNIT, "000.06.33.H24"), window=Window(since=UNTIL, until=UNTIL))
    assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
    assert "expected registers so-theo-doi_000.06.33.H24_… in its folder, got none: look at `path`" in str(error)


def test_several_units_of_one_source_are_one_listing(open_office: Callable[..., Reading]) -> None:
    other = "so-theo-doi_H24.33.06_20181221.csv"
    reading = open_office(FILES | {other: File(at("12-21 16:46:00"), register(9))})
    listing = reading.read(units=(UNIT, "000.06.33.H24"))
    assert [(page.note["name"], page.unit) for page in listing.pages] == [
        (DAY, UNIT), (NEXT_DAY, UNIT), (other, "000.06.33.H24"), (FULL, UNIT)
    ]  # fmt: skip


def test_folder_that_is_not_there_and_one_that_may_not_be_read(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.connection = connection(reading.port, extra={"path": "/elsewhere"})
    error = reading.failure()
    assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
    assert f"has not got its folder: look at `path` of connection {reading.connection.id}" in str(error)
    reading.connection = connection(reading.port)
    reading.office.refusal = asyncssh.SFTPPermissionDenied("no")
    assert "does not let us read its folder: ask its owner for the right" in str(reading.failure())


def test_folder_of_thousands_is_refused(open_office: Callable[..., Reading]) -> None:
    reading = open_office({f"{number}.txt": FILES[DAY] for number in range(301)} | FILES)
    error = reading.failure(limits=SftpLimits(names=300))
    assert (error.kind, "more than 300 files" in str(error)) == ("LIMIT", True)


def test_young_file_is_left_for_the_next_cycle(open_office: Callable[..., Reading]) -> None:
    young = f"so-theo-doi_{UNIT}_20181225.csv"
    reading = open_office(FILES | {young: File(at("12-25 16:59:30"), register(4)[:-50])})
    assert names(reading.read()) == [DAY, NEXT_DAY, FULL]
    assert young not in reading.office.fetched
    reading.office.files[young] = File(at("12-25 16:59:30"), register(4))
    assert names(reading.read(Window(since=None, until=UNTIL + timedelta(minutes=15))))[-1] == young


def test_file_that_grows_while_we_are_there_is_left_however_old_it_looks(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    whole = register(3, 4, 5)
    reading.office.files[NEXT_DAY] = File(at("12-21 14:45:00"), whole[:-40])  # its server's clock is late

    def grow(name: str) -> None:
        if name == FULL:
            reading.office.files[NEXT_DAY] = File(at("12-21 14:45:01"), whole)

    reading.office.after_fetch = grow
    assert names(reading.read()) == [DAY, FULL]
    reading.office.after_fetch = lambda _: None
    assert sorted(names(reading.read())) == sorted(FILES)
    assert whole in reading.kept


def test_file_that_grew_between_look_and_transfer_is_left(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    grown = File(at("12-21 16:45:01"), register(3, 4))
    reading.office.after_fetch = lambda _: reading.office.files.update({NEXT_DAY: grown})
    assert names(reading.read()) == [DAY, FULL]


def test_file_that_is_gone_is_left(open_office: Callable[..., Reading]) -> None:
    reading = open_office()

    def clear(_: str) -> None:
        reading.office.files.pop(NEXT_DAY, None)

    reading.office.after_fetch = clear
    assert names(reading.read()) == [DAY, FULL]


def test_replaced_file_is_read_again_with_its_new_time(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.read()
    reading.office.files[NEXT_DAY] = File(at("12-21 17:20:00"), register(3, 4))
    again = reading.read(Window(since=datetime(2018, 12, 21, 17, tzinfo=LOCAL), until=UNTIL))
    assert [(page.note["name"], page.note["uploaded_at"], page.rows) for page in again.pages] == [
        (NEXT_DAY, "2018-12-21T10:20:00+00:00", 2)
    ]


def test_content_that_came_twice_is_one_page_of_the_archive(open_office: Callable[..., Reading]) -> None:
    twice = f"so-theo-doi_{UNIT}_20181221_02.csv"
    reading = open_office(FILES | {twice: File(at("12-21 17:00:00"), FILES[NEXT_DAY].body)})
    pages = {page.note["name"]: page.sha256 for page in reading.read().pages}
    assert pages[twice] == pages[NEXT_DAY]
    assert len(pages) == 4


def test_file_cut_in_its_last_row_is_told_and_nothing_of_it_counts(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.office.files[FULL] = File(FILES[FULL].at, FILES[FULL].body[:-50])
    error = reading.failure()
    assert (isinstance(error, SourceChanged), error.kind) == (True, "UNFINISHED")
    assert FULL in str(error)
    assert "Kín" not in str(error)


def test_server_that_gives_less_than_it_lists_is_told(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.office.files[FULL] = File(FILES[FULL].at, _Longer(FILES[FULL].body, by=100))
    error = reading.failure()
    assert (type(error), error.kind) == (SourceUnavailable, "UNFINISHED")
    assert f"its server gives fewer than the {len(FILES[FULL].body) + 100} bytes that it lists" in str(error)


def test_transfer_that_breaks_is_begun_anew(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.office.breaking = 2
    assert sorted(names(reading.read())) == sorted(FILES)
    assert reading.kept == [FILES[name].body for name in (DAY, NEXT_DAY, FULL)]
    assert reading.office.fetched == [DAY, DAY, DAY, NEXT_DAY, FULL]


def test_transfer_that_always_breaks_is_unavailable_after_three(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.office.breaking = 99
    error = reading.failure()
    assert (type(error), error.kind) == (SourceUnavailable, "UNAVAILABLE")
    assert reading.office.fetched == [DAY] * 3
    assert reading.kept == []


def test_huge_file_is_refused_without_a_byte_of_it(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    reading.office.files[NEXT_DAY] = File(at("12-21 16:45:00"), _Longer(b"", by=BOUNDS.file_bytes + 1))
    error = reading.failure()
    assert (type(error), error.kind) == (SourceChanged, "FILE_LIMIT")
    assert f"{NEXT_DAY}: expected at most {BOUNDS.file_bytes} bytes, got {BOUNDS.file_bytes + 1}" in str(error)
    assert NEXT_DAY not in reading.office.fetched


def test_file_dated_in_the_future_counts_as_uploaded_now(open_office: Callable[..., Reading]) -> None:
    reading = open_office()
    ahead = int(time.time()) + 7200
    reading.office.files[NEXT_DAY] = File(ahead, register(3))
    began = time.monotonic()
    listing = reading.read(Window(since=datetime(2018, 12, 22, tzinfo=LOCAL), until=UNTIL), settle=0.5)
    assert time.monotonic() - began >= 0.5  # its time proves nothing: it is looked at twice
    assert names(listing) == [NEXT_DAY]
    assert listing.clock_skew_seconds == pytest.approx(7200, abs=5)
    assert datetime.fromisoformat(listing.pages[0].note["uploaded_at"]).timestamp() == ahead


def test_sources_behind_one_server_are_read_side_by_side(open_office: Callable[..., Reading]) -> None:
    units = [f"000.{number:02d}.33.H24" for number in range(1, 13)]
    reading = open_office(
        {
            f"so-theo-doi_{unit}_20181220.csv": File(at("12-20 16:45:00"), register(place))
            for place, unit in enumerate(units)
        }
    )

    def read(unit: str) -> list[str]:
        return names(reading.read(id=f"le_chan.{unit[4:6]}", units=(unit,)))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(read, units)) == [[f"so-theo-doi_{unit}_20181220.csv"] for unit in units]


class _Longer(bytes):
    """Bytes that say they were more."""

    def __new__(cls, body: bytes, *, by: int) -> _Longer:
        longer = super().__new__(cls, body)
        longer.by = by
        return longer

    def __len__(self) -> int:
        return super().__len__() + self.by
