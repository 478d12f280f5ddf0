"""Register files as they come, and what is told of those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any  # of xlsxwriter, which has no types

import psutil
import pytest
from motcua.errors import ConfigError, SourceChanged, SourceError, SourceUnavailable
from motcua.mapping import SPECS
from motcua.platforms.register import reading
from motcua.platforms.register.columns import REQUIRED, SPELLINGS, columns_of
from motcua.platforms.register.reading import BOUNDS, ODD, UNIT, UPLOADED_AT, Row, Unfinished, read_rows, records
from motcua.sheets.header import plain

from tests.sheets.layouts import CELLS, HEADINGS, cells, register, source, workbook

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
NORMAL: list[Row] = [
    {
        "STT": "1", "Mã hồ sơ": "000.05.33.H24-181012-0001", "Mã TTHC": "1.001193", "Tên TTHC": "Khai sinh, khai tử",
        "Họ tên người nộp": "Người thứ nhất", "Địa chỉ": 'Số 1, ngõ "Đá"', "Cơ quan chủ trì giải quyết": "UBND phường",
        "Ngày nộp": "12/10/2018 08:00", "Ngày tiếp nhận": "12/10/2018 08:15", "Ngày hẹn trả": "15/10/2018 17:00",
        "Ngày hoàn thành": "15/10/2018 09:00", "Ngày trả kết quả": "15/10/2018 10:00", "Hình thức nộp": "Trực tiếp",
        "Trạng thái": "Đã trả kết quả", "Ghi chú": "Bản sao,\nhai tờ",
    },
    {
        "STT": "2", "Mã hồ sơ": "000.05.33.H24-181013-0002", "Mã TTHC": "1.001193", "Tên TTHC": "Khai sinh",
        "Họ tên người nộp": "Người thứ hai", "Cơ quan chủ trì giải quyết": "UBND phường", "Ngày nộp": "13/10/2018",
        "Ngày tiếp nhận": "13/10/2018", "Ngày hẹn trả": "16/10/2018", "Hình thức nộp": "Qua mạng",
        "Trạng thái": "Đang giải quyết",
    },
    {
        "STT": "3", "Mã hồ sơ": "000.05.33.H24-181013-0003", "Mã TTHC": "1.001193", "Tên TTHC": "Khai sinh",
        "Họ tên người nộp": "Người thứ ba", "Cơ quan chủ trì giải quyết": "UBND phường", "Ngày nộp": "3-9-18",
        "Ngày tiếp nhận": "3-9-18", "Ngày hẹn trả": "6-9-18", "Hình thức nộp": "BCCI", "Trạng thái": "Chờ bổ sung",
        "Ghi chú": "thiếu giấy ủy quyền",
    },
]  # fmt: skip


def _read(body: bytes, name: str = "so-theo-doi.csv", **differs: Any) -> list[Row]:
    return list(read_rows(body, name=name, source=source(**differs)))


@pytest.mark.parametrize("declared", ["utf-8", "windows-1258", "tcvn3", "vni", "viscii"])
def test_register_is_read_in_its_encoding(declared: str) -> None:
    assert _read((GOLDEN / f"normal.{declared}.csv").read_bytes(), encoding=declared) == NORMAL


@pytest.mark.parametrize("file", ["normal.utf-8", "normal.utf-8-bom", "normal.utf-8-decomposed"])
def test_utf_8_need_not_be_declared(file: str) -> None:
    assert _read((GOLDEN / f"{file}.csv").read_bytes()) == NORMAL


def test_register_is_read_from_a_workbook() -> None:
    def write(book: Any, sheet: Any) -> None:
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.merge_range(0, 0, 0, 16, "SỔ THEO DÕI HỒ SƠ")
        sheet.write_row(2, 0, HEADINGS)
        for number, row in enumerate(NORMAL, start=3):
            sheet.write_row(number, 0, [row.get(name) for name in HEADINGS])
            sheet.write_formula(number, 0, f"=ROW()-{number}", None, int(row["STT"]))
        sheet.write_datetime(3, 9, datetime.fromisoformat("2018-10-12T08:00"), moment)
        sheet.write_datetime(4, 10, datetime.fromisoformat("2018-10-13"), moment)
        sheet.merge_range(6, 0, 6, 3, "Tổng cộng: 3 hồ sơ")
        sheet.write(8, 11, "NGƯỜI LẬP BIỂU")

    assert _read(workbook(write), "so-theo-doi.XLSX") == NORMAL


def test_register_without_dossiers_is_empty() -> None:
    assert _read((GOLDEN / "empty.csv").read_bytes()) == []


def test_hostile_register_loses_nothing_and_spoils_no_neighbour() -> None:
    first, quotes, shifted, damaged, codeless = _read((GOLDEN / "hostile.csv").read_bytes())
    assert (first["Tên TTHC"], first["Địa chỉ"], first["Số giấy tờ"]) == ("=cmd|/C calc", "a\x00b", "\u202egnoc")
    assert (quotes[ODD], shifted[ODD]) == ("1", "1")
    assert [row[name] for row in (quotes, shifted) for name in ("STT", "Mã hồ sơ")] == [
        "2", "000.05.33.H24-181012-0002", "3", "000.05.33.H24-181012-0003",
    ]  # fmt: skip
    assert damaged["Họ tên người nộp"] == "Ngư\ufffd\ufffdi"
    assert "Mã hồ sơ" not in codeless
    assert all("\ufffd" not in value for row in (first, quotes, shifted, codeless) for value in row.values())


def _error(body: bytes, name: str = "so-theo-doi.csv", **differs: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        _read(body, name, **differs)
    return caught.value


def test_register_of_another_shape_is_told() -> None:
    error = _error((GOLDEN / "changed.csv").read_bytes())
    assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
    assert str(error) == (
        "cat_hai.phu_long: so-theo-doi.csv: the header has no column Ngày hẹn trả; if the office calls it otherwise, "
        "say so under columns of the source, else ask the office"
    )


def test_registers_own_headings_are_followed() -> None:
    rows = _read((GOLDEN / "changed.csv").read_bytes(), columns={"Kỳ hạn": "Ngày hẹn trả"})
    assert rows == NORMAL


@pytest.mark.parametrize("declared", ["tcvn3", "vni", "viscii", "windows-1258"])
@pytest.mark.parametrize("real", ["utf-8", "tcvn3", "vni", "viscii", "windows-1258"])
def test_register_in_another_encoding_is_told_without_a_word_of_it(declared: str, real: str) -> None:
    if declared != real:
        error = _error((GOLDEN / f"normal.{real}.csv").read_bytes(), encoding=declared)
        assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
        assert declared in str(error)
        assert "encoding" in str(error)
        assert str(error).isascii()


@pytest.mark.parametrize("end", [1, 40, 1_000])
def test_register_that_is_still_written_is_unfinished(end: int) -> None:
    whole = register(CELLS, cells(Ghi_chú='"x"')).encode()
    error = _error(whole[: -end - 20])
    assert (type(error), error.kind) == (Unfinished, "UNFINISHED")
    xlsx = workbook(lambda _, sheet: sheet.write_row(0, 0, HEADINGS))
    assert type(_error(xlsx[:-end], "so-theo-doi.xlsx")) is Unfinished


def test_rows_before_the_cut_are_given_before_it_is_told() -> None:
    coming = read_rows(register(CELLS).encode() + b"2,000.05", name="x.csv", source=source())
    assert next(coming)["STT"] == "1"
    with pytest.raises(Unfinished, match=r"^cat_hai.phu_long: x.csv: the last row has 2 of 17 cells and no end; if it"):
        list(coming)


def test_signature_without_an_end_is_no_cut() -> None:
    assert len(_read(register(CELLS).encode() + "Tổng cộng: 1\r\n\r\nNgười lập biểu".encode())) == 1


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({"file_bytes": 1_000}, "a file of [0-9]+ bytes, above 1000"),
        ({"rows": 2}, "more than 2 rows"),
        ({"row_characters": 120}, "a line longer than 120 characters|longer than 120|above 120"),
        ({"seconds": 0.0001}, r"a file that is not read within 0\.0001 s"),
    ],
)
def test_register_beyond_a_bound_is_a_limit(bounds: dict[str, Any], why: str) -> None:
    body = register(*[CELLS] * 2_000).encode()
    with pytest.raises(
        SourceChanged, match=f"^cat_hai.phu_long: x.csv: .*({why}).*; ask the office what it is$"
    ) as caught:
        list(read_rows(body, name="x.csv", source=source(), bounds=replace(BOUNDS, **bounds)))
    assert caught.value.kind == "FILE_LIMIT"


def test_reader_that_is_ended_from_outside_is_no_fault_of_the_file() -> None:
    coming = read_rows(register(*[CELLS] * 60_000).encode(), name="x.csv", source=source())
    next(coming)
    for child in psutil.Process().children():
        if "-I" in child.cmdline():  # a reader: no other child is started without an environment
            child.kill()
    with pytest.raises(
        SourceUnavailable, match=r"the reader ended with code -9; it is read again next cycle$"
    ) as caught:
        list(coming)
    assert caught.value.kind == "READER"
    assert len(_read(register(CELLS).encode())) == 1


def test_record_has_the_facts_of_its_file() -> None:
    uploaded_at = datetime(2018, 10, 12, 17, 30, 5, tzinfo=UTC)
    (record,) = records(
        register(CELLS).encode(), name="x.csv", source=source(), unit="000.05.33.H24", uploaded_at=uploaded_at
    )
    assert record == dict(zip(HEADINGS, CELLS, strict=True)) | {
        "_đơn vị": "000.05.33.H24", "_tải lên lúc": "13/10/2018 00:30:05",
    }  # fmt: skip


def test_every_key_of_a_record_is_known_to_the_mapping() -> None:
    assert SPECS["sftp_register"].known_keys == {*SPELLINGS, UNIT, UPLOADED_AT, ODD}
    assert reading.MOMENT in SPECS["sftp_register"].time_formats


def test_required_columns_are_those_of_the_contract() -> None:
    assert tuple(SPELLINGS) == HEADINGS
    assert set(REQUIRED) < set(HEADINGS)
    spellings = [plain(spelling) for name, others in SPELLINGS.items() for spelling in (name, *others)]
    assert {plain(name) for name in HEADINGS} <= set(columns_of(source()).spellings) == set(spellings)


def test_column_that_the_contract_does_not_have_is_our_mistake() -> None:
    with pytest.raises(
        ConfigError, match=r"^cat_hai.phu_long: columns: expected headings of the contract \(STT, .*1 oth"
    ):
        columns_of(source(columns={"Kỳ hạn": "Ngày hẹn"}))


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    reading._READER.close()
