"""A cycle's ledger as one document, to be kept beside the pages, and back from such documents."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

# the tables of a ledger that a rebuilding asks
TABLES = ("cycle", "batch", "hold")


def document(connection: sa.Connection, cycle_id: int) -> bytes:
    """The cycle, its batches and all holds of their sources, as JSON; nobody else writes it meanwhile."""
    connection.execute(_LOCK, {"cycle_id": cycle_id})
    text: str = connection.execute(_DOCUMENT, {"cycle_id": cycle_id}).scalar_one()
    return text.encode()


def look_at_warehouse(connection: sa.Connection) -> None:
    """Makes `told_cycle`, `told_batch` and `told_hold` of this transaction what the real ledger has at this moment."""
    connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    for table in TABLES:
        connection.execute(sa.text(f"CREATE TEMP TABLE told_{table} ON COMMIT DROP AS SELECT * FROM core.{table}"))  # noqa: S608  # of TABLES


def look_at_documents(connection: sa.Connection, documents: Iterable[bytes]) -> None:
    """As `look_at_warehouse`, from documents; what they do not have is null."""
    for table in TABLES:
        connection.execute(sa.text(f"CREATE TEMP TABLE told_{table} (LIKE core.{table}) ON COMMIT DROP"))
    for found in documents:
        for table in TABLES:
            connection.execute(_POPULATE[table], {"document": found.decode()})
    connection.execute(_NEWEST_HOLDS)


_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('ledger ' || :cycle_id, 0))")
_DOCUMENT = sa.text("""
SELECT jsonb_build_object(
    'cycle', jsonb_build_array(to_jsonb(c)),
    'batch', (SELECT coalesce(jsonb_agg(to_jsonb(b) ORDER BY b.batch_id), '[]') FROM batch b
              WHERE b.cycle_id = c.cycle_id),
    'hold', (SELECT coalesce(jsonb_agg(to_jsonb(h) ORDER BY h.hold_id), '[]') FROM hold h
             WHERE h.source_id IN (SELECT b.source_id FROM batch b WHERE b.cycle_id = c.cycle_id))
)::text
FROM cycle c WHERE c.cycle_id = :cycle_id
""")
# each cycle's document has all holds of its sources: a decision counts more than none, and the later word
_NEWEST_HOLDS = sa.text("""
DELETE FROM told_hold a USING told_hold b
WHERE a.hold_id = b.hold_id
  AND (coalesce(a.decided_at, '-infinity'), a.ctid) < (coalesce(b.decided_at, '-infinity'), b.ctid)
""")
_POPULATE = {
    table: sa.text(
        f"INSERT INTO told_{table} SELECT * FROM jsonb_populate_recordset("  # noqa: S608  # of TABLES
        f"NULL::core.{table}, CAST(:document AS jsonb) -> '{table}')"
    )
    for table in TABLES
}
