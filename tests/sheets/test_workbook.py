from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any  # of xlsxwriter, which has no types

import pytest
from motcua.sheets.problems import Unreadable

from tests.sheets.layouts import CELLS, HEADINGS, Write, cells, on_sheets, workbook

ROW = dict(zip(HEADINGS, CELLS, strict=True))
DAY, MOMENT = {"num_format": "dd/mm/yyyy"}, {"num_format": "dd/mm/yyyy hh:mm"}
RECEIVED, DUE, NOTE = HEADINGS.index("Ngày tiếp nhận"), HEADINGS.index("Ngày hẹn trả"), HEADINGS.index("Ghi chú")


def _plain(*rows: list[str] | tuple[str, ...], header: int = 0) -> Write:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(header, 0, HEADINGS)
        for number, row in enumerate(rows, start=header + 1):
            sheet.write_row(number, 0, row)

    return write


def _and(first: Write, then: Callable[[Any, Any], object]) -> Write:
    def write(book: Any, sheet: Any) -> None:
        first(book, sheet)
        then(book, sheet)

    return write


def test_texts_are_read_as_they_stand() -> None:
    assert on_sheets(workbook(_plain(CELLS, cells(Ghi_chú="  dòng\nhai ")))) == [ROW, ROW | {"Ghi chú": "dòng\nhai"}]


@pytest.mark.parametrize(
    ("moment", "form", "told"),
    [
        ("2018-10-12", DAY, "12/10/2018"),
        ("2018-10-12", MOMENT, "12/10/2018"),
        ("2018-10-12T08:15", MOMENT, "12/10/2018 08:15"),
        ("2018-10-12T08:15:30", DAY, "12/10/2018 08:15:30"),
        ("2018-10-12T08:14:59.999900", MOMENT, "12/10/2018 08:15"),
        ("2018-10-12T23:59:59.999900", MOMENT, "13/10/2018"),
        ("2016-02-29T17:00", MOMENT, "29/02/2016 17:00"),
    ],
)
@pytest.mark.parametrize("epoch", [1900, 1904])
def test_serial_is_the_day_that_it_means(moment: str, form: dict[str, str], told: str, epoch: int) -> None:
    def date(book: Any, sheet: Any) -> None:
        sheet.write_datetime(1, RECEIVED, datetime.fromisoformat(moment), book.add_format(form))

    body = workbook(_and(_plain(CELLS), date), date_1904=epoch == 1904)
    assert on_sheets(body) == [ROW | {"Ngày tiếp nhận": told}]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (43385, "12/10/2018"), (43385.34375, "12/10/2018 08:15"), (43385.343749999, "12/10/2018 08:15"),
        (20181012, "20181012"), (-1, "-1"), (0, "0"),
    ],
)  # fmt: skip
def test_number_without_a_format_is_a_day_where_days_stand(number: float, told: str) -> None:
    body = workbook(_and(_plain(CELLS), lambda _, sheet: sheet.write_number(1, RECEIVED, number)))
    assert on_sheets(body) == [ROW | {"Ngày tiếp nhận": told}]
    later = workbook(_and(_plain(CELLS), lambda _, sheet: sheet.write_number(1, RECEIVED, 41923)), date_1904=True)
    assert on_sheets(later) == [ROW | {"Ngày tiếp nhận": "12/10/2018"}]


@pytest.mark.parametrize(
    ("number", "told"), [(120000000001, "120000000001"), (7, "7"), (0.5, "0.5"), (1e20, "1e+20"), (43385, "43385")]
)
def test_number_elsewhere_is_its_digits(number: float, told: str) -> None:
    body = workbook(_and(_plain(CELLS), lambda _, sheet: sheet.write_number(1, NOTE, number)))
    assert on_sheets(body) == [ROW | {"Ghi chú": told}]


@pytest.mark.parametrize(
    ("value", "told"), [("Bản sao", "Bản sao"), (12.0, "12"), ("", None), ("#N/A", None), (True, "TRUE")]
)
def test_formula_counts_by_its_stored_value(value: object, told: str | None) -> None:
    body = workbook(_and(_plain(cells(Ghi_chú="")), lambda _, sheet: sheet.write_formula(1, NOTE, "=A1", None, value)))
    assert on_sheets(body)[0].get("Ghi chú") == told


def test_formula_without_a_stored_value_is_empty() -> None:
    body = workbook(_and(_plain(CELLS), lambda _, sheet: sheet.write_formula(1, NOTE, "=A1", None, 77)))
    never_computed = rewritten(body, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v>77</v>", b""))
    assert never_computed != body
    assert on_sheets(never_computed) == [{name: cell for name, cell in ROW.items() if name != "Ghi chú"}]


def test_hidden_rows_and_columns_are_rows_and_columns() -> None:
    def hide(_: Any, sheet: Any) -> None:
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(1, 5, None, None, {"hidden": True})

    assert on_sheets(workbook(_and(_plain(CELLS, CELLS), hide))) == [ROW, ROW]


def test_merged_cell_holds_in_each_of_its_rows_but_not_in_other_columns() -> None:
    def merge(_: Any, sheet: Any) -> None:
        sheet.merge_range(1, DUE, 3, DUE, "15/10/2018")
        sheet.merge_range(4, DUE, 4, DUE + 2, "16/10/2018")

    bare = cells(Ngày_hẹn_trả="", Ngày_hoàn_thành="", Ngày_trả_kết_quả="")
    rows = on_sheets(workbook(_and(_plain(bare, bare, bare, bare, bare), merge)))
    assert [row.get("Ngày hẹn trả") for row in rows] == ["15/10/2018"] * 3 + ["16/10/2018", None]
    assert {row.get("Ngày hoàn thành") for row in rows} == {None}


def test_header_of_merged_cells_is_found_where_the_sheet_does_not_begin_at_its_corner() -> None:
    first = HEADINGS.index("Ngày nộp")

    def write(book: Any, sheet: Any) -> None:
        sheet.merge_range(3, 2, 3, 18, "SỔ THEO DÕI HỒ SƠ")
        sheet.merge_range(5, 2 + first, 5, 6 + first, "Thời gian")
        for place, name in enumerate(HEADINGS, start=2):
            if name.startswith("Ngày"):
                sheet.write_string(6, place, name)
            else:
                sheet.merge_range(5, place, 6, place, name)
        sheet.write_row(7, 2, cells(Địa_chỉ=""))
        sheet.write_row(8, 2, cells(Địa_chỉ=""))
        sheet.merge_range(7, 8, 8, 8, "Số 1 Trần Phú")

    assert on_sheets(workbook(write)) == [ROW, ROW]


def test_every_sheet_with_a_header_is_read_and_others_are_not() -> None:
    def more(book: Any, _: Any) -> None:
        book.add_worksheet("Ghi chú").write_row(0, 0, ["STT", "Tên thủ tục", "Số lượng"])
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Sheet1!$A$1:$A$2"})
        book.add_chartsheet("Biểu đồ").set_chart(chart)
        book.add_worksheet("Trống")
        hidden = book.add_worksheet("Tháng 11")
        hidden.hide()
        _plain(cells(Ghi_chú="tháng 11"), header=4)(book, hidden)

    assert on_sheets(workbook(_and(_plain(CELLS), more))) == [ROW, ROW | {"Ghi chú": "tháng 11"}]


def test_sheet_that_lacks_a_column_is_told_though_another_is_whole() -> None:
    def more(book: Any, _: Any) -> None:
        book.add_worksheet().write_row(0, 0, [name for name in HEADINGS if name != "Ngày hẹn trả"])

    with pytest.raises(Unreadable, match="has no column Ngày hẹn trả"):
        on_sheets(workbook(_and(_plain(CELLS), more)))


@pytest.mark.parametrize("write", [lambda *_: None, lambda _, sheet: sheet.write_row(0, 0, ["Tên", "Số lượng"])])
def test_workbook_without_a_header_is_told(write: Write) -> None:
    with pytest.raises(Unreadable, match=r"^no sheet with a header"):
        on_sheets(workbook(write))


def test_what_stands_beside_the_table_has_a_name_of_its_place() -> None:
    body = workbook(_and(_plain(CELLS), lambda _, sheet: sheet.write(1, 18, "xem lại")))
    assert on_sheets(body) == [ROW | {"cot_19": "xem lại"}]


def test_values_of_no_column_of_days_keep_their_kind() -> None:
    def odd(book: Any, sheet: Any) -> None:
        sheet.write_datetime(1, NOTE, datetime.fromisoformat("2018-10-12T08:15"), book.add_format(MOMENT))
        sheet.write_number(1, RECEIVED, 0.5, book.add_format({"num_format": "hh:mm"}))
        sheet.write_boolean(1, DUE, True)

    told = {"Ghi chú": "12/10/2018 08:15", "Ngày tiếp nhận": "12:00:00", "Ngày hẹn trả": "TRUE"}
    assert on_sheets(workbook(_and(_plain(CELLS), odd))) == [ROW | told]


def rewritten(body: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one part changed."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(body)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if re.fullmatch(part, name) else old.read(name))
    return file.getvalue()
