"""What was published, by `core.publication`, and the lock that keeps publishers apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

# Two publishers would take the same number; the key means nothing.
PUBLICATION_LOCK = 7_315_002
LOCK_TIMEOUT = "10min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The newest row of `core.publication`."""

    seq: int
    as_of: datetime
    rows: int
    changed: int
    manifest_sha256: str


def last_publication(connection: sa.Connection) -> Published | None:
    """The newest version that was recorded, pointed to or not."""
    row = connection.execute(
        sa.text("SELECT seq, as_of, rows, changed, manifest_sha256 FROM core.publication ORDER BY seq DESC LIMIT 1")
    ).one_or_none()
    return None if row is None else Published(**row._mapping)


def record(connection: sa.Connection, made: Published, published_at: datetime) -> None:
    """Records a version and commits: from here on its number is taken."""
    connection.execute(
        sa.text(
            """INSERT INTO core.publication (seq, as_of, published_at, rows, changed, manifest_sha256)
               VALUES (:seq, :as_of, :published_at, :rows, :changed, :manifest_sha256)"""
        ),
        {
            "seq": made.seq,
            "as_of": made.as_of,
            "published_at": published_at,
            "rows": made.rows,
            "changed": made.changed,
            "manifest_sha256": made.manifest_sha256,
        },
    )
    connection.commit()


@contextmanager
def one_publisher(lock: sa.Connection) -> Iterator[None]:
    """Holds the publication lock; a second publisher waits, then sees what the first one made."""
    lock.execute(sa.text("SELECT set_config('lock_timeout', :timeout, true)"), {"timeout": LOCK_TIMEOUT})
    lock.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": PUBLICATION_LOCK})
    lock.commit()
    try:
        yield
    finally:
        lock.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": PUBLICATION_LOCK})
        lock.commit()
