"""Judged rows into a real warehouse: one batch of one source at a time, in the pipeline's role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from motcua.warehouse import ledger
from motcua.warehouse.merge import Batch, Merged, merge
from motcua.warehouse.session import stage

from tests.warehouse.builders import AS_OF, CODE, SENIORITY, judged

SOURCE = "le_chan.an_bien"
AGENCY = "H24.33.05"


def merge_rows(
    engine: sa.Engine,
    rows: Sequence[dict[str, object]],
    *,
    source_id: str = SOURCE,
    as_of: datetime = AS_OF,
    quarantine: Sequence[dict[str, object]] = (),
    **frames: pd.DataFrame,
) -> Merged | None:
    """Merges `rows` as one cycle's batch; `frames` replace what the builders would hang on them."""
    with engine.begin() as connection:
        key = str(connection.execute(sa.text("SELECT count(*) FROM core.cycle")).scalar_one())
        number = ledger.open_cycle(connection, run_key=key, as_of=as_of, is_full=False, sources=1)
        batch_id = f"{number}.{source_id}"
        ledger.record_collected(
            connection, batch_id=batch_id, at=ledger.cycle(connection, number), source_id=source_id, kind="window",
            window=(None, as_of), pages=[], announced=len(rows), fetched=len(rows),
        )  # fmt: skip
    own = [row | {"batch_id": batch_id, "source_id": source_id} for row in rows]
    newest = max((row["source_changed_at"] for row in rows), default=None)
    batch = Batch(
        batch_id=batch_id,
        cycle_id=number,
        source_id=source_id,
        as_of=as_of,
        window_to=as_of,
        is_full=False,
        newest_change=newest,
    )
    with engine.connect() as connection:
        stage(connection, [replace(judged(own, quarantine), **frames)])
        merged = merge(connection, batch, SENIORITY)
        connection.detach()  # its session tables and planner settings go with it
    return merged


def held_back(identity: str = CODE, **differs: object) -> dict[str, object]:
    """A quarantine row of one refused dossier but for `differs`."""
    return {
        "source_id": SOURCE, "identity": identity, "rule": "unknown_status", "field": "status", "severity": "critical",
        "owner": "office", "agency_code": AGENCY, "channel": 1, "status": None, "page_sha256": "cd" * 32,
        "page_row": 0, "batch_id": "1", "first_seen": AS_OF, "last_seen": AS_OF, "attempts": 1, "is_primary": True,
    } | differs  # fmt: skip
