"""
### maintain: what leaves by itself

**Owner:** motcua. **Rhythm:** nightly at 04:30, when the night's reading is over. Removes the archived pages that no
listing of the last `MOTCUA_ARCHIVE_MONTHS` months had, those that belong to no batch, and rows of ledgers that are no
trail after `MOTCUA_LEDGER_MONTHS`; closes cycles that were cut off; vacuums what needs it. `api.pruning` and
`api.upkeep` say what was done.

**Red means** an error of ours; that sources were being read for more than ten minutes on end; or that the moment lies
far from the newest reading: a clock may be wrong, and pages do not come back. Nothing is lost, the next run does it.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it says what to
do. Never delete pages by hand: what needs one that is not in `api.pruning` takes the archive for damaged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, settings

with DAG(
    "maintain",
    description="Dọn trang lưu trữ và sổ ghi đã quá hạn, đóng chu kỳ bị ngắt, dọn bảng",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 4 * * *", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "archive"],
    params={
        "as_of": AS_OF,
        "anyway": Param(False, type="boolean", title="Bỏ qua kiểm tra giờ máy",
                        description="Dữ liệu quá hạn theo thời điểm trên sẽ mất hẳn, dù giờ máy có thể sai"),
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=60))
    def upkeep(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Removes, closes and sweeps."""
        from datetime import UTC, datetime

        from motcua import steps

        as_of, now = moment(params, dag_run), datetime.now(UTC)
        with steps.noted(settings=settings(), stage="maintain"):
            return dict(steps.maintain(settings=settings(), as_of=as_of, now=now, anyway=params["anyway"]))

    upkeep()
