"""The ledger of incidents, and what changed of them in order; written by the notifier alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.domain.incidents import Advance, Incident, Severity

# Two looks at once would both open what they see; the number means nothing.
LOCK = 7_315_040

_ALIVE = sa.text("SELECT * FROM core.incident WHERE closed_at IS NULL ORDER BY incident_id")
_ADDED = sa.text("""
INSERT INTO core.incident (kind, subject, severity, facts, first_seen, last_seen, gone_since, opened_at, closed_at)
VALUES (:kind, :subject, :severity, CAST(:facts AS jsonb), :first_seen, :last_seen, :gone_since, :opened_at, :closed_at)
RETURNING incident_id
""")
_CHANGED = sa.text("""
UPDATE core.incident SET severity = :severity, facts = CAST(:facts AS jsonb), last_seen = :last_seen,
       gone_since = :gone_since, opened_at = :opened_at, closed_at = :closed_at
WHERE incident_id = :incident_id
""")
_NEWS = sa.text("INSERT INTO core.incident_event (incident_id, change, at) VALUES (:incident_id, :change, :at)")
_LISTED = sa.text("""
SELECT incident_id, kind, subject, severity, facts, first_seen, last_seen, opened_at, closed_at FROM api.incident
WHERE closed_at IS NULL OR CAST(:closed_since AS timestamptz) <= closed_at
ORDER BY closed_at IS NOT NULL, opened_at DESC, incident_id DESC
""")


def alone(connection: sa.Connection) -> None:
    """Waits until nobody else looks or tells, for as long as the transaction lasts.

    Who falls asleep with it loses it: a message takes seconds, and everybody after would wait.
    """
    for setting in ("idle_in_transaction_session_timeout = '3min'", "lock_timeout = '5min'"):
        connection.execute(sa.text(f"SET LOCAL {setting}"))
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def alive(connection: sa.Connection) -> list[Incident]:
    """All that are not closed, the oldest first."""
    return [_incident(row) for row in connection.execute(_ALIVE)]


def keep(connection: sa.Connection, steps: Sequence[Advance], as_of: datetime) -> None:
    """Writes incidents as they stand after a look, and what is news."""
    for step in steps:
        one = step.incident
        values = {
            "kind": one.kind, "subject": one.subject, "severity": one.severity.value, "facts": json.dumps(one.facts),
            "first_seen": one.first_seen, "last_seen": one.last_seen, "gone_since": one.gone_since,
            "opened_at": one.opened_at, "closed_at": one.closed_at,
        }  # fmt: skip
        if one.incident_id is None:
            incident_id = connection.execute(_ADDED, values).scalar_one()
        else:
            incident_id = one.incident_id
            connection.execute(_CHANGED, values | {"incident_id": incident_id})
        if step.change is not None:
            connection.execute(_NEWS, {"incident_id": incident_id, "change": step.change, "at": as_of})


# Any: a row of api.incident
def listed(connection: sa.Connection, *, closed_since: datetime | None) -> list[dict[str, Any]]:
    """Rows of `api.incident`, open ones first; of those that are closed, the ones since a moment, or none."""
    return [dict(row._mapping) for row in connection.execute(_LISTED, {"closed_since": closed_since})]


def note_missed_deadline(connection: sa.Connection, *, dag_id: str, run_key: str, at: datetime) -> None:
    """A run had not ended in time; a second note of the same run changes nothing."""
    statement = sa.text("""
        INSERT INTO core.missed_deadline (dag_id, run_key, noted_at) VALUES (:dag_id, :run_key, :at)
        ON CONFLICT (dag_id, run_key) DO NOTHING
    """)
    connection.execute(statement, {"dag_id": dag_id, "run_key": run_key, "at": at})


def _incident(row: sa.Row[Any]) -> Incident:  # Any: SQLAlchemy's own
    return Incident(**{**row._mapping, "severity": Severity(row.severity)})
