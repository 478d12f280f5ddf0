"""Which archived pages a batch still names, which are past their time, and what became of them.

There is one archive, whatever warehouse is written: these statements name the schema `core`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa


class Leftovers(NamedTuple):
    """Pages that nothing needs: past their time, and named by no batch."""

    expired: list[str]
    orphans: list[str]


def kept_since(connection: sa.Connection, as_of: datetime, months: int) -> datetime:
    """The moment so many months before `as_of`, by the calendar."""
    statement = sa.text("SELECT CAST(:as_of AS timestamptz) - make_interval(months => :months)")
    found: datetime = connection.execute(statement, {"as_of": as_of, "months": months}).scalar_one()
    return found


def note_readings(connection: sa.Connection) -> None:
    """Notes for this session when each page was last in a listing of a source; a replay is no listing."""
    connection.execute(sa.text("DROP TABLE IF EXISTS pg_temp.page_reading"))
    connection.execute(
        sa.text("""
            CREATE TEMP TABLE page_reading AS
            SELECT sha256, max(as_of) AS read_at
            FROM core.batch, unnest(pages) AS sha256 WHERE kind <> 'replay' GROUP BY sha256
        """)
    )
    connection.execute(sa.text("CREATE INDEX ON page_reading (sha256)"))
    connection.execute(sa.text("ANALYZE page_reading"))


def leftovers(connection: sa.Connection, pages: Collection[str], since: datetime | None) -> Leftovers:
    """Of some pages, those in no listing since a moment, and those in none at all; after `note_readings`."""
    rows = connection.execute(
        sa.text("""
            SELECT f.sha256, r.sha256 IS NULL AS is_orphan
            FROM unnest(CAST(:pages AS text[])) AS f(sha256) LEFT JOIN page_reading r USING (sha256)
            WHERE r.sha256 IS NULL OR r.read_at < CAST(:since AS timestamptz)
        """),
        {"pages": list(pages), "since": since},
    ).all()
    return Leftovers(
        expired=[row.sha256 for row in rows if not row.is_orphan],
        orphans=[row.sha256 for row in rows if row.is_orphan],
    )


def record(
    connection: sa.Connection, *, as_of: datetime, since: datetime, expired: int, orphans: int, kept: int,
    requested_by: str | None = None, reason: str | None = None,
) -> None:  # fmt: skip
    """What a pruning did, and who asked for it; without it a page that is not there is a page that was lost."""
    connection.execute(
        sa.text("""
            INSERT INTO core.pruning (as_of, kept_since, expired, orphans, kept, requested_by, reason)
            VALUES (:as_of, :since, :expired, :orphans, :kept, :requested_by, :reason)
        """),
        {
            "as_of": as_of,
            "since": since,
            "expired": expired,
            "orphans": orphans,
            "kept": kept,
            "requested_by": requested_by,
            "reason": reason,
        },
    )


def expired(connection: sa.Connection, pages: Collection[str]) -> set[str]:
    """Those of the pages that were past their time at some pruning."""
    rows = connection.execute(
        sa.text("""
            SELECT sha256 FROM core.batch, unnest(pages) AS sha256
            WHERE kind <> 'replay' AND pages && CAST(:pages AS text[]) AND sha256 = ANY(:pages)
            GROUP BY sha256 HAVING max(as_of) < (SELECT max(kept_since) FROM core.pruning)
        """),
        {"pages": list(pages)},
    )
    return set(rows.scalars())
