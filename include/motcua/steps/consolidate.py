"""Merges judged batches into the warehouse, one transaction a batch, two batches at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import sqlalchemy as sa

from motcua.connections import Connections
from motcua.errors import StaleWrite
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.judge import FRAMES
from motcua.warehouse import Role, ledger
from motcua.warehouse.merge import Batch, Judged, Merged, merge, stage

log = logging.getLogger(__name__)

# Two sessions keep both cores of the database busy; more would only wait for each other.
SESSIONS = 2


def consolidate(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Merges the batches of `part`; those that are merged already, or that a newer cycle has overtaken, are left alone.

    Returns:
        `batches, accepted, quarantined, unchanged, deleted, changed, stale`.
    """
    staging = place.staging(settings, connections)
    with (
        place.connected(settings, Role.PIPELINE) as engine,
        ledger.stage_run(engine, "consolidate", cycle_id) as run,
        ThreadPoolExecutor(SESSIONS) as pool,
    ):
        with engine.connect() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            wanted = [b for b in ledger.batches_in(connection, cycle_id, "judged") if b.batch_id in set(batches)]
        frames = (
            [pd.concat([staging.read(one, name) for one in staging.parts(part)]) for name in FRAMES] if wanted else []
        )
        shares = [share for share in _shares(wanted) if share]
        outcomes = [
            outcome
            for share in pool.map(lambda some: _merge_share(engine, cycle, some, frames), shares)
            for outcome in share
        ]
        run.rows, run.peak_memory_mb = len(frames[0]) if frames else 0, place.peak_memory_mb()
    merged = [outcome for outcome in outcomes if outcome is not None]
    counts = {
        name: sum(getattr(outcome, name) for outcome in merged)
        for name in ("accepted", "quarantined", "unchanged", "deleted", "changed")
    }
    log.info("merged %d batches: %s", len(merged), counts)
    return {"batches": len(batches), "stale": len(outcomes) - len(merged)} | counts


def _shares(batches: Sequence[ledger.Collected]) -> list[list[ledger.Collected]]:
    """Cuts batches into as many shares as there are sessions, of about equal rows; sources stay in order."""
    shares: list[list[ledger.Collected]] = [[] for _ in range(SESSIONS)]
    total = sum(batch.fetched for batch in batches) + 1
    done = 0
    for batch in batches:
        shares[done * SESSIONS // total].append(batch)
        done += batch.fetched
    return shares


def _merge_share(
    engine: sa.Engine, cycle: ledger.Cycle, share: Sequence[ledger.Collected], frames: Sequence[pd.DataFrame]
) -> list[Merged | None]:
    sources = {batch.source_id for batch in share}
    with engine.connect() as connection:
        stage(connection, Judged(**{name: _of(frame, sources) for name, frame in zip(FRAMES, frames, strict=True)}))
        outcomes = [_merge(connection, cycle, batch) for batch in share]
        connection.detach()  # its session tables end with it
    return outcomes


def _merge(connection: sa.Connection, cycle: ledger.Cycle, batch: ledger.Collected) -> Merged | None:
    try:
        return merge(
            connection,
            Batch(
                batch_id=batch.batch_id,
                cycle_id=cycle.cycle_id,
                source_id=batch.source_id,
                as_of=cycle.as_of,
                is_full=batch.is_full,
                newest_change=batch.newest_change,
            ),
        )
    except StaleWrite as error:
        log.warning("batch %s is left alone: %s", batch.batch_id, error)
        return None


def _of(frame: pd.DataFrame, sources: set[str]) -> pd.DataFrame:
    return frame[frame["source_id"].isin(sources)]
