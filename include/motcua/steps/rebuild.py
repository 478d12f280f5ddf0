"""The warehouse as it was at a moment, rebuilt from the archive in a schema of its own beside the real one.

No source is asked, and nothing outside that schema is written: no watermark, no outbox, no publication. What the real
warehouse merged is judged and merged again, by the rules and the registry of now, in the order in which it was.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count, groupby
from typing import TypedDict

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.errors import ConfigError, MotcuaError
from motcua.files import Files
from motcua.landing import Archive
from motcua.registry import Source
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.consolidate import consolidate_again
from motcua.steps.cycles import packed
from motcua.steps.judge import judge
from motcua.steps.pages import records_of
from motcua.steps.workers import workers
from motcua.warehouse import Role, kept, rebuilt
from motcua.warehouse.pages import Page, pages_of
from motcua.warehouse.rebuilt import Event

log = logging.getLogger(__name__)

# class of a batch of which the archive has not all pages any more
PAGES_GONE = "PAGES_GONE"


class Missing(TypedDict):
    """A batch that is left out: what changed in it is known only where a later batch told it again."""

    batch_id: str
    source_id: str
    as_of: str
    pages: list[str]
    reason: str


class Rebuilt(TypedDict):
    """What was rebuilt, of how much, and what is missing."""

    schema: str
    as_of: str
    cycles: int
    batches: int
    accepted: int
    dossiers: int
    versions: int
    missing: list[Missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Portion:
    """Batches of one cycle that are judged and merged together, and those of it that never were."""

    cycle_id: int
    part: str
    merges: list[Event]
    noted: list[Event]


def rebuild(
    *,
    settings: Settings,
    connections: Connections,
    as_of: datetime,
    schema: str | None = None,
    replaces: bool = False,
    from_archive: bool = False,
    say: Callable[[str], None] = log.info,
) -> Rebuilt:
    """Rebuilds the warehouse as of a moment: whole, or nothing is left of it.

    Args:
        settings: where things live.
        connections: for the key of the archive.
        as_of: what was merged as of this moment, or before; aware. A mass change that was accepted only after a cycle
            of a later moment had begun is held, as it was.
        schema: `rebuilt_…`; named after the moment when absent.
        replaces: an older one of that name is removed first.
        from_archive: what was merged is read from the archive, too, and not from the warehouse, which may be lost.
        say: gets a line a cycle.

    Raises:
        ConfigError: `as_of` has no zone, the schema cannot be made, a source is in the registry no more, or no page
            at all can be read; or the archive tells of no cycle.
    """
    if as_of.tzinfo is None:
        raise ConfigError(f"as_of: expected a time with its zone, got {as_of.isoformat()}; add +07:00")
    name = rebuilt.checked(schema or f"rebuilt_{as_of.astimezone(VIETNAM):%Y%m%dt%H%M}")
    with place.connected_as_owner(settings) as owner:
        with owner.begin() as connection:
            rebuilt.create(connection, name, replace=replaces)
        beside = replace(settings, schema=name, staging_url=f"{settings.staging_url}/{name}")
        try:
            look = _from_archive(settings, connections) if from_archive else kept.look_at_warehouse
            done = _fill(beside, place.KeyAlone(connections), as_of, look, say)
            with owner.begin() as connection:
                rebuilt.finish(connection, name, _told(done))
        except BaseException:  # an interruption, too: half of a warehouse would be taken for one
            with owner.begin() as connection:
                rebuilt.drop(connection, name)
            raise
        finally:
            Files(beside.staging_url).remove("")
    log.info("rebuilt %s: %d batches, %d missing", name, done["batches"], len(done["missing"]))
    return done


def rebuilt_warehouses(*, settings: Settings) -> list[dict[str, object]]:
    """Rebuilt warehouses: `schema`, and `told`, what was said of it at its end; None: it was not finished."""
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return rebuilt.listed(connection)


def drop_rebuilt(*, settings: Settings, schema: str) -> None:
    """Removes a rebuilt warehouse.

    Raises:
        ConfigError: there is none of that name.
    """
    with place.connected_as_owner(settings) as owner, owner.begin() as connection:
        rebuilt.drop(connection, schema)


def _from_archive(settings: Settings, connections: Connections) -> Callable[[sa.Connection], None]:
    documents = list(place.kept_ledgers(settings, connections).read())
    if not documents:
        raise ConfigError(
            f"{settings.archive_url} tells of no cycle: rebuild from the warehouse, without --from-archive"
        )
    return partial(kept.look_at_documents, documents=documents)


def _fill(
    settings: Settings, connections: Connections, as_of: datetime, look: Callable[[sa.Connection], None],
    say: Callable[[str], None],
) -> Rebuilt:  # fmt: skip
    again = _Again(settings, connections)
    with place.connected(settings, Role.PIPELINE) as engine:
        with engine.begin() as connection:
            look(connection)
            cycles = rebuilt.take_ledger(connection, as_of)
            _refuse_unknown(rebuilt.sources_told(connection), settings)
        import motcua.quality  # noqa: F401  # loaded here, so that the workers share it

        with engine.connect() as reading, workers(settings.workers) as pool:

            def judge_one(portion: _Portion) -> Future[list[Missing]]:
                return pool.submit(_judge, settings, connections, portion)

            portions = _portions(rebuilt.history(reading))
            for portion, judged in _ahead(judge_one, portions, at_once=settings.workers + 1):
                again.merge(engine, portion, judged.result())
                say(f"cycle {portion.cycle_id}: {again.batches} batches, {len(again.missing)} missing")
        with engine.begin() as connection:
            look(connection)
            rebuilt.take_holds(connection, as_of)
            counts = rebuilt.counts(connection)
    if again.missing and not again.batches:
        raise ConfigError(f"nothing can be read from the archive; of batch {again.missing[0]['batch_id']}: "
                          f"{again.missing[0]['reason']}")  # fmt: skip
    return {
        "schema": str(settings.schema), "as_of": as_of.isoformat(), "cycles": cycles, "batches": again.batches,
        "accepted": again.accepted, "dossiers": counts["dossiers"], "versions": counts["versions"],
        "missing": again.missing,
    }  # fmt: skip


def _told(done: Rebuilt) -> str:
    return (
        f"as of {done['as_of']}: {done['batches']} batches of {done['cycles']} cycles, {done['dossiers']} dossiers, "
        f"{len(done['missing'])} batches missing"
    )


def _refuse_unknown(sources: set[str], settings: Settings) -> None:
    unknown = sorted(sources - place.registry(settings.registry).sources.keys())
    if unknown:
        raise ConfigError(
            f"not in the registry any more: {', '.join(unknown)}; what they told cannot be read without it: put them "
            "back, with `until`"
        )


def _portions(history: Iterator[Event]) -> Iterator[_Portion]:
    """What happened, cut where another cycle follows, and into parts that fit into memory."""
    numbers = count(1)
    for cycle_id, happened in groupby(history, key=lambda event: event.cycle_id):
        events = list(happened)
        merges = [event for event in events if event.kind == "merge"]
        noted = [event for event in events if event.kind != "merge"]
        for some in packed(merges, lambda event: event.fetched) or [[]]:
            yield _Portion(cycle_id=cycle_id, part=f"{cycle_id}.again-{next(numbers)}", merges=some, noted=noted)
            noted = []


def _ahead(
    run: Callable[[_Portion], Future[list[Missing]]], portions: Iterator[_Portion], *, at_once: int
) -> Iterator[tuple[_Portion, Future[list[Missing]]]]:
    """Each portion, when those before it are merged; the next ones are being judged by then.

    Not those of a replay: what is judged there is what stands in quarantine at that moment.
    """
    waiting: deque[tuple[_Portion, Future[list[Missing]]]] = deque()
    for portion in portions:
        while waiting and (len(waiting) >= at_once or any(event.is_replay for event in portion.merges)):
            yield waiting.popleft()
        waiting.append((portion, run(portion)))
    while waiting:
        yield waiting.popleft()


def _judge(settings: Settings, connections: Connections, portion: _Portion) -> list[Missing]:
    """Judges what the archive still has; the batches that it has not."""
    batches = [event.batch_id for event in portion.merges]
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        rebuilt.reopen(connection, batches)
    run = partial(judge, settings=settings, connections=connections, cycle_id=portion.cycle_id, part=portion.part)
    missing: list[Missing] = []
    try:
        if batches:
            run(batches=batches)
    except MotcuaError:
        missing = _unreadable(settings, connections, portion)
        if not missing:
            raise
        if rest := _without(batches, missing):
            run(batches=rest)
    return missing


def _unreadable(settings: Settings, connections: Connections, portion: _Portion) -> list[Missing]:
    """Batches of which not all pages can be had: expired, erased, or lost."""
    archive = place.archive(settings, connections)
    of = {event.source_id: event for event in portion.merges}
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        pages = pages_of(connection, [event.batch_id for event in portion.merges])
    registry = place.registry(settings.registry)
    found: list[Missing] = []
    for batch in pages:
        source = registry.sources[batch.source_id]
        why = {page.sha256: reason for page in batch.pages if (reason := _why_unreadable(archive, source, page))}
        if why:
            event = of[batch.source_id]
            found.append({
                "batch_id": event.batch_id, "source_id": event.source_id, "as_of": event.as_of.isoformat(),
                "pages": list(why),
                "reason": f"{len(why)} of {len(batch.pages)} pages cannot be read: {next(iter(why.values()))}",
            })  # fmt: skip
    return found


def _why_unreadable(archive: Archive, source: Source, page: Page) -> str | None:
    try:
        records_of(archive, page.sha256, source=source, note=page.note)
    except MotcuaError as error:
        return str(error)
    return None


@dataclass(slots=True)
class _Again:
    """Merges what was judged, in the order in which it was merged before, and counts what comes of it."""

    settings: Settings
    connections: Connections
    batches: int = 0
    accepted: int = 0
    missing: list[Missing] = field(default_factory=list)

    def merge(self, engine: sa.Engine, portion: _Portion, missing: list[Missing]) -> None:
        """Says of the batches that are missing, and of those that never were merged, why."""
        lost = {one["batch_id"]: one["reason"] for one in missing}
        failed = [
            replace(event, kind="failed", error_kind=PAGES_GONE, error=lost[event.batch_id])
            for event in portion.merges
            if event.batch_id in lost
        ]
        with engine.begin() as connection:
            for event in (*portion.noted, *failed):
                rebuilt.note(connection, event)
        for one in missing:
            log.warning("batch %s is left out: %s", one["batch_id"], one["reason"])
        self.missing += missing
        if batches := _without([event.batch_id for event in portion.merges], missing):
            merged = consolidate_again(
                settings=self.settings, connections=self.connections, cycle_id=portion.cycle_id, part=portion.part,
                batches=batches,
            )  # fmt: skip
            self.batches += len(batches)
            self.accepted += merged["accepted"]
        place.staging(self.settings, self.connections).forget(portion.part)


def _without(batches: list[str], missing: list[Missing]) -> list[str]:
    gone = {one["batch_id"] for one in missing}
    return [batch_id for batch_id in batches if batch_id not in gone]
