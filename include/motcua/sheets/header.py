"""Finds the header among a file's first rows by what its cells mean, and names the columns.

A header stands below up to six title rows, and can span two rows: the lower cell names the column, else the upper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from motcua.domain.text import fold
from motcua.sheets.layout import Columns
from motcua.sheets.problems import Unreadable

TITLE_ROWS = 6
# Rows of which a header is looked for in the first: titles can have empty rows between them.
HEAD_ROWS = 60
# A row that names so many columns, the key among them, is meant as a header, even if some are missing.
_MEANT = 5

Cells = Sequence[str | None]

_REMARK = re.compile(r"\(.*?\)|\[.*?\]")
_BETWEEN_WORDS = re.compile(r"[^0-9a-z]+")
_SHORT = {"hs": "ho so", "kq": "ket qua", "tthc": "thu tuc hanh chinh", "sdt": "so dien thoai", "dt": "dien thoai"}
_NUMBERING = re.compile(r"\(?\s*(?:[0-9]{1,2}|[A-Z])\s*\)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header that has all that is required.

    Attributes:
        names: of each column up to the last with a heading: the contract's, its own heading as `so_bien_nhan`, or
            `cot_5` for a fifth without one; all different.
        rows: how many rows to skip: titles and header.
    """

    names: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    headings: list[str]
    known: list[str | None]
    rows: int

    @property
    def found(self) -> set[str]:
        return {name for name in self.known if name}


def plain(heading: str) -> str:
    """A heading without case, accents, signs, remarks in brackets and abbreviations: `Ngày hẹn trả KQ`, `NGAY HEN TRA
    KẾT QUẢ (dự kiến)` and `Ngày hẹn/trả kết quả` are one."""
    words = _BETWEEN_WORDS.sub(" ", fold(_REMARK.sub(" ", heading))).split()
    return " ".join(_SHORT.get(word, word) for word in words)


def find_header(head: Sequence[Cells], columns: Columns) -> Header | None:
    """The first row, or two, that name all that is required; None when nothing is meant as a header.

    Raises:
        Unreadable: a header is meant, and lacks a column or has one twice.
    """
    candidates = list(_candidates(head, columns))
    whole = [candidate for candidate in candidates if candidate.found.issuperset(columns.required)]
    if whole:
        return _named(whole[0])
    meant = [candidate for candidate in candidates if columns.key in candidate.found and len(candidate.found) >= _MEANT]
    if not meant:
        return None
    lacking = [name for name in columns.required if name not in max(meant, key=lambda one: len(one.found)).found]
    raise Unreadable(
        f"the header has no column {', '.join(lacking)}; if the office calls it otherwise, say so under columns of the "
        "source, else ask the office"
    )


def recognised(head: Sequence[Cells], columns: Columns) -> int:
    """How many columns the best row of a head names."""
    return max((len(candidate.found) for candidate in _candidates(head, columns)), default=0)


def _candidates(head: Sequence[Cells], columns: Columns) -> Iterator[_Candidate]:
    """A row alone or with the next: they belong together where both name columns and the upper loses none to the
    lower."""
    written = [row for row, cells in enumerate(head) if any(cells)]
    for row in written[: TITLE_ROWS + 1]:
        alone = _candidate(head[row], columns, row + 1)
        below = head[row + 1] if row + 1 < len(head) else ()
        both = _candidate(_joined(head[row], below), columns, row + 2)
        name_something = alone.found and any(plain(cell) in columns.spellings for cell in below if cell)
        best = both if name_something and len(both.found) >= len(alone.found) else alone
        yield _past_numbering(best, head)


def _candidate(cells: Cells, columns: Columns, rows: int) -> _Candidate:
    headings = [plain(cell or "") for cell in cells]
    return _Candidate(headings, [columns.spellings.get(heading) for heading in headings], rows)


def _joined(upper: Cells, lower: Cells) -> list[str | None]:
    width = max(len(upper), len(lower))
    uppers, lowers = ([*row, *[None] * (width - len(row))] for row in (upper, lower))
    return [below or above for above, below in zip(uppers, lowers, strict=True)]


def _past_numbering(candidate: _Candidate, head: Sequence[Cells]) -> _Candidate:
    """A printed form numbers its columns below the header: (1), (2), …"""
    below = [cell for cell in head[candidate.rows] if cell] if candidate.rows < len(head) else []
    if len(below) < _MEANT or not all(_NUMBERING.fullmatch(cell) for cell in below):
        return candidate
    return _Candidate(candidate.headings, candidate.known, candidate.rows + 1)


def _named(candidate: _Candidate) -> Header:
    twice = [name for name, times in Counter(filter(None, candidate.known)).items() if times > 1]
    if twice:
        raise Unreadable(
            f"the header has the column {', '.join(twice)} more than once; say under columns of the source which is "
            "which, or ask the office"
        )
    names: list[str] = []
    width = max(place for place, heading in enumerate(candidate.headings, start=1) if heading)
    for place, (heading, known) in enumerate(zip(candidate.headings[:width], candidate.known, strict=False), start=1):
        own = heading.replace(" ", "_") or unnamed(place)
        name = known or own
        names.append(name if name not in names else f"{own}_{place}")
    return Header(names=tuple(names), rows=candidate.rows)


def unnamed(place: int) -> str:
    """The name of a column that has no heading, counted from 1."""
    return f"cot_{place}"
