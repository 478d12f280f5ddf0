"""
### watch_over: what is wrong, told once

**Owner:** motcua. **Rhythm:** every 5 minutes, day and night, also when nothing else runs; one run at a time. Looks at
sources, runs, publication, portal, holds and disk; incidents open and close by themselves (`api.incident`). One message
a run at most, to the connections `motcua_alerts_mail`, `motcua_alerts_slack` and `motcua_alerts_webhook`, where they
are defined: what opened, what is over; once a working day all that is open.

**Red means** an error of ours, or that the warehouse is away. A message that does not leave is *not* red: the next run
tells it, and `api.message` says why.

**First thing to do:** in the log, look for *Task failed with exception*: the sentence with it says what to do. Then
clear the task: nobody is told the same twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task
from telling import links
from wiring import (
    AS_OF,
    BY_KIND_OF_ERROR,
    CITY_TIME,
    DEFAULTS,
    DOSSIERS,
    RUNS_BY_CLOCK,
    newest,
    settings,
    when,
)

# between the quarters of an hour, at which everything else begins
BETWEEN = CronTriggerTimetable("3-59/5 * * * *", timezone=CITY_TIME)

with DAG(
    "watch_over",
    description="Theo dõi, mở và đóng sự cố, báo cho người phụ trách",
    doc_md=__doc__,
    # a city that stands still is looked at when its dossiers have moved
    schedule=AssetOrTimeSchedule(timetable=BETWEEN, assets=[DOSSIERS]) if RUNS_BY_CLOCK else [DOSSIERS],
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "alerts"],
    params={"as_of": AS_OF},
):

    @task(execution_timeout=timedelta(minutes=10))
    def watch(params: dict[str, Any], dag_run: Any, triggering_asset_events: Any) -> dict[str, Any]:
        """Looks at everything, keeps incidents, and tells what changed."""
        from datetime import UTC, datetime

        from airflow_connections import AirflowConnections
        from alert_channels import channels
        from motcua import steps

        now = datetime.now(UTC)
        told = {} if RUNS_BY_CLOCK else newest(triggering_asset_events)
        as_of = when(params, "as_of") or (datetime.fromisoformat(told["as_of"]) if told else now)
        by = channels(AirflowConnections(), dag_run.run_id)
        try:
            seen = steps.watch(settings=settings(), as_of=as_of, now=now, channels=by.keys())
        finally:  # what an earlier look found is told, whatever keeps this one from looking
            sent = steps.tell(
                settings=settings(),
                run_key=dag_run.run_id,
                as_of=as_of,
                now=now,
                channels=by,
                links=links(dag_run.run_id),
            )
        return {**seen, **sent}

    watch()
