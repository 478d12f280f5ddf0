"""Airflow reads this first in every component: the scheduler imports what tasks need, once, before it forks them."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import: it phones home otherwise

if sys.argv[1:2] == ["scheduler"]:
    # LocalExecutor forks its workers from the scheduler: importing here costs 8 s once, not 8 s and 350 MB a task
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401
