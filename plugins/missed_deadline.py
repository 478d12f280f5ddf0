"""What Airflow calls when a run has not ended at its deadline: a note in the warehouse, of which `watch_over` tells.

No message leaves from here: whatever is wrong is told in one message, by one DAG.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any


# Any: Airflow's own
async def note(context: dict[str, Any]) -> None:
    """In the triggerer: notes the run. A backfill waits for its turn as long as it must."""
    run = context["dag_run"]
    if run["run_type"] != "backfill":
        await asyncio.to_thread(_note, run["dag_id"], run["dag_run_id"])


def _note(dag_id: str, run_id: str) -> None:
    from datetime import UTC, datetime

    from motcua import steps
    from motcua.settings import Settings

    settings = Settings.from_environment(os.environ)
    steps.note_missed_deadline(settings=settings, dag_id=dag_id, run_key=run_id, at=datetime.now(UTC))
