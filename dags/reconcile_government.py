"""
### reconcile_government: what the Government portal really holds

**Owner:** motcua. **Rhythm:** nightly at 03:30. Looks up what was told in the last 7 days, every delivery of unknown
outcome, and a hundredth of the rest, another one each night; compares field by field. What is missing there or differs
is queued again, once; what differs after that is an issue, `portal_differs`.

**Red means** an error of ours. A portal that is down is *not* red, nor is a run for which ten minutes were too short:
the next one goes on where it ended.

**First thing to do:** look at `api.reconciliation`: `stopped` says why a run ended early, `fields` which fields
differed. Never send by hand.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, task
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, places

with DAG(
    "reconcile_government",
    description="Đối chiếu hồ sơ với Cổng Dịch vụ công quốc gia",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 3 * * *", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "portal"],
    params={"as_of": AS_OF},
):

    @task(execution_timeout=timedelta(minutes=20))
    def reconcile(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Compares the ledger with the portal, and mends."""
        from datetime import UTC, datetime

        from motcua import steps

        return steps.reconcile(**places(), as_of=moment(params, dag_run), clock=lambda: datetime.now(UTC))

    reconcile()
