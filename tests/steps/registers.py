"""Register files as an office would try them, good rows and bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import xlsxwriter

from tests.sheets.layouts import CELLS, HEADINGS, csv

SOURCE, UNIT = "vinh_bao.hung_nhan", "000.16.43.H24"
NAME = f"so-theo-doi_{UNIT}_20181224.csv"
# what stands in every row of a person
PEOPLE = ("Đỗ Thanh Nga", "031090000001", "Số 1 Trần Phú", "0900000000")


def row(number: int, **differs: str) -> tuple[str, ...]:
    """An ordinary dossier's cells but for `differs`, by heading."""
    facts = dict(zip(HEADINGS, CELLS, strict=True)) | {"Mã hồ sơ": f"{UNIT}-181012-{number:04d}"}
    return tuple((facts | {name.replace("_", " "): value for name, value in differs.items()}).values())


ROWS: tuple[tuple[str, ...], ...] = (
    row(1),
    row(2, Ngày_hẹn_trả="01/10/2018"),
    row(3, Trạng_thái="Đã xong xuôi"),
    row(4, Ngày_nộp="30/02/2018"),
    row(5, Mã_hồ_sơ="Đỗ Thanh Nga 0900000000"),
    row(6, Mã_hồ_sơ=""),
    row(7, Hình_thức_nộp="Fax", Ngày_trả_kết_quả="", Ngày_hoàn_thành="01/10/2018"),
    row(8, Mã_TTHC="9.999999"),
    row(1),
    row(2, Ngày_hẹn_trả="02/10/2018"),
)


def written(folder: Path, rows: Sequence[Sequence[str]] = ROWS, *, name: str = NAME) -> Path:
    """A CSV file with a title, an empty line, the header and rows."""
    file = folder / name
    file.write_text("Sổ theo dõi hồ sơ\n\n" + csv(HEADINGS, *rows), encoding="utf-8", newline="")
    return file


def workbook(folder: Path, sheets: Sequence[Mapping[int, Sequence[str]]], *, name: str) -> Path:
    """An XLSX file; of each sheet the rows by line, counted from 1 as Excel does."""
    file = folder / name
    with xlsxwriter.Workbook(file) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for line, cells in rows.items():
                sheet.write_row(line - 1, 0, cells)
    return file
