"""A unit's listing read to its real end: again when it moved meanwhile, and on where a source stops in silence.

Some installations stop a listing, and its total, at exactly so many rows (contract page `source-platforms`, "real
installations misbehave"). Rows come in the order of their change, so that the window from the last change on must hold
nothing new; where it does, the listing was cut, and is read on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from motcua.errors import SourceChanged
from motcua.platforms.base import READINGS, Keep, Moving, PageRef, Record, Window
from motcua.registry import Source

# No installation is known to stop earlier; a shorter listing is not asked for its end again.
SMALLEST_CAP = 100

ChangedAt = Callable[[Record], datetime | None]


class Tail:
    """The end of a listing.

    Attributes:
        newest: greatest change time of its rows; None when none is readable.
        at_newest: how many rows have it.
        rows: how many rows there are.
    """

    def __init__(self, changed_at: ChangedAt) -> None:
        self.newest: datetime | None = None
        self.at_newest = 0
        self.rows = 0
        self._changed_at = changed_at

    def add(self, records: Iterable[Record]) -> None:
        """Takes in the rows of a page."""
        for record in records:
            self.rows += 1
            moment = self._changed_at(record)
            if moment is None or (self.newest is not None and moment < self.newest):
                continue
            self.at_newest = self.at_newest + 1 if moment == self.newest else 1
            self.newest = moment


ReadUnit = Callable[[Window, Keep, Tail], tuple[list[PageRef], int | None]]


@dataclass(frozen=True, slots=True)
class _Reading:
    pages: list[PageRef]
    announced: int | None
    tail: Tail


def read_whole(
    source: Source, unit: str, window: Window, *, keep: Keep, read: ReadUnit, changed_at: ChangedAt
) -> tuple[list[PageRef], int | None]:
    """All pages of a unit's listing, and the total that was announced; rows of a border may come twice.

    Args:
        source: whose listing.
        unit: which of its units.
        window: change times asked for.
        keep: archives a page.
        read: reads a window once, page by page, and tells the tail of each page's records; raises `Moving`.
        changed_at: change time of a record, None when it is not readable.

    Raises:
        SourceChanged: it would not hold still (`CHANGED_WHILE_READING`), or more rows have one change time than it
            lists at once (`CAP`).
    """
    first = _read_still(source, unit, window, keep, read, changed_at)
    pages, announced, tail, largest = first.pages, first.announced, first.tail, first.tail.rows
    is_cut = False
    while tail.rows >= SMALLEST_CAP and tail.newest is not None and not window.by_change:
        bodies: list[bytes] = []
        rest = replace(window, since=tail.newest)
        more = _read_still(source, unit, rest, _noting(bodies), read, changed_at)
        if more.tail.rows == tail.at_newest and (more.tail.rows < largest or not is_cut):
            break  # the rows that have the last change time, and nothing else
        is_cut = True
        if more.tail.newest == tail.newest and more.tail.rows >= largest:
            raise SourceChanged(
                source.id, f"listing of {unit} stops at {largest} rows, and more than that have the change time "
                f"{tail.newest:%Y-%m-%d %H:%M:%S}: nothing after them can be read; ask its owner to lift the limit",
                kind="CAP",
            )  # fmt: skip
        for body in bodies:
            keep(body)
        pages = pages + more.pages
        announced = None if announced is None or more.announced is None else announced + more.announced
        if more.tail.rows < largest:
            break
        tail, largest = more.tail, max(largest, more.tail.rows)
    return pages, announced


def _read_still(
    source: Source, unit: str, window: Window, keep: Keep, read: ReadUnit, changed_at: ChangedAt
) -> _Reading:
    """Reads a window until it holds still, at most `READINGS` times."""
    for _ in range(READINGS):
        tail = Tail(changed_at)
        try:
            pages, announced = read(window, keep, tail)
        except Moving as moving:
            reason = str(moving)
        else:
            return _Reading(pages, announced, tail)
    raise SourceChanged(
        source.id,
        f"the listing of {unit} changed while it was read, {READINGS} times: {reason}; it is read again next cycle",
        kind="CHANGED_WHILE_READING",
    )


def _noting(bodies: list[bytes]) -> Keep:
    """Pages that turn out to say nothing new need no place in the archive."""

    def note(body: bytes) -> str:
        bodies.append(body)
        return hashlib.sha256(body).hexdigest()

    return note
