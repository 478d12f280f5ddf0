"""What a full listing lacks is looked for once more before its absence counts.

A row may have slipped from one page to another while a listing was read: the second look is by change time, where
nothing slips. Or it has changed since the window ended: what is found beyond that end is known to be there, no more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from motcua.errors import SourceChanged
from motcua.mapping import SPECS, columns
from motcua.platforms import PLATFORMS, Listing, PageRef, Window
from motcua.registry import Source

log = logging.getLogger(__name__)

# what has changed since the window's end, however long ago that is
BEYOND = timedelta(days=366)
# key of a page's note: codes of dossiers that are there, though the listing lacks them
SEEN = "seen"


def look_again(
    source: Source,
    window: Window,
    listing: Listing,
    held: Iterable[str],
    *,
    read: Callable[[Window], Listing],
    body: Callable[[str], bytes],
) -> Listing:
    """A full listing with the pages of a second look that have codes which it lacks, and a note of what changed since.

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
    again = read(replace(window, by_change=True))
    found = [page for page in again.pages if missing & _codes(source, page, body)]
    missing -= set().union(*(_codes(source, page, body) for page in found))
    pages = [*listing.pages, *found]
    if missing:
        seen = _changed_since(source, window, missing, read, body)
        pages[-1] = replace(pages[-1], note={**pages[-1].note, SEEN: " ".join(sorted(seen))})
    return replace(listing, pages=tuple(pages), fetched=listing.fetched + sum(page.rows for page in found))


def _changed_since(
    source: Source, window: Window, missing: set[str], read: Callable[[Window], Listing], body: Callable[[str], bytes]
) -> set[str]:
    """Those of the missing that have changed since the window's end; the next cycle reads how."""
    try:
        later = read(Window(since=window.until, until=window.until + BEYOND))
    except SourceChanged as error:  # some refuse to be asked about what is yet to come
        log.warning("%d dossiers are missing, and do not count as gone: %s", len(missing), error)
        return missing
    return missing & set().union(*(_codes(source, page, body) for page in later.pages))


def _codes(source: Source, page: PageRef, body: Callable[[str], bytes]) -> set[str]:
    """Codes of a page's records, as a mapping reads them."""
    key = SPECS[source.platform].code
    records = PLATFORMS[source.platform].records(body(page.sha256), source=source, note=page.note)
    return set(columns.dossier_codes([record.get(key) for record in records]).dropna())
