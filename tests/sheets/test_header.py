from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from motcua.sheets.header import Header, find_header, plain
from motcua.sheets.problems import Unreadable

from tests.sheets.layouts import CELLS, HEADINGS, layout

TITLES = ["UBND PHƯỜNG AN BIÊN", "BỘ PHẬN MỘT CỬA", "SỔ THEO DÕI HỒ SƠ", "Năm 2018", "Tháng 10", "Đơn vị: hồ sơ"]
UPPER = ["Thời gian" if name == "Ngày nộp" else None if name.startswith("Ngày") else name for name in HEADINGS]
LOWER = [name if name.startswith("Ngày") else None for name in HEADINGS]


def _found(*rows: Sequence[str | None], **columns: object) -> Header | None:
    return find_header(rows, layout(**columns).columns)


def _bare(text: str) -> str:
    marks = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(mark for mark in marks if not unicodedata.combining(mark))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ngày hẹn trả KQ", "NGÀY HẸN TRẢ KẾT QUẢ"), ("Mã HS", "Ma ho so"), ("Ngày hẹn\ntrả", " ngày  hẹn trả "),
        ("Mã TTHC", "Mã thủ tục hành chính"), ("Số ĐT", "số điện thoại"), ("Ngày nộp (dd/MM/yyyy)", "Ngày nộp"),
        ("Tên tổ chức, cá nhân", "Tên tổ chức/cá nhân"), ("Ngày nộp:", "Ngày nộp *"), ("Thuỷ", "Thủy"),
    ],
)  # fmt: skip
def test_headings_are_alike(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize("titles", range(7))
@pytest.mark.parametrize("spelling", [str, str.upper, _bare, lambda name: unicodedata.normalize("NFD", name)])
def test_header_stands_below_up_to_six_titles(titles: int, spelling: type[str]) -> None:
    rows = [[title] for title in TITLES[:titles]]
    assert _found(*rows, [spelling(name) for name in HEADINGS], CELLS) == Header(names=HEADINGS, rows=titles + 1)


def test_empty_rows_between_titles_do_not_count() -> None:
    rows = [row for title in TITLES for row in ([title], [], [None, None])]
    assert _found(*rows, HEADINGS, CELLS) == Header(names=HEADINGS, rows=19)


def test_seventh_title_is_too_much() -> None:
    assert _found(*[[title] for title in [*TITLES, "x"]], HEADINGS, CELLS) is None


@pytest.mark.parametrize("lower", [LOWER, [name or "" for name in LOWER], HEADINGS], ids=["empty", "texts", "merged"])
def test_lower_cell_names_the_column_and_else_the_upper(lower: list[str]) -> None:
    assert _found(["SỔ THEO DÕI"], UPPER, lower, CELLS) == Header(names=HEADINGS, rows=3)


def test_lower_row_may_name_what_the_upper_groups_though_that_is_whole_by_itself() -> None:
    upper = ["Người nộp" if name == "Họ tên người nộp" else name for name in HEADINGS]
    lower = ["Họ và tên" if name == "Họ tên người nộp" else "" for name in HEADINGS]
    assert _found(["SỔ THEO DÕI"], upper, lower, CELLS) == Header(names=HEADINGS, rows=3)


def test_row_of_a_dossier_is_no_part_of_the_header() -> None:
    for status in ("Đã trả kết quả", "Trạng thái", ""):
        assert _found(HEADINGS, [*CELLS[:15], status, ""]) == Header(names=HEADINGS, rows=1)


@pytest.mark.parametrize("form", ["({})", "{}", "( {} )"])
def test_numbers_of_columns_are_part_of_the_header(form: str) -> None:
    numbers = [form.format(number) for number in range(1, 18)]
    assert _found(HEADINGS, numbers, CELLS) == Header(names=HEADINGS, rows=2)
    assert _found(UPPER, LOWER, numbers, CELLS) == Header(names=HEADINGS, rows=3)


def test_order_and_other_columns_are_the_offices_own() -> None:
    given = ["Số biên nhận", *reversed(HEADINGS), "Số biên nhận", "", "Ghi chú khác", None, ""]
    header = _found(given)
    assert header is not None
    assert header.names == ("so_bien_nhan", *reversed(HEADINGS), "so_bien_nhan_19", "cot_20", "ghi_chu_khac")


@pytest.mark.parametrize("lacking", ["Mã TTHC", "Ngày nộp", "Ngày hẹn trả", "Hình thức nộp", "Trạng thái"])
def test_required_column_that_is_not_there_is_named(lacking: str) -> None:
    with pytest.raises(Unreadable, match=rf"^the header has no column {lacking}; .* under columns of the source"):
        _found(["Sổ theo dõi"], [name for name in HEADINGS if name != lacking])


@pytest.mark.parametrize("optional", ["STT", "Tên TTHC", "Địa chỉ", "Ghi chú"])
def test_other_column_may_lack(optional: str) -> None:
    names = tuple(name for name in HEADINGS if name != optional)
    assert _found(names) == Header(names=names, rows=1)


def test_column_that_stands_twice_is_named() -> None:
    with pytest.raises(Unreadable, match="has the column Ngày trả kết quả more than once"):
        _found([*HEADINGS, "Ngày trả"])


def test_word_of_the_registry_wins() -> None:
    columns = {"Ngày trả": "Ngày hẹn trả", "Kết quả ngày": "Ngày trả kết quả"}
    given = ["Ngày trả" if name == "Ngày hẹn trả" else name for name in HEADINGS]
    given = ["KET QUA NGAY" if name == "Ngày trả kết quả" else name for name in given]
    assert _found(given, columns=columns) == Header(names=HEADINGS, rows=1)
    one = {"Ngày trả": "Ngày hẹn trả"}
    assert _found(["Ngày trả" if name == "Ngày hẹn trả" else name for name in HEADINGS], columns=one) is not None
    both = _found([*given, "Ngày hẹn trả"], columns=columns)
    assert both is not None
    assert both.names == (*HEADINGS, "ngay_hen_tra")


def test_table_of_something_else_has_no_header() -> None:
    assert _found(["STT", "Họ tên", "Địa chỉ", "Điện thoại", "Ghi chú"], ["1", "A", "B", "C", "D"]) is None
