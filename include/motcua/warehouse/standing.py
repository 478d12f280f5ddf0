"""How far each source has been read, what it is known to have, and who is reading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a source has been read, by its own clock, which is `clock_skew_seconds` ahead of ours."""

    watermark: datetime | None
    full_listing_as_of: datetime | None
    clock_skew_seconds: float


def standings(connection: sa.Connection, sources: Sequence[str]) -> dict[str, Standing]:
    """How far each source has been read; sources never read are absent."""
    rows = connection.execute(
        sa.text("""
            SELECT source_id, watermark, full_listing_as_of, coalesce(clock_skew_seconds, 0) AS clock_skew_seconds
            FROM source_state WHERE source_id = ANY(:sources)
        """),
        {"sources": list(sources)},
    )
    return {
        row.source_id: Standing(
            watermark=row.watermark, full_listing_as_of=row.full_listing_as_of,
            clock_skew_seconds=row.clock_skew_seconds,
        )
        for row in rows
    }  # fmt: skip


def attempts(connection: sa.Connection) -> dict[str, datetime]:
    """When the last attempt at each source began; sources never tried are absent."""
    rows = connection.execute(sa.text("SELECT source_id, attempted_as_of FROM api.source_state"))
    return {row.source_id: row.attempted_as_of for row in rows}


def living_codes(connection: sa.Connection, source_id: str, *, before: datetime) -> set[str]:
    """Codes of a source's dossiers that are not deleted, and had changed before a moment."""
    rows = connection.execute(
        sa.text("""
            SELECT code FROM source_dossier
            WHERE source_id = :source_id AND NOT deleted AND source_changed_at < :before
        """),
        {"source_id": source_id, "before": before},
    )
    return set(rows.scalars())


# Shared by those who add pages, alone for who removes some.
_ARCHIVE = {"key": "archive"}


@contextmanager
def reading(connection: sa.Connection, source_id: str) -> Iterator[bool]:
    """Holds a source for one reading, or says that another cycle is reading it at this moment.

    Waits while pages are removed from the archive. The locks belong to the session: whoever dies lets them go.
    """
    key = {"key": f"reading {source_id}"}
    got = connection.execute(sa.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key).scalar_one()
    if got:
        connection.execute(sa.text("SELECT pg_advisory_lock_shared(hashtextextended(:key, 0))"), _ARCHIVE)
    connection.commit()  # no transaction stays open while a source answers
    try:
        yield bool(got)
    finally:
        if got:
            connection.execute(sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
            connection.execute(sa.text("SELECT pg_advisory_unlock_shared(hashtextextended(:key, 0))"), _ARCHIVE)
            connection.commit()


@contextmanager
def nobody_reading(connection: sa.Connection) -> Iterator[None]:
    """Waits until no source is being read, and keeps it so: every page of the archive then is a batch's, or nobody's.

    Raises:
        sqlalchemy.exc.OperationalError: somebody was reading for all of ten minutes.
    """
    with connection.begin():
        connection.execute(sa.text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(sa.text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), _ARCHIVE)
    try:
        yield
    finally:
        with connection.begin():
            connection.execute(sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), _ARCHIVE)
