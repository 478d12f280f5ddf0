"""What people ask of the outbox: how it stands, what waits and why, and what they decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.publishing.government import outbox

_STATES = sa.text("""
SELECT service, state, count(*) AS deliveries, min(queued_at) AS oldest_queued_at
FROM core.delivery GROUP BY service, state ORDER BY service DESC, state
""")
# why what has no good end has none; a reason with a dossier's own words is one of many, and stays in the list
_REASONS = sa.text("""
SELECT o.state, o.portal_code, o.portal_message AS reason, count(*) AS deliveries, min(o.due_at) AS due_at
FROM core.delivery o JOIN core.dossier d ON d.code = o.code AND d.version = o.version
WHERE o.service = 'DongBoHoSoMC' AND o.state IN ('queued', 'unknown', 'rejected', 'given_up')
  AND o.portal_message IS NOT NULL
GROUP BY o.state, o.portal_code, o.portal_message ORDER BY deliveries DESC, reason LIMIT 20
""")
_SENDER = sa.text("""
SELECT failures, closed_until, reason, refusals, tolerance, doubted_at, doubt, drained_at, drained FROM core.sender
""")
_RECONCILED = sa.text("SELECT * FROM core.reconciliation ORDER BY reconciliation_id DESC LIMIT 1")
_LISTED = sa.text("""
SELECT o.code, o.version, o.service, o.state, o.attempts, o.portal_code, o.portal_message, o.queued_at, o.sent_at,
       o.settled_at, o.due_at
FROM core.delivery o JOIN core.dossier d ON d.code = o.code AND d.version = o.version
WHERE o.state = ANY(:states) ORDER BY o.queued_at, o.code, o.service DESC LIMIT :most
""")
# only of the newest version, which is the only one ever told; by code, so that nobody waits for each other
_CHOSEN = """
WITH chosen AS (
    SELECT o.code, o.version, o.service
    FROM core.delivery o JOIN core.dossier d ON d.code = o.code AND d.version = o.version
    WHERE o.state = ANY(:states)
      AND (cardinality(CAST(:codes AS text[])) = 0 OR o.code = ANY(:codes))
      AND (CAST(:like AS text) IS NULL OR o.portal_message ILIKE '%' || :like || '%')
    ORDER BY o.code, o.service FOR UPDATE OF o
), changed AS (
    UPDATE core.delivery o SET {change}
    FROM chosen c WHERE o.code = c.code AND o.version = c.version AND o.service = c.service
    RETURNING o.code, o.version
), kept AS (
    INSERT INTO core.delivery_decision (code, version, action, reason, decided_by, decided_at)
    SELECT DISTINCT code, version, :action, :reason, :by, CAST(:now AS timestamptz) FROM changed
)
SELECT DISTINCT code FROM changed ORDER BY code
"""
# what may have arrived stays to be looked up
_RETRY = sa.text(
    _CHOSEN.format(
        change="due_at = NULL, settled_at = NULL,"
        " attempts = CASE WHEN o.state = 'unknown' THEN least(o.attempts, 1) ELSE 0 END,"
        " state = CASE WHEN o.state = 'unknown' THEN 'unknown' ELSE 'queued' END"
    )
)
_DROP = sa.text(
    _CHOSEN.format(
        change="state = 'given_up', due_at = NULL, settled_at = :now, portal_message = 'dropped by ' || :by || ': ' ||"
        " :reason"
    )
)
CAN_BE_RETRIED = ("queued", "unknown", "rejected", "given_up")
CAN_BE_DROPPED = ("queued", "unknown", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody wants of deliveries; kept with their name.

    Attributes:
        states: deliveries in these states; None: in any that can be changed so.
        codes: of these dossiers; none: of all.
        like: those whose reason has these words.
    """

    by: str
    reason: str
    codes: Sequence[str] = ()
    states: Sequence[str] = ()
    like: str | None = None


# Any: JSON, shaped as the docstring says
def standing(connection: sa.Connection) -> dict[str, Any]:
    """How the outbox stands.

    Returns:
        `states` (service, state, deliveries, oldest_queued_at), `reasons` (state, portal_code, reason, deliveries,
        due_at; the 20 most frequent), `sender` (breaker, doubt, the last drain) and `reconciliation`, the last one.
    """
    reconciled = connection.execute(_RECONCILED).one_or_none()
    return {
        "states": [row._asdict() for row in connection.execute(_STATES)],
        "reasons": [row._asdict() for row in connection.execute(_REASONS)],
        "sender": connection.execute(_SENDER).one()._asdict(),
        "reconciliation": reconciled._asdict() if reconciled else None,
    }


# Any: as above
def listed(connection: sa.Connection, states: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Deliveries of newest versions in these states, the longest queued first; columns as in `api.delivery`."""
    return [row._asdict() for row in connection.execute(_LISTED, {"states": list(states), "most": most})]


def retry(engine: sa.Engine, decision: Decision, now: datetime) -> list[str]:
    """Tells these again with the next drain, their tries counted anew; returns the codes.

    Raises:
        ConfigError: a drain is at work.
    """
    return _decide(engine, _RETRY, "retry", decision, CAN_BE_RETRIED, now)


def drop(engine: sa.Engine, decision: Decision, now: datetime) -> list[str]:
    """Ends these as given up: nothing more is told of a dossier until it has a newer version. As `retry`."""
    return _decide(engine, _DROP, "drop", decision, CAN_BE_DROPPED, now)


def _decide(
    engine: sa.Engine, statement: sa.TextClause, action: str, decision: Decision, able: Sequence[str], now: datetime
) -> list[str]:
    values = {
        "states": [state for state in able if not decision.states or state in decision.states],
        "codes": list(decision.codes), "like": decision.like, "action": action, "reason": decision.reason,
        "by": decision.by, "now": now,
    }  # fmt: skip
    with outbox.turn(engine) as (_, turn):  # a drain has read what it sends: it would overrule what is decided now
        if turn is None:
            raise ConfigError("a drain is at work: try again when it is over, in some minutes")
        with engine.begin() as connection:
            outbox.check_fence(connection, turn.fence)
            return list(connection.execute(statement, values).scalars())
