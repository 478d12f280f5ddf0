"""Erases a dossier: its records from all archived pages, and what is private of it from the warehouse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypedDict

from motcua.connections import Connections
from motcua.errors import ConfigError, PageGone, SourceError
from motcua.landing import Archive, Redacted
from motcua.mapping import SPECS, Record, columns
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.pages import reading_key, records_of
from motcua.steps.retention import sweep
from motcua.steps.tables import identity_of
from motcua.warehouse import Role, erasures
from motcua.warehouse.pages import Page
from motcua.warehouse.standing import nobody_reading

log = logging.getLogger(__name__)

# Of pages looked through: how often it is told.
TOLD_EVERY = 500


class Erased(TypedDict):
    """What an erasure did.

    `searched, redacted` are pages, `records` are those taken out of them, `orphans` pages that were no batch's and are
    gone. `unread` are pages that could not be looked through; `cycles` are those that have yet to merge what they
    read before. While either is not empty, the dossier may still be there, or come back.
    """

    erasure_id: int
    sources: list[str]
    searched: int
    redacted: int
    records: int
    orphans: int
    unread: list[str]
    cycles: list[int]


def erase(
    *,
    settings: Settings,
    connections: Connections,
    code: str,
    reason: str,
    requested_by: str,
    as_of: datetime,
    say: Callable[[str], None] = log.info,
) -> Erased:
    """Takes a dossier out of every archived page, and what is private of it out of the warehouse.

    Its public facts stay, and so do the records of others on its pages, in their places. A source that still has the
    dossier tells it again. May be run again.

    Raises:
        ConfigError: nobody knows such a dossier, or nobody or no reason is named.
    """
    wanted = columns.dossier_codes([code]).iloc[0]
    if not isinstance(wanted, str) or not requested_by.strip() or not reason.strip():
        raise ConfigError("an erasure needs a dossier's code, a name and a reason: all stay in the ledger")
    identity = identity_of(wanted)
    pages = _Pages(place.archive(settings, connections), place.registry(settings.registry), wanted, say)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        with connection.begin():
            sources = erasures.sources_of(connection, wanted, identity)
            listed = list(erasures.searched(connection, sources))
        pages.search(listed)
        with nobody_reading(connection):
            with connection.begin():
                pages.search(erasures.searched(connection, sources))  # what was read meanwhile
                if not sources and not pages.found:
                    raise ConfigError(f"{code}: no source has told such a dossier; look at its code")
                erasure_id = erasures.begin(
                    connection, identity=identity, reason=reason.strip(), requested_by=requested_by.strip(),
                    as_of=as_of, sources=sources, pages=list(pages.found), records=sum(pages.found.values()),
                )  # fmt: skip
                readings = list(erasures.readings(connection, pages.found))
            pages.redact(readings)
            with connection.begin():
                orphans = sweep(connection, settings, None)["orphans"]
                erasures.erase_private(connection, wanted, sources)
                erasures.end(connection, erasure_id)
        with connection.begin():
            cycles = erasures.cycles_at_work(connection, sources)
    log.info("erased %s from %d of %d pages", identity, len(pages.found), len(pages.searched))
    return {
        "erasure_id": erasure_id, "sources": sources, "searched": len(pages.searched), "redacted": len(pages.found),
        "records": sum(pages.found.values()), "orphans": orphans, "unread": sorted(pages.unread), "cycles": cycles,
    }  # fmt: skip


class _Pages:
    """The archive as an erasure sees it.

    Attributes:
        searched: pages that were looked through.
        found: of these, those with the dossier: how many records of it each has.
        unread: pages that could not be looked through.
    """

    def __init__(self, archive: Archive, registry: Registry, code: str, say: Callable[[str], None]) -> None:
        self.searched: set[str] = set()
        self.found: dict[str, int] = {}
        self.unread: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._archive, self._registry, self._code, self._say = archive, registry, code, say

    def search(self, listed: Iterable[tuple[str, Page]]) -> None:
        """Looks for the dossier on pages, on each once."""
        for source_id, page in listed:
            key = reading_key(source_id, page.note)
            if (page.sha256, key) in self._seen:
                continue
            self._seen.add((page.sha256, key))
            records = self._records(source_id, page)
            if records is None:
                continue
            self.searched.add(page.sha256)
            if len(self.searched) % TOLD_EVERY == 0:
                self._say(f"searched {len(self.searched)} pages, found it on {len(self.found)}")
            if rows := self._rows(source_id, records):
                self.found[page.sha256] = max(len(rows), self.found.get(page.sha256, 0))

    def redact(self, listed: Iterable[tuple[str, Page]]) -> None:
        """Takes the dossier out of the pages on which it was found, as each source reads them."""
        as_read: dict[str, dict[str, tuple[str, Page]]] = {}
        for source_id, page in listed:
            if page.sha256 in self.found:
                as_read.setdefault(page.sha256, {})[reading_key(source_id, page.note)] = source_id, page
        for sha256, readings in as_read.items():
            left = Redacted({}, [])
            for key, (source_id, page) in readings.items():
                records = self._without(source_id, page)
                if records is not None:
                    left = _with(left, key, records)
            self._archive.redact(sha256, left)

    def _without(self, source_id: str, page: Page) -> list[Record | None] | None:
        records = self._records(source_id, page)
        if records is None:
            return None
        erased = self._rows(source_id, records)
        return [None if row in erased else record for row, record in enumerate(records)]

    def _records(self, source_id: str, page: Page) -> list[Record | None] | None:
        """A page's records; None where it is past its time, or cannot be read."""
        source = self._registry.sources.get(source_id)
        try:
            if source is not None:
                return list(records_of(self._archive, page.sha256, source=source, note=page.note)[0])
        except PageGone:
            return None
        except SourceError as error:  # it could be read once, by other code
            log.warning("page %s of %s cannot be read any more: %s", page.sha256, source_id, error)
        self.unread.add(page.sha256)
        return None

    def _rows(self, source_id: str, records: Sequence[Record | None]) -> set[int]:
        """The places of the dossier's records."""
        key = SPECS[self._registry.sources[source_id].platform].code
        codes = columns.dossier_codes([None if record is None else record.get(key) for record in records])
        return {row for row, code in enumerate(codes) if code == self._code}


def _with(left: Redacted, key: str, records: Sequence[Record | None]) -> Redacted:
    """One reading more; most are alike, and lie there once."""
    lists = list(left.lists)
    if records not in lists:
        lists.append(records)
    return Redacted({**left.readings, key: lists.index(records)}, lists)
