"""Tells the Government portal what is due; the only step that talks to it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from motcua.connections import Connections
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse.stages import stage_run

PORTAL = "government_portal"
log = logging.getLogger(__name__)


def drain(
    *, settings: Settings, connections: Connections, clock: Callable[[], datetime], cycle_id: int | None = None
) -> dict[str, int | str | None]:
    """Sends what is due and settles what came of it; returns at once when another sender is at work.

    Returns:
        Counts of what was settled (`accepted, rejected, unknown, superseded`), `queued` left over, `calls`, and
        `stopped`, the reason for ending early, or None.
    """
    from motcua.publishing import government

    with (
        place.connected(settings, Role.SENDER) as engine,
        stage_run(engine, "drain", cycle_id) as run,
    ):
        outcome = government.drain(
            engine, connections.get(PORTAL), place.registry_in_force(settings.registry, engine), clock=clock
        )
        run.rows, run.peak_memory_mb = outcome.accepted, place.peak_memory_mb()
        log.info("told the portal: %s", outcome.as_dict())
        if outcome.stopped is not None:
            log.warning("stopped early: %s; %d dossiers wait, the next run goes on", outcome.stopped, outcome.queued)
    return outcome.as_dict()
