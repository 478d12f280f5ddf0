"""The merge of one batch: source rows, dossiers, versions, outbox, issues, watermark and ledger in one transaction.

Rows arrive by COPY in session tables (`incoming_*`), many batches at once; each batch is then merged by set-based
statements in a transaction of its own. Sources are locked one by one, codes by their agency part, both in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import pandas as pd
import psycopg
import sqlalchemy as sa

from motcua.errors import StaleWrite
from motcua.warehouse import statements as sql
from motcua.warehouse.copying import copy_in

INCOMING = {
    "incoming_dossier": "core.source_dossier",
    "incoming_applicant": "private.applicant",
    "incoming_step": "private.step",
    "incoming_supplement": "private.supplement",
    "incoming_quarantine": "core.quarantine",
    "incoming_issue": "core.issue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Frames of judged batches, columns as in the tables named by `INCOMING`; every frame has `source_id`."""

    dossiers: pd.DataFrame
    applicants: pd.DataFrame
    steps: pd.DataFrame
    supplements: pd.DataFrame
    quarantine: pd.DataFrame
    issues: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch to merge.

    Attributes:
        batch_id: `<cycle>.<source>`.
        cycle_id: the fencing number.
        source_id: whose rows.
        as_of: the cycle's moment; becomes the recorded time.
        is_full: a complete full listing: its word is final.
        newest_change: greatest change time read, refused rows included; the watermark to be.
    """

    batch_id: str
    cycle_id: int
    source_id: str
    as_of: datetime
    is_full: bool
    newest_change: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did: rows of this batch by outcome. `changed` counts new versions of dossiers."""

    accepted: int
    quarantined: int
    unchanged: int
    deleted: int
    changed: int


def stage(connection: sa.Connection, judged: Judged) -> None:
    """Copies frames into this session's `incoming_*` tables, replacing what they held."""
    frames = (judged.dossiers, judged.applicants, judged.steps, judged.supplements, judged.quarantine, judged.issues)
    for statement in sql.SESSION_TABLES:
        connection.execute(statement)
    driver = cast("psycopg.Connection", connection.connection.driver_connection)  # SQLAlchemy types it as any driver's
    with driver.cursor() as cursor:
        for table, frame in zip(INCOMING, frames, strict=True):
            copy_in(cursor, table, frame)
    for statement in sql.SESSION_INDEXES:
        connection.execute(statement)
    connection.commit()


def merge(connection: sa.Connection, batch: Batch) -> Merged | None:
    """Merges one staged batch; None when it is merged already.

    Raises:
        StaleWrite: a newer cycle has merged this source since; nothing is written.
    """
    values = {
        "batch_id": batch.batch_id,
        "cycle_id": batch.cycle_id,
        "source_id": batch.source_id,
        "as_of": batch.as_of,
        "is_full": batch.is_full,
        "newest_change": batch.newest_change,
    }
    with connection.begin():
        connection.execute(sql.LOCK_SOURCE, values)
        standing = connection.execute(sql.STANDING, values).one()
        if standing.state == "merged":
            return None
        if standing.fence is not None and standing.fence > batch.cycle_id:
            raise StaleWrite(
                f"{batch.source_id}: cycle {standing.fence} has merged this source since cycle {batch.cycle_id} read it"
            )
        connection.execute(sql.FIND_CHANGES, values)
        connection.execute(sql.LOCK_CODES, values)
        for statement in sql.SOURCE_ROWS:
            connection.execute(statement, values)
        changed = connection.execute(sql.DOSSIERS, values).scalar_one()
        for statement in sql.FINDINGS:
            connection.execute(statement, values)
        connection.execute(sql.WATERMARK, values)
        counts = connection.execute(sql.CLOSE_BATCH, values | {"changed": changed}).one()
    return Merged(**counts._mapping)
