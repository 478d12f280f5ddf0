"""The outbox: how much waits and since when, what failed and why, the sender's breaker, drains, reconciliations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from motcua.publishing.disclosure import public_words

STATES = ("queued", "sent", "unknown", "rejected", "given_up")
ROWS_SHOWN = 100
RUNS_SHOWN = 5

# Of what is accepted or superseded there is a city's worth: it is not counted at each look. Each half has an index.
_STATES = sa.text("""
SELECT service, state, count(*) AS deliveries, min(queued_at) AS oldest_queued_at FROM (
    SELECT service, state, queued_at FROM api.delivery WHERE state IN ('queued', 'sent', 'unknown')
    UNION ALL
    SELECT o.service, o.state, o.queued_at
    FROM api.delivery o JOIN api.dossier d ON d.code = o.code AND d.version = o.version
    WHERE o.state IN ('rejected', 'given_up')
) AS open GROUP BY service, state
""")
_REASONS = sa.text("""
SELECT state, portal_code, portal_message AS reason, count(*) AS deliveries, min(due_at) AS due_at FROM (
    SELECT state, portal_code, portal_message, due_at FROM api.delivery
    WHERE state IN ('queued', 'sent', 'unknown') AND service = 'DongBoHoSoMC' AND portal_message IS NOT NULL
    UNION ALL
    SELECT o.state, o.portal_code, o.portal_message, o.due_at
    FROM api.delivery o JOIN api.dossier d ON d.code = o.code AND d.version = o.version
    WHERE o.state IN ('rejected', 'given_up') AND o.service = 'DongBoHoSoMC' AND o.portal_message IS NOT NULL
) AS open GROUP BY state, portal_code, portal_message ORDER BY deliveries DESC, reason LIMIT 20
""")
_LISTED = sa.text("""
SELECT o.code, o.version, o.service, o.state, o.attempts, o.portal_code, o.portal_message, o.queued_at, o.sent_at,
       o.settled_at, o.due_at
FROM api.delivery o JOIN api.dossier d ON d.code = o.code AND d.version = o.version
WHERE o.state IN ('queued', 'sent', 'unknown', 'rejected', 'given_up') AND o.state = :state
ORDER BY o.queued_at, o.code, o.service DESC LIMIT :most
""")
_SENDER = sa.text("SELECT * FROM api.sender")
_RECONCILED = sa.text("SELECT * FROM api.reconciliation ORDER BY reconciliation_id DESC LIMIT :most")
_DRAINS = sa.text("""
SELECT started_at, ended_at, rows FROM api.stage_run WHERE stage = 'drain'
ORDER BY stage_run_id DESC LIMIT :most
""")


# Any: rows as the queries name the columns; what the portal said is in public words
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the outbox stands.

    Attributes:
        states: service, state, deliveries, oldest_queued_at; of what has no good end yet.
        reasons: the 20 most frequent, with how many and when the first is tried again.
        sender: breaker, doubt and the last drain.
        drains: the last ones, the newest first.
        reconciliations: the last ones, the newest first.
        rows: deliveries in the state that was asked for, the longest queued first.
    """

    states: Sequence[Any]
    reasons: Sequence[Any]
    sender: Any
    drains: Sequence[Any]
    reconciliations: Sequence[Any]
    rows: Sequence[Any]

    def count(self, state: str) -> int:
        """Dossiers in a state; their steps are told by a second service, and would count them twice."""
        return sum(row.deliveries for row in self.states if (row.service, row.state) == ("DongBoHoSoMC", state))

    def oldest(self, state: str) -> Any:
        """When the oldest delivery in a state was queued, or None."""
        return min((row.oldest_queued_at for row in self.states if row.state == state), default=None)


def standing(connection: sa.Connection, state: str) -> Standing:
    """How the outbox stands, with the rows in `state`, one of `STATES`, or none."""
    rows = connection.execute(_LISTED, {"state": state, "most": ROWS_SHOWN}).all() if state in STATES else []
    reconciliations = connection.execute(_RECONCILED, {"most": RUNS_SHOWN}).all()
    return Standing(
        states=connection.execute(_STATES).all(),
        reasons=[_public(one, "reason") for one in connection.execute(_REASONS)],
        sender=_public_sender(connection.execute(_SENDER).one()),
        drains=connection.execute(_DRAINS, {"most": RUNS_SHOWN}).all(),
        reconciliations=[_public(one, "stopped") for one in reconciliations],
        rows=[_public(one, "portal_message") for one in rows],
    )


def _public_sender(row: sa.Row[Any]) -> SimpleNamespace:
    sender = _public(row, "reason", "doubt")
    if sender.drained and sender.drained.get("stopped"):
        sender.drained = {**sender.drained, "stopped": public_words(sender.drained["stopped"])}
    return sender


def _public(row: sa.Row[Any], *columns: str) -> SimpleNamespace:
    told = {name: public_words(getattr(row, name)) for name in columns if getattr(row, name) is not None}
    return SimpleNamespace(**{**row._mapping, **told})
