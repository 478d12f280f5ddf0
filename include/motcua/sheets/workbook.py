"""XLSX to rows of cells: stored values of formulas, hidden rows too, merged cells filled downwards, days as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import chain, islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from motcua.sheets.header import HEAD_ROWS, Header, find_header, unnamed
from motcua.sheets.layout import Layout
from motcua.sheets.package import check_package
from motcua.sheets.problems import TooLarge, Unreadable
from motcua.sheets.rows import Row, clean

# A cell as calamine gives it: text, number, truth, day or moment; empty, an error and a formula never computed are "".
Value = object
# first row, first column → last row
Merges = Mapping[tuple[int, int], int]

_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 (local time, as the office wrote it)
# Excel's day of 2173: a greater number in a column of moments is none of its days, such as 20181012.
_LAST_DAY = 100_000
_MOST_MERGES = 100_000


def read_workbook(body: bytes, layout: Layout) -> Iterator[tuple[Header, Iterator[Row]]]:
    """The header of every sheet that has one, and its rows below; sheets without one are no registers.

    Raises:
        SheetError: at once, or while rows are taken.
    """
    epoch = _EPOCH_1904 if check_package(body, layout.bounds) else _EPOCH
    found = False
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(body))
        for number, facts in enumerate(book.sheets_metadata):
            if facts.typ is not SheetTypeEnum.WorkSheet:
                continue
            read = _read_sheet(book.get_sheet_by_index(number), layout, epoch)
            if read is not None:
                found = True
                yield read
    except CalamineError as error:
        raise Unreadable(f"a damaged workbook ({type(error).__name__}); ask the office to save it again") from error
    if not found:
        raise Unreadable("no sheet with a header; mend columns of the source, or ask the office")


def _read_sheet(sheet: CalamineSheet, layout: Layout, epoch: datetime) -> tuple[Header, Iterator[Row]] | None:
    if sheet.start is None or sheet.end is None:  # empty
        return None
    width = sheet.end[1] - sheet.start[1] + 1
    if width > layout.bounds.columns:
        raise TooLarge(f"a sheet of {width} columns, above {layout.bounds.columns}")
    filled = _filled_down(sheet.iter_rows(), _merges(sheet))
    head = list(islice(filled, HEAD_ROWS))
    header = find_header([[_text(value) for value in values] for values in head], layout.columns)
    if header is None:
        return None
    names = (*header.names, *map(unnamed, range(len(header.names) + 1, width + 1)))
    moments = [place for place, name in enumerate(names) if name in layout.columns.moments]
    return Header(names=names, rows=header.rows), _rows(
        chain(head[header.rows :], filled), moments, epoch, header.rows + 1
    )


def _merges(sheet: CalamineSheet) -> dict[tuple[int, int], int]:
    ranges = sheet.merged_cell_ranges or []
    if len(ranges) > _MOST_MERGES:
        raise TooLarge(f"a sheet of {len(ranges)} merged cells, above {_MOST_MERGES}")
    left = sheet.start[1] if sheet.start else 0
    return {(top, first - left): bottom for (top, first), (bottom, _) in ranges if bottom > top and first >= left}


def _filled_down(rows: Iterable[Sequence[Value]], merges: Merges) -> Iterator[list[Value]]:
    """What is written in a merged cell holds in each of its rows; but not in columns that mean something else."""
    tops: dict[int, list[int]] = {}
    for top, column in merges:
        tops.setdefault(top, []).append(column)
    open_ones: dict[int, tuple[int, Value]] = {}
    for number, given in enumerate(rows):
        values = list(given)
        for column, (bottom, value) in list(open_ones.items()):
            values[column] = value
            if number >= bottom:
                del open_ones[column]
        for column in tops.get(number, ()):
            open_ones[column] = merges[number, column], values[column]
        yield values


def _rows(rows: Iterator[list[Value]], moments: Sequence[int], epoch: datetime, first_line: int) -> Iterator[Row]:
    for line, values in enumerate(rows, start=first_line):
        for place in moments:
            values[place] = _moment(values[place], epoch)
        yield Row([_text(value) for value in values], line=line)


def _moment(value: Value, epoch: datetime) -> Value:
    """A number that is one of Excel's days as the moment that it means."""
    return epoch + timedelta(days=value) if isinstance(value, float) and 0 < value < _LAST_DAY else value


def _text(value: Value) -> str | None:
    write = _WRITTEN.get(type(value))
    return write(value) if write else clean(str(value))


def _written_number(value: float) -> str:
    """An identity number that became 120000000001.0 is its digits again."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _written_moment(value: datetime) -> str:
    """To the second, which is nearer than the last digit of Excel's fractions; midnight sharp is a day alone."""
    moment = (value + timedelta(milliseconds=500)).replace(microsecond=0) if value.microsecond else value
    day, _, time = moment.isoformat().partition("T")
    clock = time.removesuffix(":00")
    return _written_day(day) if clock == "00:00" else f"{_written_day(day)} {clock}"


def _written_day(day: str) -> str:
    """`2018-10-12` as offices write it."""
    return f"{day[8:]}/{day[5:7]}/{day[:4]}"


# Any: each writer takes the type that stands before it
_WRITTEN: dict[type, Callable[..., str | None]] = {
    str: clean,
    float: _written_number,
    datetime: _written_moment,
    date: lambda value: _written_day(value.isoformat()),
    bool: lambda value: "TRUE" if value else "FALSE",
}
