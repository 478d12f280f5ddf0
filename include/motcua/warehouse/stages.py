"""Which stages ran, for how long, with how many rows and how much memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(slots=True)
class StageRun:
    """Filled in by whoever runs the stage: how many rows went through it, and its greatest memory in MB."""

    rows: int = 0
    peak_memory_mb: int = 0


@contextmanager
def stage_run(engine: sa.Engine, stage: str, cycle_id: int | None) -> Iterator[StageRun]:
    """Records that a stage ran, from entry to exit, with what the caller filled in; nothing when it raised."""
    run = StageRun()
    with engine.connect() as connection:
        started_at = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    yield run
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO stage_run (cycle_id, stage, started_at, ended_at, rows, peak_memory_mb)
                VALUES (:cycle_id, :stage, :started_at, clock_timestamp(), :rows, :peak_memory_mb)
            """),
            {
                "cycle_id": cycle_id, "stage": stage, "started_at": started_at, "rows": run.rows,
                "peak_memory_mb": run.peak_memory_mb,
            },
        )  # fmt: skip
