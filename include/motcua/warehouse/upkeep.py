"""What the warehouse forgets by itself, which tables are swept, and the record of both; done as its owner.

Kept for ever, for they are the trail: cycles, batches, claims, versions, holds, deliveries, publications, erasures,
and whatever a person decided (docs/decisions/0039-what-is-kept.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import psycopg
import sqlalchemy as sa
from psycopg import sql

# Rows in one transaction: short enough that nobody waits for it.
AT_ONCE = 10_000
# A newly settled row is news for the offices and for whoever looks for a trend; years later it is neither.
_FORGOTTEN = {
    # before the good ends, which say of a failure that it is over
    "core.stage_failure": "failed_at < :before",
    "core.stage_run": "ended_at < :before",
    "core.missed_deadline": "noted_at < :before",
    "core.quarantine": "settled_at < :before",
    "core.issue": "settled_at < :before",
    # the newest of each subscriber says where it stands
    "core.notice": """settled_at < :before AND state IN ('accepted', 'superseded', 'given_up')
                      AND seq < (SELECT max(n.seq) FROM core.notice n WHERE n.subscriber = t.subscriber)""",
}
_DELETE = {
    table: sa.text(f"""
        WITH gone AS (SELECT t.ctid FROM {table} t WHERE {condition} LIMIT :at_once FOR UPDATE SKIP LOCKED)
        DELETE FROM {table} d USING gone WHERE d.ctid = gone.ctid
    """)  # noqa: S608  # constants
    for table, condition in _FORGOTTEN.items()
}

# What autovacuum leaves: it waits for a fifth of a table. Of people nothing that was deleted stays in the files.
_UNTIDY = sa.text("""
SELECT s.schemaname AS schema, s.relname AS name, s.n_dead_tup AS dead
FROM pg_stat_user_tables s
WHERE s.schemaname IN ('core', 'private')
  AND (s.n_dead_tup > greatest(1000, s.n_live_tup / 20)
       OR s.n_mod_since_analyze > greatest(1000, s.n_live_tup / 20)
       OR (s.schemaname = 'private' AND s.n_dead_tup > 0))
ORDER BY 1, 2
""")
_RECORD = sa.text("""
INSERT INTO core.upkeep (as_of, removed, vacuumed) VALUES (:as_of, CAST(:removed AS jsonb), :vacuumed)
""")
_REBUILT = sa.text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuilt\\_%' ORDER BY 1")


def months_before(connection: sa.Connection, as_of: datetime, months: int) -> datetime:
    """The moment so many months before `as_of`, by the calendar."""
    statement = sa.text("SELECT CAST(:as_of AS timestamptz) - make_interval(months => :months)")
    found: datetime = connection.execute(statement, {"as_of": as_of, "months": months}).scalar_one()
    return found


def forget(engine: sa.Engine, before: datetime) -> dict[str, int]:
    """Deletes rows of ledgers that ended or were settled before a moment; how many of each table."""
    removed = dict.fromkeys(_DELETE, 0)
    for table, statement in _DELETE.items():
        while True:
            with engine.begin() as connection:
                done = connection.execute(statement, {"before": before, "at_once": AT_ONCE}).rowcount
            removed[table] += done
            if done < AT_ONCE:
                break
    return removed


def vacuum(engine: sa.Engine) -> list[str]:
    """Vacuums and analyses the tables that need it, one after the other; one that somebody locks is left out."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        untidy = [(row.schema, row.name) for row in connection.execute(_UNTIDY)]
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        for schema, name in untidy:
            driver.execute(sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}").format(sql.Identifier(schema, name)))
    return [f"{schema}.{name}" for schema, name in untidy]


def rebuilt_schemas(connection: sa.Connection) -> list[str]:
    """Rebuilt warehouses that nobody has dropped: they name people."""
    return list(connection.execute(_REBUILT).scalars())


def record(connection: sa.Connection, *, as_of: datetime, removed: Mapping[str, int], vacuumed: list[str]) -> None:
    """Keeps what was done: `removed` counts by what, `vacuumed` names tables."""
    values = {"as_of": as_of, "removed": json.dumps(dict(removed)), "vacuumed": vacuumed}
    connection.execute(_RECORD, values)
