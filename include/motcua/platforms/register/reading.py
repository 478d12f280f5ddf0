"""From the bytes of a register file to its records; `motcua.sheets` reads them, this says what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from motcua.domain.calendar import VIETNAM
from motcua.errors import SourceChanged, SourceError, SourceUnavailable
from motcua.platforms.register.columns import columns_of
from motcua.platforms.register.endings import Endings
from motcua.registry import Source
from motcua.sheets.layout import Bounds, Layout
from motcua.sheets.problems import Cut, Interrupted, SheetError, TooLarge
from motcua.sheets.reader import Piece, Reader

# Keys of a row that are no columns: the receiving unit and the time of upload, which `records` adds, and a mark of the
# row whose cells do not fit the columns.
UNIT, UPLOADED_AT, ODD = "_đơn vị", "_tải lên lúc", "_lệch cột"
# The platform's time format, for `UPLOADED_AT` too: Vietnam's time.
MOMENT = "%d/%m/%Y %H:%M:%S"

BOUNDS = Bounds()
_READER = Reader()

Row = dict[str, str]


class Unfinished(SourceChanged):
    """The file ends in the middle of a row: it is still being uploaded, or was given up."""

    default_kind = "UNFINISHED"


def read_rows(body: bytes, *, name: str, source: Source, bounds: Bounds = BOUNDS) -> Iterator[Row]:
    """The dossiers of a register file, in its order, a few at a time: what is not empty, by the contract's columns.

    A column that the contract does not have stands under its own heading, as `so_bien_nhan`. All values are text, in
    NFC; days and moments of a workbook as `dd/MM/yyyy` and `dd/MM/yyyy HH:mm`. Undecodable bytes are U+FFFD.
    The file is whole only when the iterator ends without an error.

    Args:
        body: the file.
        name: its name, whose ending says what it is; it stands in messages.
        source: whose it is: `encoding, delimiter, columns`.
        bounds: beyond which it is refused.

    Raises:
        SourceChanged: kind `FILE_LIMIT` beyond the bounds of size, memory or time; `PROTOCOL` where it is no register
            as declared: another encoding, no header, a column missing, damaged, encrypted.
        Unfinished: its end is missing.
        SourceUnavailable: our reader was ended from outside.
        ConfigError: the source's `columns` name one that there is not.
    """
    return (row for _, row in placed_rows(body, name=name, source=source, bounds=bounds))


class Placed(NamedTuple):
    """Where a row stands, as a spreadsheet shows it: its sheet (counted from 1 among those with a header), its line."""

    sheet: int
    line: int


def placed_rows(body: bytes, *, name: str, source: Source, bounds: Bounds = BOUNDS) -> Iterator[tuple[Placed, Row]]:
    """As `read_rows`, each row with its place."""
    layout = Layout(
        is_workbook=name.lower().endswith(".xlsx"),
        encoding=source.encoding or "utf-8",
        delimiter=source.delimiter,
        columns=columns_of(source),
        bounds=bounds,
    )
    endings = Endings()
    try:
        for piece in _READER.read(body, layout):
            yield from ((place, row) for place, row in _rows(piece) if endings.is_dossier(row))
    except Cut as error:
        if not endings.has_ended:  # below a signature nothing is missing
            raise _told(error, name, source) from error
    except SheetError as error:
        raise _told(error, name, source) from error


def records(body: bytes, *, name: str, source: Source, unit: str, uploaded_at: datetime) -> Iterator[Row]:
    """The rows of a file as records: with its unit and the time of its upload, which are facts of each of them."""
    of_the_file = {UNIT: unit, UPLOADED_AT: uploaded_at.astimezone(VIETNAM).strftime(MOMENT)}
    for row in read_rows(body, name=name, source=source):
        yield row | of_the_file


def _rows(piece: Piece) -> Iterator[tuple[Placed, Row]]:
    for number, (line, cells) in enumerate(zip(piece.lines, piece.rows, strict=True)):
        row = {name: cell for name, cell in zip(piece.columns, cells, strict=False) if cell}
        yield Placed(piece.sheet, line), row | {ODD: "1"} if number in piece.odd else row


def _told(error: SheetError, name: str, source: Source) -> SourceError:
    """What a person is told, by what is to be done."""
    message = f"{name}: {error}"
    if isinstance(error, TooLarge):
        return SourceChanged(source.id, f"{message}; ask the office what it is", kind="FILE_LIMIT")
    if isinstance(error, Cut):
        return Unfinished(source.id, f"{message}; if it stays so, ask the office to upload it again")
    if isinstance(error, Interrupted):
        return SourceUnavailable(source.id, f"{message}; it is read again next cycle", kind="READER")
    return SourceChanged(source.id, message)
