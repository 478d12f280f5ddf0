"""The warehouse's side of an erasure: who told a dossier, on which pages it may stand, and what is private of it.

The archive is one, whatever warehouse is written: its batches and erasures are those of the schema `core`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import cast

import psycopg
import sqlalchemy as sa
from psycopg import sql

from motcua.warehouse import rebuilt
from motcua.warehouse.pages import Page, with_notes
from motcua.warehouse.statements import LOCK_SOURCE


def sources_of(connection: sa.Connection, code: str, identity: str) -> list[str]:
    """Sources that have told a dossier, what was refused of it too."""
    rows = connection.execute(
        sa.text("""
            SELECT source_id FROM core.source_dossier WHERE code = :code
            UNION SELECT source_id FROM core.claim WHERE code = :code
            UNION SELECT source_id FROM core.quarantine WHERE identity = :identity
            ORDER BY source_id
        """),
        {"code": code, "identity": identity},
    )
    return list(rows.scalars())


def searched(connection: sa.Connection, sources: Collection[str]) -> Iterator[tuple[str, Page]]:
    """Each page that these sources were ever read from, and those of batches that were never merged, by any source."""
    return _pages(
        connection,
        sa.text("""
            SELECT source_id, pages, page_notes FROM core.batch
            WHERE source_id = ANY(:names) OR state <> 'merged' ORDER BY cycle_id, source_id
        """),
        sources,
    )


def readings(connection: sa.Connection, pages: Collection[str]) -> Iterator[tuple[str, Page]]:
    """Everybody who was ever read from these pages, and the pages beside them."""
    return _pages(
        connection,
        sa.text("""
            SELECT source_id, pages, page_notes FROM core.batch
            WHERE pages && CAST(:names AS text[]) ORDER BY cycle_id, source_id
        """),
        pages,
    )


def _pages(connection: sa.Connection, statement: sa.TextClause, names: Collection[str]) -> Iterator[tuple[str, Page]]:
    for row in connection.execute(statement, {"names": list(names)}):
        for page in with_notes(row.pages, row.page_notes):
            yield row.source_id, page


def begin(
    connection: sa.Connection, *, identity: str, reason: str, requested_by: str, as_of: datetime,
    sources: Sequence[str], pages: Sequence[str], records: int,
) -> int:  # fmt: skip
    """The erasure stands in the ledger, with its pages, before the first of them is touched; its number."""
    statement = sa.text("""
        INSERT INTO core.erasure (code, reason, requested_by, as_of, sources, pages, records)
        VALUES (:identity, :reason, :requested_by, :as_of, :sources, :pages, :records) RETURNING erasure_id
    """)
    values = {
        "identity": identity, "reason": reason, "requested_by": requested_by, "as_of": as_of,
        "sources": list(sources), "pages": list(pages), "records": records,
    }  # fmt: skip
    return int(connection.execute(statement, values).scalar_one())


def erase_private(connection: sa.Connection, code: str, sources: Sequence[str]) -> None:
    """Removes the applicant, and the words of steps and supplements; their times stay: they are public.

    In rebuilt warehouses, too.
    """
    for source_id in sorted(sources):  # no merge of the dossier comes between
        connection.execute(LOCK_SOURCE, {"source_id": source_id})
    driver = cast("psycopg.Connection", connection.connection.dbapi_connection)  # SQLAlchemy types it as any driver's
    schemas = ["private", *(str(one["schema"]) for one in rebuilt.listed(connection))]
    with driver.cursor() as cursor:
        for schema in schemas:
            for statement in _PRIVATE:
                cursor.execute(statement.format(sql.Identifier(schema)), {"code": code})


def end(connection: sa.Connection, erasure_id: int) -> None:
    """Nothing is left to do."""
    statement = sa.text("UPDATE core.erasure SET ended_at = clock_timestamp() WHERE erasure_id = :erasure_id")
    connection.execute(statement, {"erasure_id": erasure_id})


def cycles_at_work(connection: sa.Connection, sources: Collection[str]) -> list[int]:
    """Cycles that have read these sources, and are yet to merge what they read; what began a day ago was cut off."""
    rows = connection.execute(
        sa.text("""
            SELECT DISTINCT cycle_id FROM core.batch b JOIN core.cycle c USING (cycle_id)
            WHERE b.source_id = ANY(:sources) AND b.state IN ('collected', 'judged') AND c.ended_at IS NULL
              AND c.started_at > clock_timestamp() - interval '1 day' ORDER BY cycle_id
        """),
        {"sources": list(sources)},
    )
    return list(rows.scalars())


_PRIVATE = (
    sql.SQL("DELETE FROM {}.applicant WHERE code = %(code)s"),
    sql.SQL("UPDATE {}.step SET department = NULL, note = NULL WHERE code = %(code)s"),
    sql.SQL("UPDATE {}.supplement SET external_id = NULL, note = NULL WHERE code = %(code)s"),
)
