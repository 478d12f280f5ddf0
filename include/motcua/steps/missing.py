"""What a full listing lacks is looked for once more before its absence counts.

A row may have slipped from one page to another while a listing was read, or have changed since the window ended. The
second look is by change time, where nothing slips, and goes beyond that end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from motcua.mapping import SPECS
from motcua.platforms import PLATFORMS, Listing, PageRef, Window
from motcua.registry import Source

# what has changed since the window's end, however long ago that is
BEYOND = timedelta(days=366)


def look_again(
    source: Source,
    window: Window,
    listing: Listing,
    held: Iterable[str],
    *,
    read: Callable[[Window], Listing],
    body: Callable[[str], bytes],
) -> Listing:
    """A full listing, with the pages of a second look that have codes which it lacks.

    Args:
        source: whose listing.
        window: what was asked for.
        listing: what came.
        held: codes of the living dossiers that the source is known to have.
        read: reads a window of the source.
        body: a page from the archive, by its sha256.

    Raises:
        SourceError: the second look failed: nothing is known of what is missing.
    """
    if SPECS[source.platform].dated_by_file:
        return listing  # its files do not move, and absence is proved by two of them
    missing = set(held)
    for page in listing.pages:
        if not missing:
            return listing
        missing -= _codes(source, page, body)
    if not missing:
        return listing
    again = read(replace(window, until=window.until + BEYOND, by_change=True))
    found = [page for page in again.pages if missing & _codes(source, page, body)]
    return replace(listing, pages=(*listing.pages, *found), fetched=listing.fetched + sum(page.rows for page in found))


def _codes(source: Source, page: PageRef, body: Callable[[str], bytes]) -> set[str]:
    """Codes of a page's records, as a mapping reads them."""
    key = SPECS[source.platform].code
    records: Iterable[Mapping[str, object]] = PLATFORMS[source.platform].records(
        body(page.sha256), source=source, note=page.note
    )
    return {str(record.get(key)).strip().upper() for record in records}
