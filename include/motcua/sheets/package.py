"""Looks at the ZIP that an XLSX is before anything opens it: what it claims, and what really comes out of it."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from motcua.sheets.layout import MIB, Bounds
from motcua.sheets.problems import Cut, TooLarge, Unreadable

_ZIP, _END_OF_ZIP, _OLE = b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"
_AFTER_ITS_MARK = 18  # bytes of a ZIP's end
_WORKBOOK = "xl/workbook.xml"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_EPOCH_1904 = re.compile(rb"""date1904\s*=\s*["'](?:1|true|on)["']""")
# An ordinary workbook has a dozen parts.
_MOST_PARTS = 1_000
# Small files of long runs inflate a thousandfold and harm nobody: the ratio counts from here on.
_RATIO_COUNTS_FROM = 16 * MIB
_AT_ONCE = MIB
_LOCAL_HEADER, _NAME_LENGTH, _EXTRA_LENGTH = 30, slice(26, 28), slice(28, 30)


def check_package(body: bytes, bounds: Bounds) -> bool:
    """Whether the workbook counts its days from 1904.

    Raises:
        SheetError: it is no XLSX, is encrypted, carries macros, is cut, or inflates past the bounds.
    """
    _check_kind(body)
    try:
        with zipfile.ZipFile(BytesIO(body)) as package:
            parts = package.infolist()
            _check_names({part.filename for part in parts})
            _check_size(parts, body, bounds)
            return _EPOCH_1904.search(package.read(_WORKBOOK)) is not None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, KeyError, RuntimeError) as error:
        if _END_OF_ZIP not in body[:-_AFTER_ITS_MARK]:
            raise Cut("the workbook has no end") from error
        raise Unreadable(f"a damaged workbook ({type(error).__name__}); ask the office to save it again") from error


def _check_kind(body: bytes) -> None:
    if not body:
        raise Cut("the file is empty")
    if body.startswith(_OLE):
        what = "an encrypted workbook" if _ENCRYPTED in body else "a workbook of the old .xls kind"
        raise Unreadable(f"expected XLSX, got {what}; ask the office to save it as .xlsx without a password")
    if not body.startswith(_ZIP):
        raise Unreadable("expected XLSX, got bytes that are no ZIP; ask the office to save it as .xlsx")


def _check_names(names: set[str]) -> None:
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Unreadable("the workbook carries macros; ask the office to save it as .xlsx without them")
    if _WORKBOOK not in names:
        raise Unreadable("expected XLSX, got a ZIP of something else; ask the office to save it as .xlsx")


def _check_size(parts: list[zipfile.ZipInfo], body: bytes, bounds: Bounds) -> None:
    """First by what the directory claims, then by what comes out, for a directory can lie."""
    if len(parts) > _MOST_PARTS:
        raise TooLarge(f"a workbook of {len(parts)} parts, above {_MOST_PARTS}")
    most = min(bounds.inflated_bytes, max(bounds.inflated_ratio * len(body), _RATIO_COUNTS_FROM))
    if sum(part.file_size for part in parts) > most:
        raise _inflates(most)
    out = 0
    for part in parts:
        for size in _inflated(body, part):
            out += size
            if out > most:
                raise _inflates(most)


def _inflates(most: int) -> TooLarge:
    return TooLarge(f"a workbook that inflates to more than {most // MIB} MiB; ask the office for an ordinary file")


def _inflated(body: bytes, part: zipfile.ZipInfo) -> Iterator[int]:
    """Sizes of what really comes out of a part, piece by piece."""
    header = body[part.header_offset : part.header_offset + _LOCAL_HEADER]
    lengths = (int.from_bytes(header[place], "little") for place in (_NAME_LENGTH, _EXTRA_LENGTH))
    start = part.header_offset + _LOCAL_HEADER + sum(lengths)
    packed = body[start : start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        yield len(packed)
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while packed and not inflater.eof:
        yield len(inflater.decompress(packed, _AT_ONCE))
        packed = inflater.unconsumed_tail
