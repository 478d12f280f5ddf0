"""Tries sources without reading them in: reached, logged in, a page mapped, its completeness proven. Keeps nothing."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from motcua.connections import Connections
from motcua.domain.codes import canonical_agency
from motcua.domain.status import UNKNOWN
from motcua.errors import ConfigError, MotcuaError, SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.landing import Archive
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.platforms import PLATFORMS, Listing, PageRef, Window
from motcua.registry import Registry, Source
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force, named

log = logging.getLogger(__name__)

CONCURRENCY = 8
# For one source, whatever it does.
LIMIT_SECONDS = 90
# A window is widened until it holds so many rows, that one bad dossier does not speak for a source …
ENOUGH_ROWS = 20
# … from a day, which is small everywhere, to everything.
REACHES = (timedelta(days=1), timedelta(days=8), timedelta(days=60), timedelta(days=400), None)
# Rows of a page that are mapped: those of a register file can be very many.
SAMPLE = 1_000

# What says of a listing that its end is not to be trusted, though its pages can be read.
INCOMPLETE = {"CHANGED_WHILE_READING", "LIMIT", "CAP", "UNFINISHED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """How far one source came: true, false, or None for what could not be tried after something else had failed.

    Attributes:
        source_id: as in the registry.
        platform: what it speaks.
        reached: it answers.
        logged_in: it lets our account in.
        mapped: a page of it was read, and its rows are dossiers as its platform writes them.
        complete: a listing reached its end, as its platform proves it.
        rows: of that listing.
        kind: class of what is wrong; None when all four are true.
        message: what is wrong, and what to do.
    """

    source_id: str
    platform: str
    reached: bool | None = None
    logged_in: bool | None = None
    mapped: bool | None = None
    complete: bool | None = None
    rows: int = 0
    kind: str | None = None
    message: str | None = None

    @property
    def is_green(self) -> bool:
        """Whether it can be relied on."""
        return self.kind is None


def check_sources(
    *,
    settings: Settings,
    connections: Connections,
    sources: Sequence[str],
    as_of: datetime,
    limit_seconds: int = LIMIT_SECONDS,
) -> list[SourceCheck]:
    """Checks sources side by side; those named, in their order, or all that are in force at `as_of`.

    Each has `limit_seconds`, or its own time budget where that is shorter.

    Raises:
        ConfigError: a source is not in the registry.
    """
    registry = place.registry(settings.registry)
    chosen = named(registry, sources) or in_force(registry, as_of)
    bounded = [replace(one, time_budget_seconds=min(limit_seconds, one.time_budget_seconds)) for one in chosen]
    pool = ThreadPoolExecutor(CONCURRENCY)
    try:
        tried = [(source, pool.submit(_check, source, connections, as_of, registry)) for source in bounded]
        return [_outcome(source, check) for source, check in tried]
    finally:
        pool.shutdown(cancel_futures=True)  # at Ctrl-C those that have not begun never do


def _outcome(source: Source, check: Future[SourceCheck]) -> SourceCheck:
    """What came of it; an error of ours at one source is a red line, and hides no other's."""
    error = check.exception()
    if error is None:
        return check.result()
    log.debug("%s: where it happened:", source.id, exc_info=error)
    ours = SourceCheck(source_id=source.id, platform=source.platform, kind="OURS")
    # what we did not raise on purpose may quote a page: its class is enough here
    return replace(ours, message=str(error) if isinstance(error, MotcuaError) else type(error).__name__)


def _check(source: Source, connections: Connections, as_of: datetime, registry: Registry) -> SourceCheck:
    found = SourceCheck(source_id=source.id, platform=source.platform)
    with TemporaryDirectory(prefix="motcua-check-") as folder:
        # sealed with a key that nobody keeps: applicants' data never lies open, here neither
        pages = Archive(Path(folder).as_uri(), secrets.token_bytes(32))
        try:
            listing = _some_rows(source, connections, as_of, pages)
        except (ConfigError, SourceError) as error:
            return _failed(found, error, answered=any(Path(folder).rglob("*.zst")))
        found = replace(found, reached=True, logged_in=True, complete=True, rows=listing.fetched)
        try:
            _refuse_unlike(source, listing, pages, registry)
        except SourceError as error:
            return replace(found, mapped=False, kind=error.kind, message=error.message)
    return replace(found, mapped=True)


def _some_rows(source: Source, connections: Connections, as_of: datetime, pages: Archive) -> Listing:
    """The listing of the smallest of our windows that holds enough rows, read to its end."""
    connection = connections.get(source.connection)
    deadline = time.monotonic() + source.time_budget_seconds
    for reach in REACHES:
        left = max(1, round(deadline - time.monotonic()))
        window = Window(since=as_of - reach if reach else None, until=as_of)
        listing = PLATFORMS[source.platform].read_listing(
            replace(source, time_budget_seconds=left), connection, window, keep=pages.put
        )
        if listing.fetched >= ENOUGH_ROWS:
            break
    return listing


def _failed(found: SourceCheck, error: ConfigError | SourceError, *, answered: bool) -> SourceCheck:
    """Where a reading that failed came to its end; `answered`: it had given a page before."""
    if isinstance(error, ConfigError):
        return replace(found, kind="CONFIG", message=str(error))
    found = replace(found, kind=error.kind, message=error.message, reached=True)
    if isinstance(error, SourceRefused):
        return replace(found, logged_in=False)
    if error.kind in INCOMPLETE:
        return replace(found, logged_in=True, complete=False)
    if isinstance(error, SourceUnavailable):
        is_cut = replace(found, logged_in=True, complete=False)
        return is_cut if answered else replace(found, reached=error.kind == "RATE_LIMIT")
    return replace(found, logged_in=answered or None, mapped=False)


def _refuse_unlike(source: Source, listing: Listing, pages: Archive, registry: Registry) -> None:
    """Maps a page of the listing.

    Raises:
        SourceChanged: there is no row at all, or something is wrong with every row of the page alike.
    """
    page = next((page for page in listing.pages if page.rows), None)
    if page is None:
        raise SourceChanged(
            source.id, f"lists nothing at all for {', '.join(source.units)}: ask its owner whether our account may see "
            "the dossiers of this unit, and whether there are any", kind="EMPTY",
        )  # fmt: skip
    rows = _mapped(source, page, pages, registry)
    if faults := _common_faults(source, rows[~rows["deleted"]]):
        raise SourceChanged(
            source.id, f"each of {len(rows)} rows: {'; '.join(faults)}: look at the unit, `codes` and `columns` in the "
            "registry, then ask its owner what changed", kind="MAPPING",
        )  # fmt: skip


def _mapped(source: Source, page: PageRef, pages: Archive, registry: Registry) -> pd.DataFrame:
    platform = PLATFORMS[source.platform]
    records = list(islice(platform.records(pages.get(page.sha256), source=source, note=page.note), SAMPLE))
    spec = SPECS[source.platform]
    return map_records([PageRecords(page.sha256, records)], spec, registry, own_codes=source.codes).dossiers


def _common_faults(source: Source, living: pd.DataFrame) -> list[str]:
    """What every row has in common that would refuse it: then it is no mistake of an office, but of the reading."""
    if living.empty:
        return []
    missing = set.intersection(*map(set, living["missing"].fillna("").str.split(","))) - {""}
    faults = [f"{column} is missing" for column in sorted(missing)]
    faults += [
        f"{column} is written in words that its code table does not have"
        for column in ("status", "channel")
        if column not in missing and (living[column] == UNKNOWN).all()
    ]
    own = {canonical_agency(unit) for unit in source.units}
    if not living["agency_code"].isin(own).any():
        faults.append("agency_code is of another unit")
    return faults
