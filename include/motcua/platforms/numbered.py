"""Pages by number, each with the total: read until they add up, refused when they go round in circles.

Where a row leaves its page while the next one is read, and another comes, the total stays and a row is missed. Read by
change time there is nothing to slip: every window's first page holds the rows that follow (contract page
`source-platforms`: order is by change time, always).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from motcua.errors import SourceChanged
from motcua.platforms.base import MOST_PAGES, Moving, PageRef, Record, Window
from motcua.platforms.whole import SMALLEST_CAP, ChangedAt, Tail
from motcua.registry import Source


class NumberedPage(NamedTuple):
    """A page that was kept: its rows, and how many rows there are in all; how many pages, where that is told."""

    sha256: str
    records: Sequence[Record]
    total: int
    page_count: int | None = None


Ask = Callable[[Window, int], NumberedPage]


def read_unit(
    source: Source, unit: str, window: Window, tail: Tail, *, ask: Ask, changed_at: ChangedAt
) -> tuple[list[PageRef], int | None]:
    """All pages of a unit, and their total; by change time the total is nobody's word, and None.

    Args:
        source: whose listing.
        unit: which of its units.
        window: change times asked for, and whether by number or by change time.
        tail: is told the records of each page.
        ask: one page of a window.
        changed_at: change time of a record, None when it is not readable.

    Raises:
        Moving: a page announces other totals than the first, or the rows do not add up to it.
        SourceChanged: a page comes twice, the pages do not end, or they are not as many as is told.
    """
    if window.by_change:
        return _read_by_change(source, unit, window, ask, changed_at), None
    pages: list[PageRef] = []
    seen: set[bytes] = set()
    first: NumberedPage | None = None
    fetched = 0
    for number in range(1, MOST_PAGES + 1):
        page = ask(window, number)
        first = first or page
        _refuse_other_totals(number, page, first)
        _refuse_repetition(source, unit, number, page, seen)
        fetched += len(page.records)
        tail.add(page.records)
        pages.append(PageRef(unit=unit, sha256=page.sha256, rows=len(page.records)))
        if fetched >= first.total or not page.records:
            break
    else:
        raise _endless(source, unit)
    if fetched != first.total:
        raise Moving(f"{fetched} rows came, {first.total} were announced")
    _refuse_other_page_count(source, unit, pages, first.page_count)
    return pages, first.total


def _read_by_change(source: Source, unit: str, window: Window, ask: Ask, changed_at: ChangedAt) -> list[PageRef]:
    """First pages of windows, each from the last change time of the one before; on by number within one time."""
    pages: list[PageRef] = []
    number = 1
    for _ in range(MOST_PAGES):
        page = ask(window, number)
        pages.append(PageRef(unit=unit, sha256=page.sha256, rows=len(page.records)))
        newest = max((moment for record in page.records if (moment := changed_at(record))), default=window.start)
        is_end = number == 1 and len(page.records) >= page.total  # or a cap: then there is something newer
        if not page.records or (is_end and (len(page.records) < SMALLEST_CAP or newest <= window.start)):
            return pages
        if newest > window.start:
            window, number = replace(window, since=newest), 1
        else:
            number += 1
    raise _endless(source, unit)


def _endless(source: Source, unit: str) -> SourceChanged:
    return SourceChanged(
        source.id, f"listing of {unit} does not end within {MOST_PAGES} pages; ask its owner", kind="LIMIT"
    )


def _refuse_other_totals(number: int, page: NumberedPage, first: NumberedPage) -> None:
    if page.total != first.total:
        raise Moving(f"page {number} announces {page.total} rows, the first announced {first.total}")
    if page.page_count != first.page_count:
        raise Moving(f"page {number} announces {page.page_count} pages, the first announced {first.page_count}")


def _refuse_repetition(source: Source, unit: str, number: int, page: NumberedPage, seen: set[bytes]) -> None:
    """Refuses a page whose records came before: its paging goes round in circles. One row may be listed twice."""
    content = hashlib.sha256(orjson.dumps(page.records)).digest()
    if len(page.records) > 1 and content in seen:
        raise SourceChanged(source.id, f"page {number} of {unit} repeats an earlier one; ask its owner")
    seen.add(content)


def _refuse_other_page_count(source: Source, unit: str, pages: Sequence[PageRef], announced: int | None) -> None:
    came = sum(page.rows > 0 for page in pages)
    if announced is not None and came != announced:
        raise SourceChanged(
            source.id, f"listing of {unit}: expected {announced} pages, as announced, got {came}; ask its owner"
        )
