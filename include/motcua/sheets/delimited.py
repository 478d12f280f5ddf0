"""CSV to rows of cells: RFC 4180, the delimiter found by the header that it makes, in any of the declared encodings."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from motcua.sheets import vietnamese
from motcua.sheets.header import HEAD_ROWS, TITLE_ROWS, Header, find_header, recognised
from motcua.sheets.layout import Layout
from motcua.sheets.legacy import REPLACEMENT, decoder
from motcua.sheets.problems import Cut, SheetError, TooLarge, Unreadable
from motcua.sheets.rows import Row, clean

DELIMITERS = (",", ";", "\t")
# An open quote that swallows so many lines was not cut off by the end of the file: it was never closed.
_MOST_LINES_OF_A_CELL = 20
_SAMPLE_BYTES = 64 * 1024
_UTF8_MARK, _UTF16_MARKS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class _Lines:
    """Lines as they are taken, and what was last taken."""

    coming: Iterator[str]
    taken: int = 0
    last: str = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.last = next(self.coming)
        self.taken += 1
        return self.last


def read_delimited(pieces: Iterator[bytes], layout: Layout) -> tuple[Header, Iterator[Row]]:
    """The header of a CSV file, and its rows below.

    Raises:
        SheetError: at once, or while rows are taken.
    """
    first = next(pieces, b"")
    encoding = _encoding(first, layout.encoding)
    lines = _lines(chain([first.removeprefix(_UTF8_MARK)], pieces), encoding, layout.bounds.row_characters)
    head = list(islice(lines, HEAD_ROWS))
    csv.field_size_limit(layout.bounds.row_characters)
    delimiter, header = _header(head, layout)
    if header is None:
        raise _no_header(head, layout, encoding)
    vietnamese.check(first[:_SAMPLE_BYTES].removeprefix(_UTF8_MARK), encoding)
    return header, _rows(chain(head, lines), delimiter, header)


def _encoding(first: bytes, declared: str) -> str:
    if not first:
        raise Cut("the file is empty")
    if first.startswith(_UTF16_MARKS) or first.count(b"\0") > len(first) // 10:
        raise Unreadable("expected text, got UTF-16 or bytes that are none; ask the office to save it as CSV UTF-8")
    if first.startswith(b"PK\x03\x04"):
        raise Unreadable("expected CSV, got a workbook; ask the office to name it .xlsx")
    if first.startswith(_UTF8_MARK):
        return "utf-8"
    if declared != "utf-8" and _is_utf8(first):
        raise Unreadable(f"declared as {declared}, but its bytes are UTF-8; mend encoding of the source")
    return declared


def _is_utf8(first: bytes) -> bool:
    """Whether bytes beyond ASCII are there, and all are letters of UTF-8: by chance they never are."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return not first.isascii()


def _lines(pieces: Iterable[bytes], encoding: str, longest: int) -> Iterator[str]:
    """Lines with their ends, which become `\\n`."""
    decode, translate = decoder(encoding), io.IncrementalNewlineDecoder(None, translate=True).decode
    rest = ""
    for piece, is_last in chain(((piece, False) for piece in pieces), [(b"", True)]):
        *whole, rest = (rest + translate(decode(piece, is_last), is_last)).split("\n")
        yield from (line + "\n" for line in whole)
        if len(rest) > longest:
            raise TooLarge(f"a line longer than {longest} characters")
    if rest:
        yield rest


def _header(head: list[str], layout: Layout) -> tuple[str, Header | None]:
    """The delimiter that makes the fullest header, and that header."""
    candidates = (layout.delimiter,) if layout.delimiter else DELIMITERS
    tables = {delimiter: [row.cells for row in _leading(head, delimiter)] for delimiter in candidates}
    best = max(candidates, key=lambda delimiter: recognised(tables[delimiter], layout.columns))
    return best, find_header(tables[best], layout.columns)


def _leading(head: list[str], delimiter: str) -> Iterator[Row]:
    """Rows of the head, as far as they go with this delimiter."""
    try:
        yield from _parsed(_Lines(iter(head)), delimiter)
    except SheetError:  # told when the rows are read
        return


def _no_header(head: list[str], layout: Layout, encoding: str) -> SheetError:
    if len(head) <= TITLE_ROWS + 1 and not head[-1].endswith("\n"):
        return Cut("the file ends before its header does")
    text = "".join(head)
    beyond, lost = sum(not sign.isascii() for sign in text), text.count(REPLACEMENT)
    sought = f"with {layout.delimiter!r}" if layout.delimiter else "with comma, semicolon and tab"
    return Unreadable(
        f"no header found in the first {len(head)} lines, {sought}, read as {encoding}: {beyond} of {len(text)} "
        f"characters are beyond ASCII, {lost} of these could not be read; mend encoding, delimiter or columns of the "
        "source, or ask the office"
    )


def _rows(lines: Iterator[str], delimiter: str, header: Header) -> Iterator[Row]:
    taken = _Lines(lines)
    width, cells = len(header.names), 0
    for line, row in enumerate(islice(_parsed(taken, delimiter), header.rows, None), start=header.rows + 1):
        cells = len(row.cells)
        yield Row(row.cells[:width], row.is_odd or any(row.cells[width:]), line)
    if 0 < cells < width and not taken.last.endswith("\n"):
        raise Cut(f"the last row has {cells} of {width} cells and no end")


def _parsed(lines: _Lines, delimiter: str) -> Iterator[Row]:
    """Rows of cells. One whose quotes are wrong is odd; one that swallows its neighbours stops the reading."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        before = lines.taken
        try:
            yield Row([clean(cell) for cell in next(reader)])
        except StopIteration:
            return
        except csv.Error as error:
            yield _odd_row(lines, before, delimiter, error)


def _odd_row(lines: _Lines, before: int, delimiter: str, error: csv.Error) -> Row:
    where = f"line {before + 1}" if lines.taken == before + 1 else f"lines {before + 1} to {lines.taken}"
    if "field larger" in str(error):
        raise TooLarge(f"{where}: a cell longer than {csv.field_size_limit()} characters, or a quote never closed")
    if "unexpected end" in str(error) and lines.taken - before <= _MOST_LINES_OF_A_CELL:
        raise Cut(f"{where}: the file ends in an open quote")
    if lines.taken > before + 1:
        raise Unreadable(f"{where}: a quote that is not closed before a delimiter; ask the office to mend the file")
    return Row([clean(cell) for cell in next(csv.reader([lines.last], delimiter=delimiter))], is_odd=True)
