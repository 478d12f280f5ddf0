"""The ledger's SQL: what is due, in which order, and what is needed to render it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.publishing.government.outbox import DOSSIERS

# After a long outage retries are many: so many a drain, then what is new has its turn again.
MOST_RETRIES = 10_000

# Only the newest version is ever told: what is open of older ones waits to be superseded. It is new when nothing of
# the dossier was tried before; else it goes with the call whose outcome is to be looked up.
_DUE = sa.text("""
WITH waiting AS (
    SELECT o.code, bool_and(o.attempts = 0 AND o.due_at IS NULL) AS is_new,
           min(coalesce(o.due_at, o.queued_at))
               FILTER (WHERE o.version = d.version AND (o.due_at IS NULL OR o.due_at <= :now)) AS since
    FROM core.delivery o JOIN core.dossier d ON d.code = o.code
    WHERE o.state IN ('queued', 'sent', 'unknown')
    GROUP BY o.code
), due AS (
    SELECT code, is_new, row_number() OVER (PARTITION BY is_new ORDER BY since, code) AS place
    FROM waiting WHERE since IS NOT NULL
)
SELECT code, is_new FROM due WHERE is_new OR place <= :most_retries ORDER BY NOT is_new, place
""")

# Times as the portal writes them; null becomes empty. The applicant is the lead source's; steps and supplements are
# those of all sources that count, the same one from the first of them.
_DOSSIERS = sa.text("""
SELECT d.code, d.version, d.procedure_code, d.field_code, d.agency_code, d.channel, d.applicant_kind, d.status,
       d.result_delivery, d.paid_online, d.digitised, d.deleted,
       coalesce(to_char(d.submitted_at, 'YYYYMMDDHH24MISS'), '') AS submitted_at,
       coalesce(to_char(d.received_at, 'YYYYMMDDHH24MISS'), '') AS received_at,
       coalesce(to_char(d.due_at, 'YYYYMMDDHH24MISS'), '') AS due_at,
       coalesce(to_char(d.finished_at, 'YYYYMMDDHH24MISS'), '') AS finished_at,
       coalesce(to_char(d.returned_at, 'YYYYMMDDHH24MISS'), '') AS returned_at,
       coalesce(to_char(d.refused_at, 'YYYYMMDDHH24MISS'), '') AS refused_at,
       a.name, a.identity_kind, a.identity_number, a.phone, a.email, a.summary, a.fees, a.components,
       p.version AS held_version, coalesce(p.steps, '{}') AS held_steps,
       coalesce((SELECT json_agg(json_build_object(
                    'at', to_char(s.at, 'YYYYMMDDHH24MISS'), 'status', s.status, 'department', s.department,
                    'agency_code', s.agency_code,
                    'note', s.note, 'started_at', to_char(s.started_at, 'YYYYMMDDHH24MISS'),
                    'due_at', to_char(s.due_at, 'YYYYMMDDHH24MISS')) ORDER BY s.at, s.status, s.n)
                 FROM (SELECT DISTINCT ON (x.at, x.status, x.n) x.*, c.agency_code
                       FROM private.step x JOIN core.source_dossier c USING (code, source_id)
                       WHERE x.code = d.code AND x.source_id = ANY(d.sources)
                       ORDER BY x.at, x.status, x.n, array_position(d.sources, x.source_id)) s), '[]') AS steps_list,
       coalesce((SELECT json_agg(json_build_object(
                    'external_id', b.external_id, 'note', b.note,
                    'requested_at', to_char(b.requested_at, 'YYYYMMDDHH24MISS'),
                    'answered_at', to_char(b.answered_at, 'YYYYMMDDHH24MISS'),
                    'due_at', to_char(b.due_at, 'YYYYMMDDHH24MISS')) ORDER BY b.requested_at, b.n)
                 FROM (SELECT DISTINCT ON (x.requested_at) x.* FROM private.supplement x
                       WHERE x.code = d.code AND x.source_id = ANY(d.sources)
                       ORDER BY x.requested_at, array_position(d.sources, x.source_id), x.n) b), '[]')
           AS supplements_list,
       o.state, o.attempts, coalesce(t.attempts, 0) AS step_attempts,
       o.state IN ('queued', 'sent', 'unknown') AS is_open,
       o.state IN ('queued', 'sent', 'unknown') AND (o.due_at IS NULL OR o.due_at <= :now) AS is_due,
       coalesce(t.state IN ('queued', 'sent', 'unknown') AND (t.due_at IS NULL OR t.due_at <= :now), false)
           AS steps_due,
       u.version AS uncertain_version, u.body_sha256 AS uncertain_call
FROM core.dossier d
JOIN core.delivery o ON o.code = d.code AND o.version = d.version AND o.service = 'DongBoHoSoMC'
LEFT JOIN core.delivery t ON t.code = d.code AND t.version = d.version AND t.service = 'CapNhatTienDoHoSoMC'
LEFT JOIN private.applicant a ON a.code = d.code AND a.source_id = d.lead_source_id
LEFT JOIN core.portal_copy p ON p.code = d.code
LEFT JOIN LATERAL (
    SELECT version, body_sha256 FROM core.delivery
    WHERE p.code IS NULL AND code = d.code AND service = 'DongBoHoSoMC' AND state IN ('sent', 'unknown')
    ORDER BY version DESC LIMIT 1
) u ON true
WHERE d.code = ANY(:codes)
ORDER BY d.code
""")


def due_codes(connection: sa.Connection, now: datetime) -> tuple[list[str], list[str]]:
    """Codes with something to tell the portal: those never tried, and retries, of which there is a most.

    Both by what has waited longest; a retry's waiting begins when it is due.
    """
    found = connection.execute(_DUE, {"now": now, "most_retries": MOST_RETRIES}).all()
    return [row.code for row in found if row.is_new], [row.code for row in found if not row.is_new]


def open_dossiers(connection: sa.Connection) -> int:
    """How many deliveries of dossiers have no outcome yet."""
    statement = sa.text(
        "SELECT count(*) FROM core.delivery WHERE state IN ('queued', 'sent', 'unknown') AND service = :service"
    )
    return int(connection.execute(statement, {"service": DOSSIERS}).scalar_one())


# Any: rows of a query, whose shape `records.Row` describes
def dossiers(connection: sa.Connection, codes: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """What is needed to render these dossiers, as they are now.

    Returns:
        A row a dossier, by code: its facts; `held_version` and `held_steps`, what the portal is known to hold;
        `state, attempts, step_attempts, is_open, is_due, steps_due` of its newest version; and where a create has an
        unknown outcome, `uncertain_version` and `uncertain_call`, which all dossiers of that call share.
    """
    return [row._asdict() for row in connection.execute(_DOSSIERS, {"codes": list(codes), "now": now})]
