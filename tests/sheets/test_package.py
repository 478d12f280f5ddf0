from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any  # of xlsxwriter, which has no types

import pytest
from motcua.sheets.layout import MIB
from motcua.sheets.package import check_package
from motcua.sheets.problems import Cut, SheetError, TooLarge, Unreadable

from tests.sheets.layouts import BOUNDS, CELLS, HEADINGS, on_sheets, workbook
from tests.sheets.test_workbook import rewritten


def _register(_: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, HEADINGS)
    sheet.write_row(1, 0, CELLS)


BODY = workbook(_register)


def _with(name: str, content: bytes) -> bytes:
    file = io.BytesIO(BODY)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return file.getvalue()


def _zip(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr(name, b"<x/>")
    return file.getvalue()


def _lying(body: bytes) -> bytes:
    """A package whose directory says of its largest part that it is small."""
    largest = max(zipfile.ZipFile(io.BytesIO(body)).infolist(), key=lambda part: part.file_size)
    return body.replace(struct.pack("<L", largest.file_size), struct.pack("<L", 1_000))


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
KINDS: dict[str, tuple[bytes, type[SheetError], str]] = {
    "nothing": (b"", Cut, "the file is empty"),
    "cut": (BODY[: len(BODY) // 2], Cut, "the workbook has no end"),
    "cut early": (BODY[:20], Cut, "the workbook has no end"),
    "encrypted": (OLE + "EncryptedPackage".encode("utf-16-le"), Unreadable, "got an encrypted workbook"),
    "old": (OLE, Unreadable, "got a workbook of the old .xls kind"),
    "page": (b"<html><table>", Unreadable, "got bytes that are no ZIP"),
    "csv": ("Mã hồ sơ,Trạng thái".encode(), Unreadable, "got bytes that are no ZIP"),
    "macros": (_with("xl/vbaProject.bin", b"Sub"), Unreadable, "the workbook carries macros"),
    "binary workbook": (_zip("xl/workbook.bin"), Unreadable, "got a ZIP of something else"),
    "document": (_zip("word/document.xml"), Unreadable, "got a ZIP of something else"),
    "damaged": (BODY[:60] + bytes(200) + BODY[260:], Unreadable, "a damaged workbook"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_ordinary_workbook_is_told(kind: str) -> None:
    body, error, why = KINDS[kind]
    with pytest.raises(error) as caught:
        on_sheets(body)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml[: len(xml) // 2], lambda _: b"", lambda xml: xml.replace(b'<row r="2"', b'<row r="2'),
        lambda xml: xml.replace(b"</sheetData>", b""),
    ],
    ids=["cut", "empty", "open quote", "open tag"],
)  # fmt: skip
def test_damaged_sheet_is_told(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Unreadable):
        on_sheets(rewritten(BODY, r"xl/worksheets/sheet1\.xml", change))


def test_ordinary_workbook_passes() -> None:
    assert check_package(BODY, BOUNDS) is False
    assert check_package(workbook(_register, date_1904=True), BOUNDS) is True


@pytest.mark.parametrize("spoilt", [lambda body: body, _lying], ids=["honest", "lying"])
def test_workbook_that_inflates_too_far_is_refused(spoilt: Callable[[bytes], bytes]) -> None:
    bomb = spoilt(_with("xl/media/image1.bin", bytes(64 * MIB)))
    assert len(bomb) < MIB
    with pytest.raises(TooLarge, match=r"^a workbook that inflates to more than 16 MiB"):
        check_package(bomb, BOUNDS)


def test_workbook_beyond_all_bounds_is_refused_though_its_ratio_is_ordinary() -> None:
    with pytest.raises(TooLarge, match="inflates to more than 1 MiB"):
        check_package(_with("xl/media/image1.bin", bytes(2 * MIB)), replace(BOUNDS, inflated_bytes=MIB))


def test_part_that_is_stored_counts_by_its_bytes() -> None:
    file = io.BytesIO(BODY)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as package:
        package.writestr("xl/media/image1.bin", bytes(MIB))
    assert check_package(file.getvalue(), BOUNDS) is False
    with pytest.raises(TooLarge):
        check_package(file.getvalue(), replace(BOUNDS, inflated_bytes=MIB))


def test_workbook_of_too_many_parts_is_refused() -> None:
    file = io.BytesIO(BODY)
    with zipfile.ZipFile(file, "a") as package:
        for number in range(1_001):
            package.writestr(f"xl/media/{number}", b"")
    with pytest.raises(TooLarge, match="a workbook of 1011 parts, above 1000"):
        check_package(file.getvalue(), BOUNDS)
