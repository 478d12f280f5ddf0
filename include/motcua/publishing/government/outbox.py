"""The ledger's SQL: what is due, what is needed to render it, and what came of it. One fence guards every write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.errors import StaleWrite

# One sender for the whole portal; the number means nothing, but must stay the same.
SENDER_LOCK = 7_315_003

_DUE = sa.text("""
SELECT DISTINCT code FROM core.delivery
WHERE state IN ('queued', 'sent', 'unknown') AND (due_at IS NULL OR due_at <= :now)
ORDER BY code
""")

# Times as the portal writes them; null becomes empty. Steps, supplements and applicant are the lead source's.
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
       coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'at', to_char(s.at, 'YYYYMMDDHH24MISS'), 'status', s.status, 'department', s.department,
                    'note', s.note, 'started_at', to_char(s.started_at, 'YYYYMMDDHH24MISS'),
                    'due_at', to_char(s.due_at, 'YYYYMMDDHH24MISS')) ORDER BY s.at, s.status, s.n)
                 FROM private.step s WHERE s.code = d.code AND s.source_id = d.lead_source_id), '[]') AS steps_list,
       coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'external_id', b.external_id, 'note', b.note,
                    'requested_at', to_char(b.requested_at, 'YYYYMMDDHH24MISS'),
                    'answered_at', to_char(b.answered_at, 'YYYYMMDDHH24MISS'),
                    'due_at', to_char(b.due_at, 'YYYYMMDDHH24MISS')) ORDER BY b.n)
                 FROM private.supplement b WHERE b.code = d.code AND b.source_id = d.lead_source_id), '[]')
           AS supplements_list,
       coalesce((SELECT bool_or(o.attempts > 0) FROM core.delivery o
                 WHERE o.code = d.code AND o.service = 'DongBoHoSoMC' AND o.state IN ('sent', 'unknown')), false)
           AS is_uncertain,
       (SELECT o.state FROM core.delivery o WHERE o.code = d.code AND o.version = d.version
        AND o.service = 'DongBoHoSoMC') AS dossier_state,
       (SELECT o.state FROM core.delivery o WHERE o.code = d.code AND o.version = d.version
        AND o.service = 'CapNhatTienDoHoSoMC') AS steps_state
FROM core.dossier d
LEFT JOIN private.applicant a ON a.code = d.code AND a.source_id = d.lead_source_id
LEFT JOIN core.portal_copy p ON p.code = d.code
WHERE d.code = ANY(:codes)
ORDER BY d.code
""")

_SENT = sa.text("""
UPDATE core.delivery o SET state = 'sent', attempts = attempts + 1, sent_at = :now, body_sha256 = v.digest
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[]), CAST(:digests AS bytea[])) AS v(code, version, digest)
WHERE o.code = v.code AND o.version = v.version AND o.service = :service
""")

_SETTLED = sa.text("""
UPDATE core.delivery o
SET state = :state, portal_code = :portal_code, portal_message = :message, due_at = :due_at,
    settled_at = CASE WHEN :state IN ('queued', 'unknown') THEN NULL ELSE CAST(:now AS timestamptz) END
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
WHERE o.code = v.code AND o.version = v.version AND o.service = :service
""")

# whatever was open of older versions is told by the newer one
_OLDER = sa.text("""
UPDATE core.delivery o SET state = 'superseded', settled_at = :now, due_at = NULL
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
WHERE o.code = v.code AND o.version < v.version AND o.service = :service AND o.state IN ('queued', 'sent', 'unknown')
""")

_HELD = sa.text("""
INSERT INTO core.portal_copy AS p (code, version)
SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[]))
ON CONFLICT (code) DO UPDATE SET version = greatest(p.version, EXCLUDED.version)
""")

_HELD_STEPS = sa.text("""
UPDATE core.portal_copy SET steps = steps || CAST(:keys AS text[]) WHERE code = :code
""")


def due_codes(connection: sa.Connection, now: datetime) -> list[str]:
    """Codes with something to tell the portal, in order."""
    return list(connection.execute(_DUE, {"now": now}).scalars())


# Any: rows of a query, whose shape `records.Row` describes
def dossiers(connection: sa.Connection, codes: Sequence[str]) -> list[dict[str, Any]]:
    """What is needed to render these dossiers, as they are now."""
    return [row._asdict() for row in connection.execute(_DOSSIERS, {"codes": list(codes)})]


def mark_sent(
    connection: sa.Connection, service: str, versions: Mapping[str, int], digests: Mapping[str, bytes], now: datetime
) -> None:
    """These versions are about to leave: whatever happens next, they may have arrived."""
    connection.execute(
        _SENT,
        {
            "service": service, "codes": list(versions), "versions": list(versions.values()),
            "digests": [digests[code] for code in versions], "now": now,
        },
    )  # fmt: skip


def settle(
    connection: sa.Connection,
    service: str,
    versions: Mapping[str, int],
    state: str,
    now: datetime,
    *,
    portal_code: str | None = None,
    message: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """What came of these versions. Accepted ones supersede whatever older was open; `due_at` is when to try again."""
    values = {
        "service": service, "codes": list(versions), "versions": list(versions.values()), "state": state, "now": now,
        "portal_code": portal_code, "message": message, "due_at": due_at,
    }  # fmt: skip
    connection.execute(_SETTLED, values)
    if state in {"accepted", "superseded"}:
        connection.execute(_OLDER, values)


def mark_held(connection: sa.Connection, versions: Mapping[str, int]) -> None:
    """The portal holds these dossiers."""
    connection.execute(_HELD, {"codes": list(versions), "versions": list(versions.values())})


def mark_steps_held(connection: sa.Connection, keys: Mapping[str, Sequence[str]]) -> None:
    """The portal holds these steps too."""
    connection.execute(_HELD_STEPS, [{"code": code, "keys": list(some)} for code, some in keys.items()])


def forget(connection: sa.Connection, code: str) -> None:
    """The portal does not hold this dossier after all."""
    connection.execute(sa.text("DELETE FROM core.portal_copy WHERE code = :code"), {"code": code})


def attempts(connection: sa.Connection, service: str, versions: Mapping[str, int]) -> int:
    """The greatest number of tries among these versions."""
    statement = sa.text("""
        SELECT coalesce(max(attempts), 0) FROM core.delivery
        WHERE code = ANY(:codes) AND service = :service AND state IN ('sent', 'unknown', 'queued')
    """)
    return int(connection.execute(statement, {"codes": list(versions), "service": service}).scalar_one())


def check_fence(connection: sa.Connection, fence: int) -> None:
    """StaleWrite when another sender has taken over since; holds it off until this transaction ends."""
    current = connection.execute(sa.text("SELECT fence FROM core.sender FOR SHARE")).scalar_one()
    if current != fence:
        raise StaleWrite(f"sender {current} has taken over from sender {fence}: this one writes no more")
