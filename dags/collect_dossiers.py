"""
### collect_dossiers: from the sources to the warehouse

**Owner:** motcua. **Rhythm:** every 15 minutes in working hours, every hour otherwise, each time what is due by its
schedule (`motcua schedule`); often that is nothing, and the run ends at once. At 02:00 everything is due, and listed in
full what has not been so for a week. One run at a time. By hand it reads all, or those named. A **backfill** asks no
source and moves nothing: `rebuild` makes the warehouse as it was then from the archive, in a schema of its own.

**Red means** an error of ours, or more than 30 % of a platform down. A single source that is down or held is *not*
red: it stands in `api.source_state`. What is down is tried again in the next run; what is held waits for `decide_hold`.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it names the
source or the setting, and what to do (*terminated by signal*: it is tried again by itself). Then clear the task **with
Downstream**, so that what it reads is merged too. `report` sums up; after *too many are down* trigger a new run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task
from stages import NOTHING_DUE, is_backfill, read_and_merge
from telling import COLLECTED_WITHIN, ends_within
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, places, settings
from working_hours import WorkingHoursTimetable

# Without a clock it has its moments all the same: a backfill asks for those that are past.
BEGINS = pendulum.datetime(2018 if RUNS_BY_CLOCK else 2100, 4, 1, tz=CITY_TIME)

with DAG(
    "collect_dossiers",
    description="Đọc hồ sơ từ các nguồn, kiểm tra và hợp nhất",
    doc_md=__doc__,
    schedule=WorkingHoursTimetable(),
    start_date=BEGINS,
    catchup=False,
    max_active_runs=1,
    deadline=ends_within(COLLECTED_WITHIN),
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "sources", "warehouse"],
    params={
        "as_of": AS_OF,
        "sources": Param([], type="array", items={"type": "string"}, title="Chỉ các nguồn",
                         description="Mã nguồn, mỗi dòng một mã; để trống: tất cả các nguồn không tạm dừng"),
        "full": Param(False, type="boolean", title="Đọc lại toàn bộ danh sách"),
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=5))
    def plan(params: dict[str, Any], dag_run: Any, data_interval_end: Any = None) -> dict[str, Any]:
        """Fixes the moment and opens the cycle: by the clock what is due, by hand what the form asks for."""
        from datetime import UTC, datetime

        from airflow.sdk.exceptions import AirflowSkipException
        from motcua import steps

        if is_backfill(dag_run):
            raise AirflowSkipException("a backfill asks no source: the task `rebuild` has the rest")
        as_of = moment(params, dag_run, data_interval_end)
        steps.prepare(settings=settings())
        if dag_run.run_type == "scheduled":
            now = datetime.now(UTC)
            due = steps.plan_due(settings=settings(), run_key=dag_run.run_id, as_of=as_of, now=now)
            return dict(due or NOTHING_DUE)
        return steps.plan(
            settings=settings(), run_key=dag_run.run_id, as_of=as_of, sources=params["sources"], full=params["full"]
        )

    @task(trigger_rule="all_skipped", execution_timeout=timedelta(minutes=60))
    def rebuild(params: dict[str, Any], dag_run: Any, data_interval_end: Any = None) -> dict[str, Any]:
        """Of a backfill alone: the warehouse as it was at the moment, from the archive; a second try begins anew."""
        from motcua import steps

        as_of = moment(params, dag_run, data_interval_end)
        done = steps.rebuild(**places(), as_of=as_of, replaces=True)
        return {**done, "missing": len(done["missing"])}

    planned = plan()
    planned >> rebuild()
    read_and_merge(planned)
