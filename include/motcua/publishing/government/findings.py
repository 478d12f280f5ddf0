"""What stands between a dossier and the portal, as an issue with an owner: refused, or held there otherwise.

A step's issue has `steps` in front of
its field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from motcua.publishing.government.outbox import DOSSIERS, REJECTED, RULES, WOULD_REFUSE
from motcua.publishing.government.shapes import Fault

# what a repair did not mend; only a comparison settles it
DIFFERS = "portal_differs"

# at the page that the lead source's word stands on
_FOUND = sa.text("""
INSERT INTO core.issue
       (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT d.lead_source_id, d.code, :rule, f.field, 'warning', f.owner, s.page_sha256, s.batch_id, :now, :now
FROM unnest(CAST(:codes AS text[]), CAST(:fields AS text[]), CAST(:owners AS text[])) AS f(code, field, owner)
JOIN core.dossier d USING (code)
JOIN core.source_dossier s ON s.code = d.code AND s.source_id = d.lead_source_id
ORDER BY d.code
ON CONFLICT (code, source_id, rule, field) DO UPDATE SET
    severity = EXCLUDED.severity, owner = EXCLUDED.owner, page_sha256 = EXCLUDED.page_sha256,
    batch_id = EXCLUDED.batch_id, last_seen = EXCLUDED.last_seen, settled_at = NULL
""")

_AGREES = sa.text("""
UPDATE core.issue SET settled_at = :now WHERE code = ANY(:codes) AND rule = :rule AND settled_at IS NULL
""")

# dossiers' and steps' are apart: one may be mended while the other is not
_SETTLED = sa.text("""
UPDATE core.issue SET settled_at = :now
WHERE code = ANY(:codes) AND rule = ANY(:rules) AND settled_at IS NULL AND starts_with(field, 'steps') = :of_steps
""")


def would_be_refused(connection: sa.Connection, service: str, faults: Mapping[str, Fault], now: datetime) -> None:
    """Dossiers, or steps of dossiers, that do not leave; what was wrong with them before is settled."""
    settle(connection, service, list(faults), now)
    fields = [_field(service, fault.field) for fault in faults.values()]
    _add(connection, WOULD_REFUSE, list(faults), fields, [fault.owner for fault in faults.values()], now)


def rejected(connection: sa.Connection, service: str, codes: Sequence[str], now: datetime) -> None:
    """What the portal refused though it is as the contract says: ours to find out why."""
    _add(connection, REJECTED, codes, [_field(service, "")] * len(codes), ["motcua"] * len(codes), now)


def settle(connection: sa.Connection, service: str, codes: Sequence[str], now: datetime) -> None:
    """What was wrong with these is no more: they were taken, or need not be told."""
    connection.execute(
        _SETTLED, {"codes": list(codes), "rules": list(RULES), "now": now, "of_steps": service != DOSSIERS}
    )


def differing(connection: sa.Connection, fields: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Fields, by dossier, in which the portal still holds something else; none: it does not hold the dossier."""
    pairs = [(code, name) for code, names in fields.items() for name in names or ("",)]
    codes, names = [code for code, _ in pairs], [name for _, name in pairs]
    _add(connection, DIFFERS, codes, names, ["motcua"] * len(pairs), now)


def agreeing(connection: sa.Connection, codes: Sequence[str], now: datetime) -> None:
    """The portal holds these dossiers as we do."""
    connection.execute(_AGREES, {"codes": list(codes), "rule": DIFFERS, "now": now})


def _field(service: str, field: str) -> str:
    return field if service == DOSSIERS else f"steps.{field}".removesuffix(".")


def _add(
    connection: sa.Connection, rule: str, codes: Sequence[str], fields: Sequence[str], owners: Sequence[str],
    now: datetime,
) -> None:  # fmt: skip
    if codes:
        connection.execute(_FOUND, {"rule": rule, "codes": list(codes), "fields": fields, "owners": owners, "now": now})
