"""What the tests of a reader have in common: the register's columns, and rows of cells in each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any  # of xlsxwriter, which has no types

import xlsxwriter
from motcua.platforms.register.columns import columns_of
from motcua.registry import Source
from motcua.sheets.delimited import read_delimited
from motcua.sheets.layout import Bounds, Layout
from motcua.sheets.rows import Row
from motcua.sheets.workbook import read_workbook

HEADINGS = (
    "STT", "Mã hồ sơ", "Mã TTHC", "Tên TTHC", "Họ tên người nộp", "Số giấy tờ", "Địa chỉ", "Số điện thoại",
    "Cơ quan chủ trì giải quyết", "Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành", "Ngày trả kết quả",
    "Hình thức nộp", "Trạng thái", "Ghi chú",
)  # fmt: skip
CELLS = (
    "1", "000.05.33.H24-181012-0001", "1.001193", "Đăng ký khai sinh", "Đỗ Thanh Nga", "031090000001", "Số 1 Trần Phú",
    "0900000000", "UBND phường An Biên", "12/10/2018 08:00", "12/10/2018 08:15", "15/10/2018 17:00",
    "15/10/2018 09:00", "15/10/2018 10:00", "Trực tiếp", "Đã trả kết quả", "Bản sao",
)  # fmt: skip
BOUNDS = Bounds()
# a workbook's row, column and value, as xlsxwriter writes it
Write = Callable[[Any, Any], None]


def source(**differs: Any) -> Source:
    """A source with a register."""
    facts = {
        "id": "cat_hai.phu_long", "group": "cat_hai", "units": ("000.05.33.H24",), "platform": "sftp_register",
        "connection": "office",
    }  # fmt: skip
    return Source(**facts | differs)


def layout(*, is_workbook: bool = False, bounds: Bounds = BOUNDS, **differs: Any) -> Layout:
    """How a register of a source is to be read."""
    of = source(**differs)
    return Layout(
        is_workbook=is_workbook, encoding=of.encoding or "utf-8", delimiter=of.delimiter, columns=columns_of(of),
        bounds=bounds,
    )  # fmt: skip


def csv(*rows: Sequence[str], delimiter: str = ",", end: str = "\r\n") -> str:
    """Rows of cells that need no quotes."""
    return "".join(delimiter.join(row) + end for row in rows)


def register(*rows: Sequence[str], delimiter: str = ",") -> str:
    """A header and rows below it."""
    return csv(HEADINGS, *rows, delimiter=delimiter)


def cells(**differs: str) -> list[str]:
    """An ordinary row but for some columns, named with `_` for spaces."""
    named = {name.replace("_", " "): value for name, value in differs.items()}
    return [named.get(name, value) for name, value in zip(HEADINGS, CELLS, strict=True)]


def delimited(body: str | bytes, *, pieces: int = 256 * 1024, **differs: Any) -> list[dict[str, str]]:
    """Rows of a CSV file, by column, without what is empty."""
    given = body.encode() if isinstance(body, str) else body
    coming = iter([given[start : start + pieces] for start in range(0, len(given), pieces)])
    header, rows = read_delimited(coming, layout(**differs))
    return list(_named(header.names, rows))


def workbook(write: Write, **options: Any) -> bytes:
    """A workbook with one sheet, on which `write` writes."""
    file = BytesIO()
    with xlsxwriter.Workbook(file, options) as book:
        write(book, book.add_worksheet())
    return file.getvalue()


def on_sheets(body: bytes, **differs: Any) -> list[dict[str, str]]:
    """Rows of all sheets of a workbook, by column, without what is empty."""
    sheets = read_workbook(body, replace(layout(**differs), is_workbook=True))
    return [row for header, rows in sheets for row in _named(header.names, rows)]


def _named(names: Sequence[str], rows: Iterator[Row]) -> Iterator[dict[str, str]]:
    for row in rows:
        named = {name: cell for name, cell in zip(names, row.cells, strict=False) if cell}
        if row.is_odd:
            named["odd"] = str(len(row.cells))
        if named:
            yield named
