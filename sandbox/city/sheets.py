"""A register on paper, as bytes: CSV or XLSX, in the manner of each office: titles, headings, encoding, dates."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from sandbox.city import letters
from sandbox.city.faults import IMPOSSIBLE

# A cell is a text, the milliseconds of a moment, IMPOSSIBLE, or None.
Cell = str | int | None
Line = tuple[Cell, ...]

HEADINGS = (
    "STT", "Mã hồ sơ", "Mã TTHC", "Tên TTHC", "Họ tên người nộp", "Số giấy tờ", "Địa chỉ", "Số điện thoại",
    "Cơ quan chủ trì giải quyết", "Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành", "Ngày trả kết quả",
    "Hình thức nộp", "Trạng thái", "Ghi chú",
)  # fmt: skip
LONGER = {
    "STT": "Số TT", "Mã hồ sơ": "Mã số hồ sơ", "Mã TTHC": "Mã thủ tục", "Tên TTHC": "Tên thủ tục hành chính",
    "Họ tên người nộp": "Họ và tên người nộp", "Số giấy tờ": "Số CMND/CCCD",
    "Cơ quan chủ trì giải quyết": "Cơ quan chủ trì", "Ngày nộp": "Ngày nộp hồ sơ",
    "Ngày tiếp nhận": "Ngày tiếp nhận hồ sơ", "Ngày trả kết quả": "Ngày trả KQ", "Ngày hẹn trả": "Ngày hẹn trả KQ",
}  # fmt: skip
DATES = ("Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành", "Ngày trả kết quả")
NUMBER = "STT"  # no part of a line: it counts the lines of a file
MINUTES, DAYS, SHORT = "%d/%m/%Y %H:%M", "%d/%m/%Y", "short"
_IMPOSSIBLE = {MINUTES: "30/02/2018 08:15", DAYS: "30/02/2018", SHORT: "30-2-18"}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local time throughout


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The manner of an office.

    Attributes:
        suffix: `csv` or `xlsx`.
        encoding: of a CSV; `utf-8-sig` begins with a mark.
        delimiter: of a CSV.
        dates: MINUTES, DAYS or SHORT (`d-M-yy`).
        serials: dates of an XLSX are numbers with a format instead of text.
        titles: rows above the headings.
        tall: the headings take two rows, the upper one partly merged.
        headings: how they are spelt: `usual`, `longer`, `capitals`, `bare` (without accents).
    """

    suffix: str
    encoding: str = "utf-8"
    delimiter: str = ","
    dates: str = MINUTES
    serials: bool = False
    titles: int = 0
    tall: bool = False
    headings: str = "usual"

    @property
    def has_minutes(self) -> bool:
        """Whether its dates have a time of day."""
        return self.dates == MINUTES


def written(style: Style, office: str, year: int, lines: Sequence[Line], columns: Sequence[str] = HEADINGS) -> bytes:
    """A whole file of a year; a line has a cell for each of the columns behind the first, which is its number."""
    return (_csv if style.suffix == "csv" else _xlsx)(style, _titles(style, office, year), lines, columns)


def spelt(style: Style, heading: str) -> str:
    """A heading as the office spells it."""
    if style.headings == "longer":
        return LONGER.get(heading, heading)
    if style.headings == "capitals":
        return heading.upper()
    if style.headings == "bare":
        bare = unicodedata.normalize("NFD", heading.replace("đ", "d").replace("Đ", "D"))
        return "".join(sign for sign in bare if not unicodedata.combining(sign))
    return heading


def _csv(style: Style, titles: Sequence[str], lines: Sequence[Line], columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=style.delimiter)
    rows.writerows([title] for title in titles)
    named = [spelt(style, heading) for heading in columns]
    if style.tall:
        dates = [heading in DATES for heading in columns]
        first = dates.index(True)
        rows.writerow(["Thời gian" if at == first else "" if dates[at] else name for at, name in enumerate(named)])
        named = [name if dates[at] else "" for at, name in enumerate(named)]
    rows.writerow(named)
    rows.writerows([number, *(told(style, cell) for cell in line)] for number, line in enumerate(lines, 1))
    if style.encoding == "utf-8-sig":
        return text.getvalue().encode("utf-8-sig")
    return letters.encoded(text.getvalue(), style.encoding)


def _xlsx(style: Style, titles: Sequence[str], lines: Sequence[Line], columns: Sequence[str]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2018, 1, 1)})  # noqa: DTZ001  equal content, equal bytes
        sheet = book.add_worksheet("Sổ theo dõi")
        bold = book.add_format({"bold": True})
        date = book.add_format({"num_format": "dd/mm/yyyy hh:mm" if style.has_minutes else "dd/mm/yyyy"})
        for row, title in enumerate(titles):
            sheet.merge_range(row, 0, row, len(columns) - 1, title, bold)
        top = _write_headings(style, sheet, columns, bold)
        for row, line in enumerate(lines, top):
            sheet.write_formula(row, 0, f"=ROW()-{top}", None, row - top + 1)
            _write_line(style, sheet, row, line, date)
    return file.getvalue()


def _write_headings(style: Style, sheet: Worksheet, columns: Sequence[str], bold: Format) -> int:
    """Writes them below the titles; the row behind them."""
    row = style.titles
    if not style.tall:
        sheet.write_row(row, 0, [spelt(style, heading) for heading in columns], bold)
        return row + 1
    dates = [at for at, heading in enumerate(columns) if heading in DATES]
    sheet.merge_range(row, dates[0], row, dates[-1], "Thời gian", bold)
    for at, heading in enumerate(columns):
        if at in dates:
            sheet.write_string(row + 1, at, spelt(style, heading), bold)
        else:
            sheet.merge_range(row, at, row + 1, at, spelt(style, heading), bold)
    return row + 2


def _write_line(style: Style, sheet: Worksheet, row: int, line: Line, date: Format) -> None:
    for column, cell in enumerate(line, 1):
        if isinstance(cell, int) and cell != IMPOSSIBLE and style.serials:
            moment = _EPOCH + timedelta(milliseconds=cell)
            sheet.write_datetime(row, column, moment if style.has_minutes else moment.replace(hour=0, minute=0), date)
        elif cell is not None:
            # a worksheet has no control characters
            sheet.write_string(row, column, told(style, cell).replace("\x07", "\ufffd"))
    if style.tall and row % 5 == 0:
        sheet.set_row(row, options={"hidden": True})  # as a filter leaves it


def _titles(style: Style, office: str, year: int) -> list[str]:
    return [office, "BỘ PHẬN TIẾP NHẬN VÀ TRẢ KẾT QUẢ", "SỔ THEO DÕI HỒ SƠ", f"Năm {year}", "", "Đơn vị: hồ sơ"][
        : style.titles
    ]


def told(style: Style, cell: Cell) -> str:
    """A cell as the office writes it."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if cell == IMPOSSIBLE:
        return _IMPOSSIBLE[style.dates]
    moment = _EPOCH + timedelta(milliseconds=cell)
    if style.dates == SHORT:
        return f"{moment.day}-{moment.month}-{moment:%y}"
    return moment.strftime(style.dates)
