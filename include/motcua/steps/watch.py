"""Looks at everything once and keeps what changed: incidents open, worsen and close here, and nobody is told yet."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.domain.incidents import advance
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.troubles import troubles
from motcua.warehouse import Role
from motcua.warehouse import incidents as ledger
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)


def watch(
    *, settings: Settings, as_of: datetime, now: datetime, channels: Collection[str] | None = None
) -> dict[str, int]:
    """Looks, and keeps incidents; the same look twice changes nothing.

    Args:
        settings: where things live.
        as_of: the moment that sources are judged at; aware.
        now: the clock's moment, by which our own programs are judged.
        channels: by which people are told; a channel that is no more is no trouble. None: nobody knows here.

    Returns:
        `opened, worsened, closed` at this look, and how many are `open` after it.
    """
    found = troubles(settings=settings, as_of=as_of, now=now, channels=channels)
    with place.connected(settings, Role.NOTIFIER) as engine, engine.begin() as connection:
        ledger.alone(connection)
        kinds = place.registry(settings.registry).alerts.kinds
        steps = advance(ledger.alive(connection), found, as_of=as_of, kinds=kinds)
        ledger.keep(connection, steps, as_of)
    changes = Counter(step.change for step in steps if step.change)
    counts = {name: changes[name] for name in ("opened", "worsened", "closed")}
    counts["open"] = sum(step.incident.is_open for step in steps)
    log.info("watched: %s", counts)
    return counts


# Any: rows, shaped as `api.incident`
def incidents(*, settings: Settings, closed_since: datetime | None = None) -> list[dict[str, Any]]:
    """What is open, and what has closed since a moment, where one is given; the newest first."""
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        return ledger.listed(connection, closed_since=closed_since)


@contextmanager
def noted(*, settings: Settings, stage: str) -> Iterator[None]:
    """Keeps how a stage without a cycle ended, for the next look; with the warehouse away it runs all the same."""
    with place.connected(settings, Role.NOTIFIER) as engine:
        try:
            with engine.connect():
                pass
        except sa.exc.OperationalError as away:
            log.warning("how %s ends is not kept: %s", stage, type(away.orig).__name__)
            yield
            return
        with stage_run(engine, stage, None):
            yield


def note_missed_deadline(*, settings: Settings, dag_id: str, run_key: str, at: datetime) -> None:
    """A run had not ended at its deadline; the next look makes an incident of it."""
    with place.connected(settings, Role.NOTIFIER) as engine, engine.begin() as connection:
        ledger.note_missed_deadline(connection, dag_id=dag_id, run_key=run_key, at=at)
