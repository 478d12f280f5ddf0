"""Mass changes that wait for a person: what there is to decide, and what a decision sets in motion."""

from __future__ import annotations

import logging

from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import Chunk
from motcua.warehouse import Role
from motcua.warehouse import holds as ledger

log = logging.getLogger(__name__)


class HeldChunk(Chunk):
    """One held batch, of a cycle that may be over since."""

    cycle_id: int


def holds(*, settings: Settings, decided: bool = False) -> list[dict[str, object]]:
    """Open holds, the oldest first; with `decided` those that were decided or have lapsed, too.

    Returns:
        Of each: `hold_id, source_id, batch_id, change` (`drop` or `rise`), `reason, before_count, after_count,
        codes_gone, codes_changed, state` (`open, accepted, rejected, lapsed`), `raised_at, decided_at, decided_by,
        decision_reason`.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return ledger.listed(connection, decided=decided)


def decide_hold(*, settings: Settings, hold_id: int, accept: bool, by: str, reason: str) -> HeldChunk | None:
    """Records a person's decision on a held batch.

    Returns:
        The chunk to be judged and consolidated at once when it is accepted, with `cycle_id` of its cycle; else None:
        the last good state stays, and the source is read as before.

    Raises:
        ConfigError: there is no such open hold, or nobody or no reason is named.
    """
    if not by.strip() or not reason.strip():
        raise ConfigError("a decision needs a name and a reason: both stay in the ledger")
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        found = ledger.decide(connection, hold_id, accept=accept, by=by.strip(), reason=reason.strip())
    log.info("hold %d is %s", hold_id, "accepted" if accept else "rejected")
    if found is None:
        return None
    cycle_id, source_id, batch_id = found
    return {"label": source_id, "cycle_id": cycle_id, "part": f"{cycle_id}.hold-{hold_id}", "batches": [batch_id]}
