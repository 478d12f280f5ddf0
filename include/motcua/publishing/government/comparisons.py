"""The SQL of reconciliations: what is to be looked up, what is done about it, and their ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import sqlalchemy as sa

from motcua.publishing.government.outbox import DOSSIERS

# every dossier of the sample has its night in 100, by a hash that no version of PostgreSQL changes
NIGHTS = 100
BY = "reconcile"

_UNFINISHED = sa.text("""
SELECT reconciliation_id, as_of, reached, fields FROM core.reconciliation
WHERE NOT is_complete ORDER BY reconciliation_id LIMIT 1
""")
_BEGUN = sa.text("""
INSERT INTO core.reconciliation (as_of, started_at) VALUES (:as_of, :now)
RETURNING reconciliation_id, as_of, reached, fields
""")
_CANDIDATES = sa.text("""
SELECT d.code
FROM core.dossier d
JOIN core.delivery o ON o.code = d.code AND o.version = d.version AND o.service = 'DongBoHoSoMC'
LEFT JOIN core.portal_copy p ON p.code = d.code
WHERE d.code > :reached
  AND (o.state IN ('sent', 'unknown')
       OR (p.code IS NOT NULL
           AND (o.settled_at >= CAST(:as_of AS timestamptz) - interval '7 days'
                OR mod(CAST(CAST('x' || left(md5(d.code), 7) AS bit(28)) AS int), :nights)
                   = mod(CAST(:as_of AS timestamptz)::date - DATE '2018-01-01', :nights))))
ORDER BY d.code LIMIT :most
""")
_REPAIRED_BEFORE = sa.text("""
SELECT DISTINCT x.code
FROM core.delivery_decision x
JOIN unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version) USING (code, version)
WHERE x.action = 'repair'
""")
_DECIDED = sa.text("""
INSERT INTO core.delivery_decision (code, version, action, reason, decided_by, decided_at)
SELECT code, version, 'repair', :reason, :by, :now
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
""")
_QUEUED_AGAIN = sa.text("""
UPDATE core.delivery o
SET state = 'queued', attempts = 0, due_at = NULL, settled_at = NULL, portal_code = NULL, portal_message = :reason
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
WHERE o.code = v.code AND o.version = v.version AND o.service = ANY(:services)
""")
_NOT_HELD = sa.text("DELETE FROM core.portal_copy WHERE code = ANY(:codes)")
_NOTED = sa.text("""
UPDATE core.reconciliation
SET ended_at = :now, is_complete = :is_complete, reached = :reached, stopped = :stopped,
    looked_up = looked_up + :looked_up, equal = equal + :equal, missing = missing + :missing,
    differing = differing + :differing, settled = settled + :settled, repaired = repaired + :repaired,
    reported = reported + :reported, moved = moved + :moved, unanswered = unanswered + :unanswered,
    fields = CAST(:fields AS jsonb)
WHERE reconciliation_id = :reconciliation_id
""")
COUNTS = (
    "looked_up", "equal", "missing", "differing", "settled", "repaired", "reported", "moved", "unanswered",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Run:
    """One reconciliation, which may take several nights.

    Attributes:
        reached: the last code that was compared, in order.
        fields: names of fields that differ, and how often.
    """

    reconciliation_id: int
    as_of: datetime
    reached: str
    fields: Counter[str] = field(default_factory=Counter)


def begin(connection: sa.Connection, as_of: datetime, now: datetime) -> Run:
    """The oldest one that did not come to its end, else a new one."""
    row = connection.execute(_UNFINISHED).one_or_none()
    if row is None:
        row = connection.execute(_BEGUN, {"as_of": as_of, "now": now}).one()
    return Run(
        reconciliation_id=row.reconciliation_id, as_of=row.as_of, reached=row.reached, fields=Counter(row.fields)
    )


def candidates(connection: sa.Connection, run: Run, most: int) -> list[str]:
    """The next codes to look up: every unknown, what was told in the 7 days before, and the night's hundredth part."""
    values = {"reached": run.reached, "as_of": run.as_of, "nights": NIGHTS, "most": most}
    return list(connection.execute(_CANDIDATES, values).scalars())


def repaired_before(connection: sa.Connection, versions: Mapping[str, int]) -> set[str]:
    """Those of which this very version was queued again by a reconciliation."""
    return set(connection.execute(_REPAIRED_BEFORE, _of(versions)).scalars())


def queue_again(
    connection: sa.Connection, versions: Mapping[str, int], services: Sequence[str], reason: str, now: datetime
) -> None:
    """These versions are told again, with a row that says why."""
    values = _of(versions) | {"services": list(services), "reason": reason, "by": BY, "now": now}
    connection.execute(_QUEUED_AGAIN, values)
    connection.execute(_DECIDED, values)


def queue_unsent(connection: sa.Connection, versions: Mapping[str, int], reason: str) -> None:
    """What was of unknown outcome has not arrived."""
    connection.execute(_QUEUED_AGAIN, _of(versions) | {"services": [DOSSIERS], "reason": reason})


def forget(connection: sa.Connection, codes: Sequence[str]) -> None:
    """The portal does not hold these dossiers: they are created again."""
    connection.execute(_NOT_HELD, {"codes": list(codes)})


def note(
    connection: sa.Connection,
    run: Run,
    counts: Mapping[str, int],
    now: datetime,
    *,
    is_complete: bool,
    stopped: str | None,
) -> None:
    """What one part of a run found; how far it came."""
    values = {name: counts.get(name, 0) for name in COUNTS} | {
        "reconciliation_id": run.reconciliation_id, "reached": run.reached, "is_complete": is_complete,
        "stopped": stopped, "now": now, "fields": orjson.dumps(run.fields).decode(),
    }  # fmt: skip
    connection.execute(_NOTED, values)


def _of(versions: Mapping[str, int]) -> dict[str, object]:
    return {"codes": list(versions), "versions": list(versions.values())}
