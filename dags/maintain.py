"""
### maintain: what leaves by itself

**Owner:** motcua. **Rhythm:** nightly at 04:30, when the night's reading is over. Removes the archived pages that no
listing of the last `MOTCUA_ARCHIVE_MONTHS` months had, and those that belong to no batch; `api.pruning` says how many.

**Red means** an error of ours, or that sources were being read for more than ten minutes on end: nothing is lost, the
pages are removed by the next run.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it says what to
do. Never delete pages by hand: what needs one that is not in `api.pruning` takes the archive for damaged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, task
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, settings

with DAG(
    "maintain",
    description="Xóa các trang lưu trữ đã quá hạn",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 4 * * *", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "archive"],
    params={"as_of": AS_OF},
):

    @task(execution_timeout=timedelta(minutes=60))
    def prune(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Removes archived pages past their time."""
        from motcua import steps

        return dict(steps.prune(settings=settings(), as_of=moment(params, dag_run)))

    prune()
