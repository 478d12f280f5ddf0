"""Merges judged batches into the warehouse, one transaction a batch, two batches at a time."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.domain.volume import ordinary
from motcua.errors import StaleWrite
from motcua.failpoints import pass_by
from motcua.landing import Staging
from motcua.logs import bound
from motcua.mapping import SPECS
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.absence import proof
from motcua.steps.kept_ledger import keep_ledger
from motcua.steps.slices import staged
from motcua.warehouse import Role, holds, ledger, refusals
from motcua.warehouse.merge import Batch, Held, Merged, Outcome, Refused, merge
from motcua.warehouse.pages import pages_of
from motcua.warehouse.precedence import Seniority
from motcua.warehouse.session import Judged, stage
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)

# Two sessions keep both cores of the database busy; more would only wait for each other.
SESSIONS = 2
# A restart of the database takes seconds; who loses a deadlock comes back at another moment than who won it.
TRIES, PAUSE_SECONDS = 3, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What the sessions share: the staging area, and what is known of each batch."""

    staging: Staging
    as_of: datetime
    batches: Mapping[str, Batch]
    seniority: Seniority


def consolidate(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Merges the batches of `part`; those that are merged already, or that a newer cycle has overtaken, are left alone.

    Where the frames of each lie, the ledger says: of two tries that judged it the later counts.

    A batch out of its source's band is held: nothing of it is written until a person has decided. One of which every
    dossier is refused has failed, and its source is down.

    What became of the cycle's batches so far is kept in the archive, beside their pages.

    Returns:
        `batches, accepted, quarantined, unchanged, deleted, changed, held, refused, stale`.
    """
    with place.connected(settings, Role.PIPELINE) as engine:
        with engine.connect() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            wanted = _judged(connection, cycle_id, batches)
            registry = place.registry(settings.registry)
            known = _weighed(connection, cycle, _known(connection, cycle, wanted, registry), registry)
        shared = _part(settings, connections, cycle, known)
        shares = [share for some in _by_place(wanted) for share in _shares(some)]
        merged = _merge_all(engine, shared, part, cycle_id, shares) | {"batches": len(batches)}
        keep_ledger(engine, settings, connections, cycle_id)
        return merged


def consolidate_again(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """As `consolidate`, of what was merged before: one batch after the other, as they are named, and none is held.

    Where two sources tell of one dossier, its versions depend on who came first.
    """
    with place.connected(settings, Role.PIPELINE) as engine:
        with engine.connect() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            wanted = _judged(connection, cycle_id, batches)
            known = _known(connection, cycle, wanted, place.registry(settings.registry))
        shared = _part(settings, connections, cycle, known)
        order = {batch_id: number for number, batch_id in enumerate(batches)}
        share = sorted(wanted, key=lambda batch: order[batch.batch_id])
        return _merge_all(engine, shared, part, cycle_id, [share]) | {"batches": len(batches)}


def _judged(connection: sa.Connection, cycle_id: int, batches: Sequence[str]) -> list[ledger.Collected]:
    return [b for b in ledger.batches_in(connection, cycle_id, "judged") if b.batch_id in set(batches)]


def _by_place(wanted: Sequence[ledger.Collected]) -> list[list[ledger.Collected]]:
    """Batches by where their frames lie: those of a part lie together, unless two tries have cut it otherwise."""
    places: dict[str | None, list[ledger.Collected]] = {}
    for batch in wanted:
        places.setdefault(batch.staged, []).append(batch)
    return list(places.values())


def _part(settings: Settings, connections: Connections, cycle: ledger.Cycle, known: Sequence[Batch]) -> _Part:
    return _Part(
        staging=place.staging(settings, connections), as_of=cycle.as_of,
        batches={batch.source_id: batch for batch in known},
        seniority=Seniority.of(place.registry(settings.registry)),
    )  # fmt: skip


def _merge_all(
    engine: sa.Engine, part: _Part, name: str, cycle_id: int, shares: Sequence[Sequence[ledger.Collected]]
) -> dict[str, int]:
    """Merges each share in a session of its own, side by side; counts of what came of them."""
    with stage_run(engine, "consolidate", cycle_id) as run, ThreadPoolExecutor(SESSIONS) as pool:
        some = [share for share in shares if share]
        outcomes = [outcome for done in pool.map(lambda one: _merge_share(engine, part, one), some) for outcome in done]
        merged = [outcome for outcome in outcomes if isinstance(outcome, Merged)]
        run.rows, run.peak_memory_mb = sum(outcome.accepted for outcome in merged), place.peak_memory_mb()
        counts = {entry.name: sum(getattr(outcome, entry.name) for outcome in merged) for entry in fields(Merged)}
        others = {
            "held": sum(isinstance(outcome, Held) for outcome in outcomes),
            "refused": sum(isinstance(outcome, Refused) for outcome in outcomes),
            "stale": outcomes.count(None),
        }
        log.info(
            "%s: merged %d batches, %d held, %d refused: %s",
            name,
            len(merged),
            others["held"],
            others["refused"],
            counts,
        )
    return others | counts


def _known(
    connection: sa.Connection, cycle: ledger.Cycle, wanted: Sequence[ledger.Collected], registry: Registry
) -> list[Batch]:
    """Each batch with what its listing proves."""
    proofs = {
        pages.source_id: proof(pages, registry) for pages in pages_of(connection, [batch.batch_id for batch in wanted])
    }
    return [
        Batch(
            batch_id=one.batch_id, cycle_id=cycle.cycle_id, source_id=one.source_id, as_of=cycle.as_of,
            window_to=one.window_to, is_full=one.is_full, is_replay=one.is_replay, newest_change=one.newest_change,
            judges_held=one.is_replay and cycle.is_full,
            proves_absence=proves is not None, absent_since=proves.since if proves else None,
            is_dated_by_file=SPECS[registry.sources[one.source_id].platform].dated_by_file,
        )
        for one in wanted
        for proves in [proofs[one.source_id]]
    ]  # fmt: skip


def _weighed(
    connection: sa.Connection, cycle: ledger.Cycle, batches: Sequence[Batch], registry: Registry
) -> list[Batch]:
    """Each batch with what is ordinary for its source."""
    until = cycle.as_of.astimezone(VIETNAM).date()
    standings = holds.standings(connection, [batch.source_id for batch in batches], until=until)
    return [
        replace(batch, limits=_limits(batch, standings[batch.source_id], until, registry))
        if batch.source_id in standings and not batch.is_replay
        else batch
        for batch in batches
    ]


def _limits(batch: Batch, standing: holds.Standing, until: date, registry: Registry) -> holds.Limits:
    band = registry.sources[batch.source_id].band
    usual = ordinary(
        standing.history, registry.calendar, since=standing.succeeded_on, until=until, living=standing.living,
        declared=(band.min, band.max) if band else None,
    )  # fmt: skip
    seen = [standing.silent_since] if standing.silent_since else []
    seen += [batch.newest_change.astimezone(VIETNAM).date()] if batch.newest_change else []
    silent = registry.calendar.working_days_between(max(seen), until) if seen else 0
    return holds.Limits(ordinary=usual, silent_days=silent)


def _shares(batches: Sequence[ledger.Collected]) -> list[list[ledger.Collected]]:
    """Cuts batches into as many shares as there are sessions, of about equal rows; sources stay in order."""
    shares: list[list[ledger.Collected]] = [[] for _ in range(SESSIONS)]
    total = sum(batch.fetched for batch in batches) + 1
    done = 0
    for batch in batches:
        shares[done * SESSIONS // total].append(batch)
        done += batch.fetched
    return shares


def _merge_share(engine: sa.Engine, part: _Part, share: Sequence[ledger.Collected]) -> list[Outcome]:
    """Merges some batches together; one by one when the database will not have them: one batch stops no other."""
    try:
        return _merge_patiently(engine, part, share)
    except sa.exc.DBAPIError as error:
        log.error("%s: cannot be merged: %s", ", ".join(batch.source_id for batch in share), type(error.orig).__name__)  # noqa: TRY400  # its text may quote a row
        if len(share) == 1:
            raise
    outcomes: list[Outcome] = []
    failures: list[sa.exc.DBAPIError] = []
    for batch in share:
        try:
            outcomes += _merge_share(engine, part, [batch])
        except sa.exc.DBAPIError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return outcomes


def _merge_patiently(engine: sa.Engine, part: _Part, share: Sequence[ledger.Collected]) -> list[Outcome]:
    """Merges some batches in a session of their own; in a new one when the database lets go of it.

    Who loses a deadlock, waits too long for a lock, or loses the server in the middle, has written nothing of the
    batch at hand; what was merged before stays, and is left alone the second time.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return _merge_in_session(engine, part, share)
        except sa.exc.OperationalError as error:
            if attempt == TRIES:
                raise
            log.warning("merging is tried again (try %d of %d): %s", attempt, TRIES, type(error.orig).__name__)
            time.sleep(PAUSE_SECONDS * attempt * random.uniform(0.5, 1.0))
    raise AssertionError("unreachable: the last try returns or raises")


def _merge_in_session(engine: sa.Engine, part: _Part, share: Sequence[ledger.Collected]) -> list[Outcome]:
    with engine.connect() as connection:
        connection.detach()  # its session tables end with it, however it ends
        stage(connection, _of(part, share))
        pass_by("merge.after_stage")
        return [_merge_one(connection, part, batch) for batch in share]


def _merge_one(connection: sa.Connection, part: _Part, batch: ledger.Collected) -> Outcome:
    known = part.batches[batch.source_id]
    with bound(run=known.cycle_id, stage="consolidate", source=known.source_id, batch=known.batch_id):
        return _merge(connection, known, part.seniority)


def _of(part: _Part, share: Sequence[ledger.Collected]) -> Iterator[Judged]:
    """The rows of some batches, slice by slice; their frames lie in one place."""
    sources, [staged_at] = {batch.source_id for batch in share}, {str(batch.staged) for batch in share}
    # a part of several slices is one source
    is_dated_by_file = any(batch.is_dated_by_file for batch in part.batches.values())
    for judged in staged(part.staging, staged_at, as_of=part.as_of, is_dated_by_file=is_dated_by_file):
        frames: dict[str, pd.DataFrame] = {entry.name: getattr(judged, entry.name) for entry in fields(Judged)}
        yield Judged(**{name: frame[frame["source_id"].isin(sources)] for name, frame in frames.items()})


def _merge(connection: sa.Connection, batch: Batch, seniority: Seniority) -> Outcome:
    try:
        outcome = merge(connection, batch, seniority)
    except StaleWrite as error:
        log.warning("batch %s is left alone: %s", batch.batch_id, error)
        with connection.begin():
            ledger.record_overtaken(connection, batch.batch_id, str(error))
        return None
    match outcome:
        case Held():
            log.warning("batch %s is held: %s; `motcua holds` shows it", batch.batch_id, outcome.reason)
        case Refused():
            log.warning("batch %s is refused: %s", batch.batch_id, outcome.reason)
        # a replay judges what was refused: nothing else is to be expected of it
        case Merged() if not batch.is_replay and refusals.are_many(outcome.accepted, outcome.quarantined):
            seen = outcome.accepted + outcome.quarantined
            log.warning("batch %s: %d of %d dossiers are refused", batch.batch_id, outcome.quarantined, seen)
    return outcome
