"""Reads sources: window, pages, archive. A source that is down is a row in the ledger, not an exception."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.domain.schedule import NIGHT_BEGINS, NIGHT_ENDS
from motcua.errors import ConfigError, MotcuaError, SourceError, SourceUnavailable, StaleWrite
from motcua.failpoints import pass_by
from motcua.landing import Archive
from motcua.logs import bound
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.registry import Registry, Source
from motcua.registry.schedules import schedule_of
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.effective import effective
from motcua.steps.kept_ledger import keep_ledger
from motcua.steps.missing import look_again
from motcua.warehouse import Role, holds, ledger, refusals
from motcua.warehouse.pages import Page
from motcua.warehouse.stages import stage_run
from motcua.warehouse.standing import Standing, living_codes, reading, standings

log = logging.getLogger(__name__)

# A source is listed in full once a week, at night: what a late change or a shifted page has hidden is found then. One
# that may only be read by day is listed in full by day.
FULL_LISTING_EVERY = timedelta(days=7)

# Sources read side by side in one process: enough to hide waiting, few enough to stay polite and small.
CONCURRENCY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What reading one source needs."""

    engine: sa.Engine
    cycle: ledger.Cycle
    sources: dict[str, Source]
    connections: Connections
    archive: Archive
    standings: dict[str, Standing]
    due_in_full: set[str]
    misconfigured: list[ConfigError] = field(default_factory=list)


def collect(*, settings: Settings, connections: Connections, cycle_id: int, sources: list[str]) -> dict[str, int]:
    """Reads each source to the end of its listing, or records why not.

    A second try reads only those whose batch of this cycle is not complete.

    Raises:
        ConfigError: none of them could be read, for what is said of them in registry or connections.

    Returns:
        `sources, ok, down, rows`.
    """
    with (
        place.connected(settings, Role.PIPELINE) as engine,
        stage_run(engine, "collect", cycle_id) as run,
        ThreadPoolExecutor(CONCURRENCY) as pool,
    ):
        with engine.connect() as connection:
            done = ledger.finished_batches(connection, cycle_id)
            desk = _Desk(
                engine=engine,
                cycle=ledger.cycle(connection, cycle_id),
                sources=_as_they_count(connection, place.registry(settings.registry), sources),
                connections=connections,
                archive=place.archive(settings, connections),
                standings=standings(connection, sources),
                due_in_full=holds.awaiting_full_listing(connection) | refusals.awaiting_full_listing(connection),
            )
        wanted = [source for source in sources if source not in done]
        # not `map`, which gives up what waits when one raises: an error of ours at one source stops no other
        readings = {name: pool.submit(_read, desk, desk.sources[name]) for name in wanted}
        ours = {name: error for name, reading in readings.items() if (error := reading.exception()) is not None}
        for name, error in ours.items():
            log.error("%s: an error of ours: %s", name, type(error).__name__)
            _record(desk, desk.sources[name], "OURS", error)
        keep_ledger(engine, settings, connections, cycle_id)
        for error in ours.values():
            raise error  # the first: the others' rows are read, and every source's batch says what became of it
        outcomes = [reading.result() for reading in readings.values()]
        run.rows = sum(rows for rows in outcomes if rows is not None)
        run.peak_memory_mb = place.peak_memory_mb()
        down = outcomes.count(None)
        log.info("collected %d sources, %d down, %d rows", len(wanted) - down, down, run.rows)
    if desk.misconfigured and len(desk.misconfigured) == len(wanted):
        raise desk.misconfigured[0]  # nothing could be read at all: whoever asked has something to mend
    return {"sources": len(sources), "ok": len(sources) - down, "down": down, "rows": run.rows}


def _as_they_count(connection: sa.Connection, registry: Registry, names: list[str]) -> dict[str, Source]:
    """The sources with what was changed at run time, such as requests a second."""
    found = effective(connection, (registry.sources[name] for name in names))
    return {name: one.source for name, one in found.items()}


def _read(desk: _Desk, source: Source) -> int | None:
    """Rows read, or None when the source could not be read."""
    with (
        bound(run=desk.cycle.cycle_id, stage="collect", source=source.id, batch=_batch_id(desk.cycle, source)),
        desk.engine.connect() as connection,
        reading(connection, source.id) as is_ours,
    ):
        try:
            if not is_ours:
                raise SourceUnavailable(source.id, "another cycle is reading it; the next one does", kind=ledger.BUSY)
            window = _window(desk, source)
            pass_by("collect.before_listing")
            listing = _listing(desk, connection, source, window)
        except SourceError as error:
            log.warning("could not be read: %s", error)
            _record(desk, source, error.kind, error)
            return None
        except ConfigError as error:  # of this source alone: its connection, or what is said of it
            log.warning("could not be read: %s: %s", source.id, error)
            _record(desk, source, "CONFIG", error)
            desk.misconfigured.append(error)
            return None
        pass_by("collect.before_batch_recorded")
        try:
            with connection.begin():
                _keep(connection, desk.cycle, source, window, listing)
                pass_by("collect.before_batch_committed")
        except StaleWrite as late:  # a task whose worker died may live on beside the one that is tried again
            log.warning("left as it is: %s", late)
            return 0
        pass_by("collect.after_batch_recorded")
    return listing.fetched


def _listing(desk: _Desk, connection: sa.Connection, source: Source, window: Window) -> Listing:
    """The listing of a window; one of everything is looked through for what we have and it lacks."""
    account = desk.connections.get(source.connection)
    read = partial(PLATFORMS[source.platform].read_listing, source, account, keep=desk.archive.put)
    listing = read(window)
    if window.since is not None:
        return listing
    with connection.begin():
        held = living_codes(connection, source.id, before=window.until)
    return look_again(source, window, listing, held, read=read, body=desk.archive.get)


def _keep(connection: sa.Connection, cycle: ledger.Cycle, source: Source, window: Window, listing: Listing) -> None:
    """The batch exists from here on."""
    ledger.record_collected(
        connection, batch_id=_batch_id(cycle, source), at=cycle, source_id=source.id, kind=_kind(window),
        window=(window.since, window.until), pages=[Page(page.sha256, page.note) for page in listing.pages],
        announced=listing.announced, fetched=listing.fetched, clock_skew_seconds=listing.clock_skew_seconds,
    )  # fmt: skip


def _record(desk: _Desk, source: Source, error_kind: str, error: BaseException) -> None:
    """The batch that failed. What we did not raise on purpose may quote a page: its class is enough here."""
    window = _window(desk, source)
    with desk.engine.begin() as connection:
        ledger.record_failed(
            connection, batch_id=_batch_id(desk.cycle, source), at=desk.cycle, source_id=source.id,
            kind=_kind(window), window=(window.since, window.until), error_kind=error_kind,
            error=str(error) if isinstance(error, MotcuaError) else type(error).__name__,
        )  # fmt: skip


def _batch_id(cycle: ledger.Cycle, source: Source) -> str:
    return f"{cycle.cycle_id}.{source.id}"


def _kind(window: Window) -> str:
    return "full" if window.since is None else "window"


def _window(desk: _Desk, source: Source) -> Window:
    """What to ask a source for, by its own clock: where that is ahead of ours, so is what has just changed."""
    standing = desk.standings.get(source.id)
    ahead = timedelta(seconds=max(standing.clock_skew_seconds, 0.0)) if standing else timedelta()
    until = desk.cycle.as_of + ahead
    if desk.cycle.since is not None:
        return Window(since=desk.cycle.since, until=until)
    if (
        standing is None
        or standing.watermark is None
        or desk.cycle.is_full
        or source.id in desk.due_in_full
        or _is_full_listing_due(source, standing, desk.cycle.as_of)
    ):
        return Window(since=None, until=until)
    return Window(since=standing.watermark - source.overlap, until=until)


def _is_full_listing_due(source: Source, standing: Standing, as_of: datetime) -> bool:
    hour = as_of.astimezone(VIETNAM).time()
    is_night = not NIGHT_ENDS <= hour < NIGHT_BEGINS or schedule_of(source).is_for_days_alone()
    listed_at = standing.full_listing_as_of
    return is_night and (listed_at is None or as_of - listed_at >= FULL_LISTING_EVERY)
