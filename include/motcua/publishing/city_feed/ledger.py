"""What was published, by `core.publication`, and the lock that keeps publishers apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime

import sqlalchemy as sa

from motcua.errors import StaleWrite

# Two publishers would take the same number; the key means nothing.
PUBLICATION_LOCK = 7_315_002
LOCK_TIMEOUT = "10min"
_LOST = (
    "the publication lock is lost: this run was asleep, or the database was away; it writes no more, and the next "
    "publication begins where the feed stands"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A row of `core.publication`.

    Attributes:
        seq: the version.
        as_of: its moment.
        rows: dossiers it shows.
        changed: dossiers created, updated or gone since the version before.
        manifest_sha256: of its manifest.
        previous: the version that its delta follows; None where it follows none.
        is_snapshot: whether it holds all rows.
        sensitive: by field: sensitive dossiers that its figures hold.
        accepted_because: why a person let a jump of the figures pass.
        accepted_by: who.
    """

    seq: int
    as_of: datetime
    rows: int
    changed: int
    manifest_sha256: str
    previous: int | None
    is_snapshot: bool
    sensitive: Mapping[str, int] = field(default_factory=dict)
    accepted_because: str | None = None
    accepted_by: str | None = None


_SELECT = """
SELECT seq, as_of, rows, changed, manifest_sha256, previous, is_snapshot, sensitive, accepted_because, accepted_by
FROM core.publication WHERE removed_at IS NULL AND as_of >= :since ORDER BY seq
"""
_INSERT = """
INSERT INTO core.publication (seq, as_of, published_at, rows, changed, manifest_sha256, previous, is_snapshot,
                              sensitive, accepted_because, accepted_by)
VALUES (:seq, :as_of, :published_at, :rows, :changed, :manifest_sha256, :previous, :is_snapshot,
        CAST(:sensitive AS jsonb), :accepted_because, :accepted_by)
"""
_LAST = """
SELECT seq, as_of, rows, changed, manifest_sha256, previous, is_snapshot, sensitive, accepted_because, accepted_by
FROM core.publication ORDER BY seq DESC LIMIT 1
"""
_REMOVED = """
UPDATE core.publication SET removed_at = :at, removed_because = :reason, removed_by = :by
WHERE seq = ANY (:seqs) AND removed_at IS NULL
"""


def last_publication(connection: sa.Connection) -> Published | None:
    """The newest version that was recorded, pointed to or not."""
    row = connection.execute(sa.text(_LAST)).one_or_none()
    return None if row is None else Published(**row._mapping)


def publications_since(connection: sa.Connection, moment: datetime) -> list[Published]:
    """Versions of this moment and later that were not taken down, oldest first."""
    return [Published(**row._mapping) for row in connection.execute(sa.text(_SELECT), {"since": moment})]


def record(connection: sa.Connection, made: Published, published_at: datetime) -> None:
    """Records a version: once the transaction ends, its number is taken."""
    values = asdict(made) | {"published_at": published_at, "sensitive": json.dumps(dict(made.sensitive))}
    connection.execute(sa.text(_INSERT), values)


def record_removal(connection: sa.Connection, seqs: Sequence[int], *, at: datetime, reason: str, by: str) -> None:
    """Records that versions were taken down."""
    connection.execute(sa.text(_REMOVED), {"seqs": list(seqs), "at": at, "reason": reason, "by": by})


@dataclass(frozen=True, slots=True)
class Turn:
    """The publication lock, as long as its session lasts."""

    _lock: sa.Connection

    def go_on(self) -> None:
        """To be asked before anything is written that readers see.

        Raises:
            StaleWrite: the session has ended, as that of a process that slept too long: another publisher may have
                written since.
        """
        if self._lock.invalidated:  # it would connect again, without the lock
            raise StaleWrite(_LOST)
        try:
            self._lock.execute(sa.text("SELECT 1"))
            self._lock.commit()
        except sa.exc.DBAPIError as error:
            raise StaleWrite(_LOST) from error


@contextmanager
def one_publisher(lock: sa.Connection) -> Iterator[Turn]:
    """Holds the publication lock; a second publisher waits, then sees what the first one made."""
    lock.execute(sa.text("SELECT set_config('lock_timeout', :timeout, true)"), {"timeout": LOCK_TIMEOUT})
    lock.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": PUBLICATION_LOCK})
    lock.commit()
    try:
        yield Turn(lock)
    finally:
        if not lock.invalidated:  # a session that has ended has let go of it
            with suppress(sa.exc.DBAPIError):
                lock.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": PUBLICATION_LOCK})
                lock.commit()
