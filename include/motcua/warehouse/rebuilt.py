"""Warehouses beside the real one: each a schema with the same tables and rights, and a ledger taken from the real one.

The real schemas are read here and never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import psycopg
import sqlalchemy as sa
from psycopg import sql

from motcua.errors import ConfigError
from motcua.warehouse import ledger
from motcua.warehouse.engine import Role
from motcua.warehouse.refusals import BAD_ROWS

# PostgreSQL cuts names off after 63 letters
NAME = re.compile(r"rebuilt_[a-z0-9_]{1,55}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What became of a batch in the real warehouse: `merge` (its pages are judged again), `failed` or `held`."""

    batch_id: str
    cycle_id: int
    source_id: str
    as_of: datetime
    kind: str
    fetched: int
    is_replay: bool
    error_kind: str | None
    error: str | None


def checked(name: str) -> str:
    """The name of a rebuilt warehouse.

    Raises:
        ConfigError: no schema of that name is ever made.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: expected a name like rebuilt_20181001t1700, of a-z, 0-9 and _, at most 63 long")
    return name


def create(connection: sa.Connection, name: str, *, replace: bool) -> None:
    """Makes an empty warehouse: every table that the pipeline writes, with its rights on it and nobody else's.

    Raises:
        ConfigError: there is one of that name, and it is not to be replaced.
    """
    if exists(connection, name):
        if not replace:
            raise ConfigError(f"schema {name} is there already: give --replace, or another name with --schema")
        drop(connection, name)
    pipeline, schema = sql.Identifier(Role.PIPELINE.value), sql.Identifier(name)
    with _cursor(connection) as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, pipeline))
        for there, table in connection.execute(_TABLES, {"role": Role.PIPELINE.value}):
            statement = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)")
            cursor.execute(statement.format(sql.Identifier(name, table), sql.Identifier(there, table)))
        for table, right, columns in connection.execute(_RIGHTS, {"role": Role.PIPELINE.value}):
            some = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
            statement = sql.SQL("GRANT {} {} ON {} TO {}")
            cursor.execute(statement.format(sql.SQL(right), some, sql.Identifier(name, table), pipeline))


def drop(connection: sa.Connection, name: str) -> None:
    """Removes a rebuilt warehouse with all that is in it.

    Raises:
        ConfigError: there is none of that name.
    """
    if not exists(connection, checked(name)):
        raise ConfigError(f"there is no schema {name}; `motcua rebuild list` shows those that are there")
    with _cursor(connection) as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def exists(connection: sa.Connection, name: str) -> bool:
    """Whether there is such a schema."""
    found = connection.execute(sa.text("SELECT FROM pg_namespace WHERE nspname = :name"), {"name": name})
    return found.first() is not None


def listed(connection: sa.Connection) -> list[dict[str, object]]:
    """Rebuilt warehouses by name, with what was said of each when it was finished."""
    return [dict(row._mapping) for row in connection.execute(_LIST)]


def finish(connection: sa.Connection, name: str, told: str) -> None:
    """Says of a rebuilt warehouse what it is; one of which nothing is said was not finished."""
    with _cursor(connection) as cursor:
        cursor.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(name), sql.Literal(told)))


def take_ledger(connection: sa.Connection, as_of: datetime) -> int:
    """Fills the ledger of the rebuilt warehouse with cycles and batches as of a moment; how many cycles there are.

    From what this transaction was told: see `warehouse.kept`.
    """
    for statement in _TAKE_LEDGER:
        connection.execute(statement, {"as_of": as_of})
    return int(connection.execute(sa.text("SELECT count(*) FROM cycle")).scalar_one())


def sources_told(connection: sa.Connection) -> set[str]:
    """Sources of which there is something to judge again."""
    return set(connection.execute(_SOURCES, _NO_EFFECT).scalars())


def history(connection: sa.Connection) -> Iterator[Event]:
    """What happened to sources, in the order in which it did; `connection` is nobody else's while this is read."""
    streamed = connection.execution_options(stream_results=True, yield_per=1_000)
    for row in streamed.execute(_HISTORY, _NO_EFFECT):
        yield Event(**row._mapping)


def reopen(connection: sa.Connection, batches: list[str]) -> None:
    """Makes batches again what they were before they were judged."""
    connection.execute(_REOPEN, {"batches": batches})


def note(connection: sa.Connection, event: Event) -> None:
    """A batch that was never merged says of its source what it said then."""
    values = {
        "batch_id": event.batch_id, "cycle_id": event.cycle_id, "source_id": event.source_id, "as_of": event.as_of,
    }  # fmt: skip
    if event.kind == "held":
        connection.execute(_HELD, {**values, "reason": event.error})
    else:
        ledger.record_refused(connection, values, error_kind=str(event.error_kind), error=str(event.error))


def take_holds(connection: sa.Connection, as_of: datetime) -> None:
    """Mass changes that were raised until that moment, as they stood at it; of what this transaction was told."""
    for statement in _TAKE_HOLDS:
        connection.execute(statement, {"as_of": as_of})


def counts(connection: sa.Connection) -> dict[str, int]:
    """`dossiers` and `versions` of the rebuilt warehouse."""
    row = connection.execute(
        sa.text("SELECT (SELECT count(*) FROM dossier) AS dossiers, (SELECT count(*) FROM dossier_version) AS versions")
    ).one()
    return {name: int(count) for name, count in row._mapping.items()}


def _cursor(connection: sa.Connection) -> psycopg.Cursor[tuple[object, ...]]:
    driver = cast("psycopg.Connection", connection.connection.dbapi_connection)  # SQLAlchemy types it as any driver's
    return driver.cursor()


# What the pipeline may add rows to is what a merge writes; of what it only reads, a merge reads nothing.
_TABLES = sa.text("""
SELECT relnamespace::regnamespace::text AS there, relname::text FROM pg_class
WHERE relnamespace IN ('core'::regnamespace, 'private'::regnamespace) AND relkind IN ('r', 'p') AND NOT relispartition
  AND has_table_privilege(:role, oid, 'INSERT')
ORDER BY 1, 2
""")

# as they stand in the catalogue, so that no second list of them can differ
_RIGHTS = sa.text("""
WITH written AS (
    SELECT oid, relname, relacl FROM pg_class
    WHERE relnamespace IN ('core'::regnamespace, 'private'::regnamespace) AND relkind IN ('r', 'p')
      AND NOT relispartition AND has_table_privilege(:role, oid, 'INSERT')
)
SELECT relname::text, a.privilege_type, NULL::text[] AS columns
FROM written, aclexplode(relacl) AS a WHERE a.grantee = CAST(:role AS regrole)
UNION ALL
SELECT relname::text, a.privilege_type, array_agg(attname::text ORDER BY attnum)
FROM written JOIN pg_attribute ON attrelid = written.oid, aclexplode(attacl) AS a
WHERE a.grantee = CAST(:role AS regrole) AND attnum > 0 GROUP BY relname, a.privilege_type
""")

_LIST = sa.text("""
SELECT nspname::text AS schema, obj_description(oid, 'pg_namespace') AS told FROM pg_namespace
WHERE nspname ~ '^rebuilt_' ORDER BY nspname
""")

# A hold that was accepted only after a cycle of a later moment had begun was still a hold at this one.
_ACCEPTED_LATER = """
    SELECT h.batch_id, h.hold_id, h.reason FROM told_hold h
    WHERE h.state = 'accepted' AND h.decided_at >= (SELECT min(started_at) FROM told_cycle WHERE as_of > :as_of)
"""
_TAKE_LEDGER = tuple(
    map(
        sa.text,
        (
            "INSERT INTO cycle OVERRIDING SYSTEM VALUE SELECT * FROM told_cycle WHERE as_of <= :as_of",
            "INSERT INTO batch SELECT * FROM told_batch WHERE as_of <= :as_of",
            f"""
UPDATE batch b SET
    state = 'held', error_kind = 'HELD', error = later.reason, ended_at = c.started_at, accepted = NULL,
    quarantined = NULL, unchanged = NULL, deleted = NULL, changed = NULL
FROM cycle c, ({_ACCEPTED_LATER}) later
WHERE b.batch_id = later.batch_id AND c.cycle_id = b.cycle_id
""",  # noqa: S608  # a constant
        ),
    )
)

# Within a source the order is that of its cycles; between sources that tell of the same dossier it is that of the
# merges, of which the second waited for the first.
_EVENTS = """
    FROM batch
    WHERE state = 'merged' OR state = 'held' OR (state = 'failed' AND error_kind <> ALL(:no_effect))
"""
_NO_EFFECT = {"no_effect": [ledger.OVERTAKEN, ledger.BUSY, ledger.CUT_OFF]}
_HISTORY = sa.text(f"""
SELECT batch_id, cycle_id, source_id, as_of, coalesce(fetched, 0) AS fetched, kind = 'replay' AS is_replay, error_kind,
       error, CASE WHEN state = 'merged' OR error_kind = '{BAD_ROWS}' THEN 'merge' ELSE state END AS kind
{_EVENTS}
ORDER BY ended_at, batch_id
""")
_SOURCES = sa.text(f"SELECT DISTINCT source_id {_EVENTS}")

_REOPEN = sa.text("""
UPDATE batch SET
    state = 'collected', newest_change = NULL, accepted = NULL, quarantined = NULL, unchanged = NULL, deleted = NULL,
    changed = NULL, ended_at = NULL, error_kind = NULL, error = NULL, judged_by = NULL, staged = NULL
WHERE batch_id = ANY(:batches)
""")

_HELD = sa.text("""
UPDATE source_state SET state = 'held', reason = :reason, attempted_as_of = :as_of WHERE source_id = :source_id
""")

_TAKE_HOLDS = tuple(
    map(
        sa.text,
        (
            """
INSERT INTO hold OVERRIDING SYSTEM VALUE SELECT * FROM told_hold
WHERE raised_at <= :as_of
""",
            f"""
UPDATE hold SET state = 'open', decided_at = NULL, decided_by = NULL, decided_via = NULL, decision_reason = NULL
WHERE (state = 'lapsed' AND decided_at > :as_of) OR hold_id IN (SELECT hold_id FROM ({_ACCEPTED_LATER}) later)
""",  # noqa: S608  # a constant
            # as `ledger` says it while a hold is open
            """
UPDATE source_state s SET state = 'held'
WHERE state = 'down' AND EXISTS (SELECT FROM hold h WHERE h.source_id = s.source_id AND h.state = 'open')
""",
        ),
    )
)
