"""What one database session holds of judged rows before they are merged: `incoming_*` tables, filled by COPY."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import pandas as pd
import psycopg
import sqlalchemy as sa

from motcua.warehouse.copying import copy_in

INCOMING = {
    "incoming_dossier": "core.source_dossier",
    "incoming_applicant": "private.applicant",
    "incoming_step": "private.step",
    "incoming_supplement": "private.supplement",
    "incoming_quarantine": "core.quarantine",
    "incoming_issue": "core.issue",
    # and of a replay, of accepted words that pass still
    "incoming_present": "source_id and code of all that stands in a listing that proves absence",
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
    present: pd.DataFrame


def stage(connection: sa.Connection, judged: Iterable[Judged]) -> None:
    """Copies slices into this session's `incoming_*` tables, one after the other, replacing what they held.

    No two slices may have a row of the same key.
    """
    for statement in SESSION_TABLES:
        connection.execute(statement)
    driver = cast("psycopg.Connection", connection.connection.dbapi_connection)  # SQLAlchemy types it as any driver's
    with driver.cursor() as cursor:
        for part in judged:
            frames = (part.dossiers, part.applicants, part.steps, part.supplements, part.quarantine, part.issues,
                      part.present)  # fmt: skip
            for table, frame in zip(INCOMING, frames, strict=True):
                copy_in(cursor, table, frame)
    for statement in SESSION_INDEXES:
        connection.execute(statement)
    connection.commit()


SESSION_TABLES = tuple(
    map(
        sa.text,
        (
            "CREATE TEMP TABLE IF NOT EXISTS incoming_dossier (LIKE source_dossier)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_applicant (LIKE applicant)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_step (LIKE step INCLUDING DEFAULTS)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_supplement (LIKE supplement)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_quarantine (LIKE quarantine INCLUDING DEFAULTS)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_issue (LIKE issue INCLUDING DEFAULTS)",
            "CREATE TEMP TABLE IF NOT EXISTS incoming_present (source_id text NOT NULL, code text NOT NULL)",
            "CREATE TEMP TABLE IF NOT EXISTS changed"
            " (code text PRIMARY KEY, is_new boolean NOT NULL, deleted boolean NOT NULL,"
            " absent boolean NOT NULL DEFAULT false) ON COMMIT DELETE ROWS",
            "TRUNCATE incoming_dossier, incoming_applicant, incoming_step, incoming_supplement, incoming_quarantine,"
            " incoming_issue, incoming_present",
        ),
    )
)
SESSION_INDEXES = tuple(
    map(
        sa.text,
        (
            "CREATE INDEX IF NOT EXISTS incoming_dossier_key ON incoming_dossier (source_id, code)",
            "CREATE INDEX IF NOT EXISTS incoming_applicant_key ON incoming_applicant (source_id, code)",
            "CREATE INDEX IF NOT EXISTS incoming_step_key ON incoming_step (source_id, code)",
            "CREATE INDEX IF NOT EXISTS incoming_supplement_key ON incoming_supplement (source_id, code)",
            "CREATE INDEX IF NOT EXISTS incoming_quarantine_key ON incoming_quarantine (source_id)",
            "CREATE INDEX IF NOT EXISTS incoming_issue_key ON incoming_issue (source_id)",
            "CREATE INDEX IF NOT EXISTS incoming_present_key ON incoming_present (source_id, code)",
            # Whoever holds rows for longer than this has forgotten them.
            "SET lock_timeout = '60s'",
            # Between two statements of a merge nothing is done: who says nothing for so long is asleep, and lets go.
            "SET idle_in_transaction_session_timeout = '2min'",
            # The tables fill faster than their statistics are refreshed, and a plan made for an empty table reads a
            # full one from end to end. A batch is small beside the city: by index, row by row, is always right.
            "SET enable_seqscan = off",
            "SET enable_hashjoin = off",
            "SET enable_mergejoin = off",
            "ANALYZE incoming_dossier, incoming_applicant, incoming_step, incoming_supplement, incoming_present",
        ),
    )
)
