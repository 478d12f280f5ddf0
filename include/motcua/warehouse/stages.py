"""Which stages ran, for how long, with how many rows and how much memory; and which of them failed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from motcua.logs import bound

log = logging.getLogger(__name__)


@dataclass(slots=True)
class StageRun:
    """Filled in by whoever runs the stage: how many rows went through it, and its greatest memory in MB."""

    rows: int = 0
    peak_memory_mb: int = 0


@contextmanager
def stage_run(engine: sa.Engine, stage: str, cycle_id: int | None) -> Iterator[StageRun]:
    """Records that a stage ran, from entry to exit, with what the caller filled in; of one that raised, the class.

    What is logged meanwhile carries the run's number and the stage's name.
    """
    run = StageRun()
    with engine.connect() as connection:
        started_at = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    with bound(run=cycle_id, stage=stage):
        try:
            yield run
        except BaseException as error:  # Airflow ends a task that takes too long by one that is no Exception
            _record_failure(engine, stage, cycle_id, error)
            raise
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


def _record_failure(engine: sa.Engine, stage: str, cycle_id: int | None, error: BaseException) -> None:
    """Whoever watches sees it; where the database itself is away, the error that is under way says so."""
    try:
        with engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO stage_failure (cycle_id, stage, error_class) VALUES (:cycle_id, :stage, :kind)"),
                {"cycle_id": cycle_id, "stage": stage, "kind": type(error).__name__},
            )
    except sa.exc.DBAPIError as away:
        log.warning("the failure of %s is not recorded: %s", stage, type(away.orig).__name__)
