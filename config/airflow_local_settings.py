"""Airflow reads this first in every component: what forks tasks imports what they need, once, before it forks them."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import: it phones home otherwise

# LocalExecutor forks its workers from the scheduler, Celery from its own head
FORKS_TASKS = {"LocalExecutor": ["scheduler"], "CeleryExecutor": ["celery", "worker"]}
HEAD = FORKS_TASKS.get(os.environ.get("AIRFLOW__CORE__EXECUTOR", ""), [])

if HEAD and sys.argv[1 : 1 + len(HEAD)] == HEAD:
    # importing here costs 8 s once, not 8 s and 350 MB a task
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401
