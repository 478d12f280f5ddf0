"""Looks at everything once and keeps what changed: incidents open, worsen and close here, and nobody is told yet."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime
from typing import Any

from motcua.domain.incidents import advance
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.troubles import troubles
from motcua.warehouse import Role
from motcua.warehouse import incidents as ledger

log = logging.getLogger(__name__)


def watch(*, settings: Settings, as_of: datetime, now: datetime) -> dict[str, int]:
    """Looks, and keeps incidents; the same look twice changes nothing.

    Args:
        settings: where things live.
        as_of: the moment that sources are judged at; aware.
        now: the clock's moment, by which our own programs are judged.

    Returns:
        `opened, worsened, closed` at this look, and how many are `open` after it.
    """
    found = troubles(settings=settings, as_of=as_of, now=now)
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


def note_missed_deadline(*, settings: Settings, dag_id: str, run_key: str, at: datetime) -> None:
    """A run had not ended at its deadline; the next look makes an incident of it."""
    with place.connected(settings, Role.NOTIFIER) as engine, engine.begin() as connection:
        ledger.note_missed_deadline(connection, dag_id=dag_id, run_key=run_key, at=at)
