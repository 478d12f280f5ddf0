"""Pairs of codes that may be one procedure: what is proposed, what was decided, and what follows in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.registry import Registry
from motcua.registry.crosswalk import Pair, lend

# Any: a row as its statement names it
Found = dict[str, Any]

# decisions are made one after the other, so that none leads in a circle with another; the number means nothing
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7315041)")
_CONFIRMED = sa.text("""
SELECT old_code, new_code, old_title, new_title FROM api.crosswalk WHERE state = 'confirmed' ORDER BY old_code, new_code
""")
_LISTED = sa.text("SELECT * FROM api.crosswalk ORDER BY state <> 'proposed', old_code, score DESC NULLS LAST, new_code")
_DECIDE = sa.text("""
INSERT INTO core.crosswalk (old_code, new_code, decision, old_title, new_title, reason, decided_by, decided_at, via)
VALUES (:old_code, :new_code, :decision, :old_title, :new_title, :reason, :decided_by, :decided_at, :via)
""")
_PROPOSE = sa.text("""
INSERT INTO core.crosswalk_proposal AS p
       (old_code, new_code, origin, score, old_title, new_title, proposed_at, last_seen)
VALUES (:old_code, :new_code, :origin, :score, :old_title, :new_title, :as_of, :as_of)
ON CONFLICT (old_code, new_code) DO UPDATE SET
    origin = EXCLUDED.origin, score = EXCLUDED.score, old_title = EXCLUDED.old_title, new_title = EXCLUDED.new_title,
    last_seen = EXCLUDED.last_seen
""")
_KNOWN = "unnest(CAST(:procedures AS text[]), CAST(:fields AS text[])) AS k(procedure_code, field_code)"
# Whoever merges one of them at this moment writes the field itself.
_ALIGN_DOSSIERS = sa.text(f"""
UPDATE core.dossier d SET field_code = stale.field_code
FROM (SELECT o.code, k.field_code FROM core.dossier o JOIN {_KNOWN} USING (procedure_code)
      WHERE o.field_code IS DISTINCT FROM k.field_code ORDER BY o.code FOR UPDATE OF o SKIP LOCKED) stale
WHERE d.code = stale.code
""")  # noqa: S608  # a constant
_ALIGN_SOURCES = sa.text(f"""
UPDATE core.source_dossier d SET field_code = stale.field_code
FROM (SELECT o.code, o.source_id, k.field_code FROM core.source_dossier o JOIN {_KNOWN} USING (procedure_code)
      WHERE o.field_code IS DISTINCT FROM k.field_code ORDER BY o.code, o.source_id FOR UPDATE OF o SKIP LOCKED) stale
WHERE d.code = stale.code AND d.source_id = stale.source_id
""")  # noqa: S608  # likewise
_SETTLE_UNKNOWN = sa.text("""
UPDATE core.issue o SET settled_at = :as_of
FROM core.source_dossier s
WHERE o.rule = 'unknown_procedure' AND o.settled_at IS NULL AND s.code = o.code AND s.source_id = o.source_id
  AND s.procedure_code = ANY(:procedures)
""")


def confirmed(connection: sa.Connection) -> list[Pair]:
    """The pairs that count."""
    return [Pair(*row) for row in connection.execute(_CONFIRMED)]


def in_force(connection: sa.Connection, registry: Registry) -> Registry:
    """The registry with what confirmed pairs lend."""
    return lend(registry, confirmed(connection))


def listed(connection: sa.Connection) -> list[Found]:
    """Every pair as `api.crosswalk` has it, what waits for a person first."""
    return [dict(row._mapping) for row in connection.execute(_LISTED)]


def wait_for_others(connection: sa.Connection) -> None:
    """Lets nobody else decide until this transaction ends."""
    connection.execute(_LOCK)


def decide(connection: sa.Connection, decision: Mapping[str, object]) -> None:
    """Keeps a decision: `old_code, new_code, decision, old_title, new_title, reason, decided_by, decided_at, via`."""
    connection.execute(_DECIDE, dict(decision))


def propose(connection: sa.Connection, proposals: Sequence[Mapping[str, object]], as_of: datetime) -> None:
    """Keeps proposals: `old_code, new_code, origin, score, old_title, new_title` each; what was decided stays so."""
    if proposals:
        connection.execute(_PROPOSE, [{**one, "as_of": as_of} for one in proposals])


def align(connection: sa.Connection, registry: Registry, as_of: datetime) -> int:
    """Puts the registry's field codes where dossiers have others, or none, and settles what is known by now.

    Returns how many merged dossiers have another field. It is no fact of a version: nothing is told anew for it.
    """
    fields = [one.field_code for one in registry.procedures.values()]
    known = {"procedures": list(registry.procedures), "fields": fields}
    connection.execute(_ALIGN_SOURCES, known)
    aligned = connection.execute(_ALIGN_DOSSIERS, known).rowcount
    connection.execute(_SETTLE_UNKNOWN, {"procedures": known["procedures"], "as_of": as_of})
    return aligned
