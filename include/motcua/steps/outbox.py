"""The outbox for people: how it stands, what waits and why, and decisions about it, kept with a name and a reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role

log = logging.getLogger(__name__)


# Any: JSON, shaped as `decisions.standing` says
def outbox(*, settings: Settings) -> dict[str, Any]:
    """Deliveries by state, reasons of failures, the sender's breaker and last drain, and the last reconciliation."""
    from motcua.publishing.government import decisions

    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return decisions.standing(connection)


# Any: rows, shaped as `api.delivery`
def deliveries(*, settings: Settings, states: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Deliveries of newest versions in these states, the longest queued first."""
    from motcua.publishing.government import decisions

    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return decisions.listed(connection, states, most)


def retry_deliveries(
    *,
    settings: Settings,
    by: str,
    reason: str,
    at: datetime,
    codes: Sequence[str] = (),
    states: Sequence[str] = (),
    like: str | None = None,
) -> list[str]:
    """Makes deliveries due at once; returns the codes.

    Raises:
        ConfigError: nobody, no reason or nothing is named, a drain is at work, or a code has nothing to tell again.
    """
    return _decide("retry", settings, at, by=by, reason=reason, codes=codes, states=states, like=like)


def drop_deliveries(*, settings: Settings, by: str, reason: str, at: datetime, codes: Sequence[str]) -> list[str]:
    """Ends what waits of these dossiers as given up; returns the codes. Errors as `retry_deliveries`."""
    return _decide("drop", settings, at, by=by, reason=reason, codes=codes, states=(), like=None)


def _decide(
    action: str,
    settings: Settings,
    at: datetime,
    *,
    by: str,
    reason: str,
    codes: Sequence[str],
    states: Sequence[str],
    like: str | None,
) -> list[str]:
    from motcua.publishing.government import decisions

    if not by.strip() or not reason.strip():
        raise ConfigError("a decision about deliveries needs a name and a reason: both stay in the ledger")
    if not (codes or states or like):
        raise ConfigError("name codes, a state or words of a reason: nothing is decided about everything")
    wanted = decisions.Decision(by=by.strip(), reason=reason.strip(), codes=codes, states=states, like=like)
    decide = {"retry": decisions.retry, "drop": decisions.drop}[action]
    with place.connected(settings, Role.SENDER) as engine:
        done = decide(engine, wanted, at)
    if unmet := sorted(set(codes) - set(done)):
        able = {"retry": decisions.CAN_BE_RETRIED, "drop": decisions.CAN_BE_DROPPED}[action]
        raise ConfigError(
            f"{len(done)} of {len(codes)} decided; nothing of {', '.join(unmet[:5])}{' …' if unmet[5:] else ''} is "
            f"{' or '.join(able)}: `motcua trace CODE` shows how it stands"
        )
    log.info("%s: %d dossiers", action, len(done))
    return done
