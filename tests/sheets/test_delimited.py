from __future__ import annotations

import codecs
from dataclasses import replace

import pytest
from motcua.sheets.layout import Bounds
from motcua.sheets.problems import Cut, TooLarge, Unreadable

from tests.sheets.layouts import BOUNDS, CELLS, HEADINGS, cells, csv, delimited, register

ROW = dict(zip(HEADINGS, CELLS, strict=True))


def _replaced(**differs: str) -> dict[str, str]:
    return dict(zip(HEADINGS, cells(**differs), strict=True))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["end", "no end"])
def test_delimiter_is_found_by_the_header(delimiter: str, end: str, last: bool) -> None:
    text = csv(["Sổ theo dõi, năm 2018; tháng 10"], HEADINGS, CELLS, CELLS, delimiter=delimiter, end=end)
    assert delimited(text if last else text.removesuffix(end)) == [ROW, ROW]


def test_declared_delimiter_counts() -> None:
    assert delimited(register(CELLS, delimiter=";"), delimiter=";") == [ROW]
    with pytest.raises(Unreadable, match=r"no header found in the first 2 lines, with ',', read as utf-8"):
        delimited(register(CELLS, delimiter=";"), delimiter=",")


def test_quotes_are_those_of_rfc_4180() -> None:
    quoted = cells(Ghi_chú='"Bản ""sao"", và\r\nđơn; hết"', Địa_chỉ='""', Họ_tên_người_nộp='"Nga, Đỗ"')
    expected = _replaced(Ghi_chú='Bản "sao", và\nđơn; hết', Họ_tên_người_nộp="Nga, Đỗ")
    del expected["Địa chỉ"]
    assert delimited(register(quoted)) == [expected]


def test_header_may_be_broken_over_lines() -> None:
    headings = [f'"{name.replace(" ", chr(10))}"' for name in HEADINGS]
    assert delimited(csv(headings, CELLS)) == [ROW]


@pytest.mark.parametrize("pieces", [1, 2, 7, 100])
def test_pieces_make_no_difference(pieces: int) -> None:
    assert delimited(register(CELLS, cells(Ghi_chú='"a\r\nb"')), pieces=pieces) == [ROW, _replaced(Ghi_chú="a\nb")]


def test_empty_rows_and_cells_are_none() -> None:
    text = register(["", ""], CELLS, [], ["   "] * 17, cells(Ghi_chú="  ", Địa_chỉ="\u00a0"))
    assert delimited(text) == [ROW, {name: cell for name, cell in ROW.items() if name not in ("Ghi chú", "Địa chỉ")}]


def test_short_row_lacks_its_last_cells() -> None:
    assert delimited(register(CELLS[:16], CELLS)) == [{name: ROW[name] for name in HEADINGS[:16]}, ROW]


def test_row_with_a_cell_too_many_is_odd() -> None:
    assert delimited(register([*CELLS, "", ""], [*CELLS[:6], "Số 1", *CELLS[6:]])) == [
        ROW,
        dict(zip(HEADINGS, [*CELLS[:6], "Số 1", *CELLS[6:16]], strict=True)) | {"odd": "17"},
    ]


def test_row_with_wrong_quotes_is_odd_and_its_neighbours_are_not() -> None:
    first, odd, last = delimited(register(CELLS, cells(Họ_tên_người_nộp='"Đỗ "Bi" Nga"'), CELLS))
    assert (first, last) == (ROW, ROW)
    assert (odd["odd"], odd["Mã hồ sơ"]) == ("17", ROW["Mã hồ sơ"])


def test_open_quote_that_swallows_rows_stops_the_reading() -> None:
    text = register(CELLS, cells(Ghi_chú='"dở'), CELLS, cells(Ghi_chú='"xong"'), CELLS)
    with pytest.raises(Unreadable, match=r"^lines 3 to 5: a quote that is not closed before a delimiter"):
        delimited(text)


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("2,000.05.33.H24-181012-0002,1.00", "the last row has 3 of 17 cells and no end"),
        ("2", "the last row has 1 of 17 cells and no end"),
        (",".join(cells(Ghi_chú='"Bản')), "line 3: the file ends in an open quote"),
        (",".join(cells(Ghi_chú='"Bản\r\nsao\r\n')), "lines 3 to 4: the file ends in an open quote"),
    ],
)
def test_file_that_ends_in_a_row_is_cut(rest: str, why: str) -> None:
    with pytest.raises(Cut, match=f"^{why}$"):
        delimited(register(CELLS) + rest)


def test_open_quote_far_above_the_end_was_not_cut() -> None:
    with pytest.raises(Unreadable, match=r"^lines 3 to 33: a quote that is not closed"):
        delimited(register(CELLS, cells(Ghi_chú='"dở'), *[CELLS] * 30))


@pytest.mark.parametrize("text", ["", "SỔ THEO DÕI", "SỔ\r\nSTT,Mã hồ sơ,Mã TT"])
def test_file_that_ends_above_its_rows_is_cut(text: str) -> None:
    with pytest.raises(Cut):
        delimited(text)


@pytest.mark.parametrize("declared", ["utf-8", "tcvn3", "windows-1258"])
def test_mark_of_utf_8_counts_whatever_is_declared(declared: str) -> None:
    assert delimited(codecs.BOM_UTF8 + register(CELLS).encode(), encoding=declared) == [ROW]


@pytest.mark.parametrize("form", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_told(form: str) -> None:
    with pytest.raises(Unreadable, match=r"got UTF-16 .* save it as CSV UTF-8"):
        delimited(register(CELLS).encode(form))


def test_workbook_under_a_wrong_name_is_told() -> None:
    with pytest.raises(Unreadable, match=r"expected CSV, got a workbook; ask the office to name it \.xlsx"):
        delimited(b"PK\x03\x04" + bytes(range(60)))


@pytest.mark.parametrize("declared", ["windows-1258", "tcvn3", "vni", "viscii"])
def test_utf_8_that_is_declared_as_older_is_told(declared: str) -> None:
    with pytest.raises(Unreadable, match=f"^declared as {declared}, but its bytes are UTF-8"):
        delimited(register(CELLS), encoding=declared)


def test_header_that_is_not_found_is_told_without_a_word_of_it() -> None:
    with pytest.raises(Unreadable) as caught:
        delimited("Người,Nga\r\n" * 10)
    assert str(caught.value) == (
        "no header found in the first 10 lines, with comma, semicolon and tab, read as utf-8: 20 of 100 characters "
        "are beyond ASCII, 0 of these could not be read; mend encoding, delimiter or columns of the source, or ask the "
        "office"
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (cells(Ghi_chú='"' + "a" * 3000 + '"'), "a cell longer than 2000 characters, or a quote never closed"),
        (cells(Ghi_chú='"' + "a\r\n" * 1500 + '"'), "a cell longer than 2000 characters, or a quote never closed"),
        (cells(Ghi_chú="a" * 300_000), "longer than 2000 characters"),
    ],
)
def test_cell_beyond_the_bounds_stops_the_reading(row: list[str], why: str) -> None:
    bounds: Bounds = replace(BOUNDS, row_characters=2000)
    with pytest.raises(TooLarge, match=why):
        delimited(register(CELLS, row, CELLS), bounds=bounds)
