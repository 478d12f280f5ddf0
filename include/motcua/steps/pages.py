"""Records of archived pages, whole or redacted: what is mapped, and what is erased, is read here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from motcua.errors import PageGone
from motcua.landing import Archive, Redacted
from motcua.mapping import Record
from motcua.platforms import PLATFORMS
from motcua.registry import Source


def records_of(
    archive: Archive, sha256: str, *, source: Source, note: Mapping[str, str]
) -> tuple[Iterable[Record | None], int]:
    """A page's records in order, None in the place of each that was erased, and the size of the page in bytes.

    Raises:
        PageGone: it is past its time, or was redacted before this source was known to read it.
    """
    page = archive.open(sha256)
    if not isinstance(page, Redacted):
        return PLATFORMS[source.platform].records(page, source=source, note=note), len(page)
    kept = page.readings.get(reading_key(source.id, note))
    if kept is None:
        raise PageGone(f"page {sha256}: a dossier was erased from it, and what is left was not read by {source.id}")
    return page.lists[kept], page.size


def reading_key(source_id: str, note: Mapping[str, str]) -> str:
    """What a page's records depend on besides its bytes."""
    return f"{source_id} {json.dumps(dict(note), sort_keys=True, ensure_ascii=False)}"
