"""Pages by number, each with the total: read until they add up, refused when they go round in circles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from motcua.errors import SourceChanged
from motcua.platforms.base import MOST_PAGES, Moving, PageRef, Record
from motcua.platforms.whole import Tail
from motcua.registry import Source


class NumberedPage(NamedTuple):
    """A page that was kept: its rows, and how many rows there are in all; how many pages, where that is told."""

    sha256: str
    records: Sequence[Record]
    total: int
    page_count: int | None = None


def read_numbered(
    source: Source, unit: str, tail: Tail, *, ask: Callable[[int], NumberedPage]
) -> tuple[list[PageRef], int]:
    """All pages of a unit, and their total.

    Raises:
        Moving: a page announces other totals than the first, or the rows do not add up to it.
        SourceChanged: a page comes twice, the pages do not end, or they are not as many as is told.
    """
    pages: list[PageRef] = []
    seen: set[bytes] = set()
    first: NumberedPage | None = None
    fetched = 0
    for number in range(1, MOST_PAGES + 1):
        page = ask(number)
        first = first or page
        _refuse_other_totals(number, page, first)
        _refuse_repetition(source, unit, number, page, seen)
        fetched += len(page.records)
        tail.add(page.records)
        pages.append(PageRef(unit=unit, sha256=page.sha256, rows=len(page.records)))
        if fetched >= first.total or not page.records:
            break
    else:
        raise SourceChanged(
            source.id, f"listing of {unit} does not end within {MOST_PAGES} pages; ask its owner", kind="LIMIT"
        )
    if fetched != first.total:
        raise Moving(f"{fetched} rows came, {first.total} were announced")
    _refuse_other_page_count(source, unit, pages, first.page_count)
    return pages, first.total


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
