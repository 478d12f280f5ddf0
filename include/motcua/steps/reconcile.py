"""Compares the ledger with what the Government portal holds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from motcua.connections import Connections
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.deliver import PORTAL
from motcua.warehouse import Role
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)


def reconcile(
    *, settings: Settings, connections: Connections, as_of: datetime, clock: Callable[[], datetime]
) -> dict[str, int | str | None]:
    """Looks up what the portal should hold and mends what differs; returns at once when a drain is at work.

    Returns:
        Counts as in `api.reconciliation`, and `stopped`, the reason for ending early, or None.
    """
    from motcua.publishing import government

    with place.connected(settings, Role.SENDER) as engine, stage_run(engine, "reconcile", None) as run:
        done = government.reconcile(
            engine,
            connections.get(PORTAL),
            place.registry_in_force(settings.registry, engine),
            as_of=as_of,
            clock=clock,
        )
        run.rows, run.peak_memory_mb = int(done["looked_up"] or 0), place.peak_memory_mb()
    log.info("compared with the portal: %s", done)
    if done["reported"]:
        log.warning(
            "%s dossiers differ at the portal though they were told again: issues portal_differs say which",
            done["reported"],
        )
    if done["stopped"] is not None:
        log.warning("the comparison stopped early: %s", done["stopped"])
    return done
