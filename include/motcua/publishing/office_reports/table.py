"""A report as a table for a spreadsheet: every line in full, the sentences beside it.

Offices open it by a double click: so UTF-8 with a byte order mark, without which Excel takes it for the local code
page, and semicolons, since where the comma separates decimals, as in Vietnam, Excel splits columns by semicolon.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator

from motcua.publishing.office_reports import words
from motcua.publishing.office_reports.report import Line, Report

HEADINGS = (
    "Loại", "Mã hồ sơ", "Vị trí", "Trường", "Lỗi", "Điều mong đợi", "Việc cần làm", "Ai sửa", "Thấy lần đầu",
    "Thấy gần nhất", "Số lần xét", "Mã quy tắc",
)  # fmt: skip
KINDS = {"refused": "Từ chối", "warning": "Cảnh báo", "portal": "Cổng quốc gia từ chối"}
WHOLE_SOURCE = "Cả hệ thống"
_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
PORTAL_TO_DO = "Sửa hồ sơ theo trả lời của Cổng; hồ sơ thay đổi sẽ được gửi lại tự động."


def table(report: Report) -> bytes:
    """The file `loi.csv`; a heading alone where there is nothing to mend."""
    return spreadsheet(HEADINGS, _rows(report))


def spreadsheet(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> bytes:
    """Rows as bytes; a cell that a spreadsheet would take for a formula is text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    writer.writerow(headings)
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return codecs.BOM_UTF8 + buffer.getvalue().encode()


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    for line in report.lines:
        yield _row(line)
    for one in report.rejected:
        yield (
            KINDS["portal"], one.code, "", one.service, f"{one.portal_code} {one.message}".strip(), "", PORTAL_TO_DO,
            words.OWNERS["office"], one.day, one.day, "", "",
        )  # fmt: skip


def _row(line: Line) -> tuple[str, ...]:
    said = words.sentence(line.rule)
    return (
        KINDS[line.kind], line.code or WHOLE_SOURCE, line.place, line.field, said.title, said.expected, said.to_do,
        words.OWNERS[line.owner], line.first_day, line.last_day, str(line.attempts or ""), line.rule,
    )  # fmt: skip


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_AS_FORMULA) else cell
