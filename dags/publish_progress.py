"""
### publish_progress: the city feed and the public page

**Owner:** motcua. **Rhythm:** whenever `collect_dossiers` says that the dossiers moved. One run at a time.

**Red means** a gate refused the new version, or the feed's folder could not be written. The last good version
stays published: nobody outside sees a broken one.

**Skipped** means that a newer moment is published already: the feed never goes backwards, and nothing is to be done.

**First thing to do:** in the log, look for *Task failed with exception*: the sentence with it names the gate and the
figures. Mend the cause and clear the task: the same moment gives the same version.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task
from telling import PUBLISHED_WITHIN, ends_within
from wiring import BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, DOSSIERS, FEED, moment, newest, places

with DAG(
    "publish_progress",
    description="Công bố tình hình giải quyết hồ sơ",
    doc_md=__doc__,
    schedule=[DOSSIERS],
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    deadline=ends_within(PUBLISHED_WITHIN),
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "feed"],
    params={
        "as_of": Param(None, type=["null", "string"], format="date-time", title="Tính đến thời điểm",
                       description="Để trống: thời điểm của lần thu thập gần nhất"),
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=30), outlets=[FEED])
    def publish(params: dict[str, Any], dag_run: Any, triggering_asset_events: Any) -> dict[str, Any]:
        """Builds the feed and the page, checks them, and moves the pointer last."""
        from datetime import datetime

        from airflow.sdk.exceptions import AirflowSkipException
        from motcua import steps
        from motcua.publishing.city_feed import LateRun

        told = newest(triggering_asset_events)
        as_of = datetime.fromisoformat(told["as_of"]) if told else moment(params, dag_run)
        try:
            return steps.publish(**places(), as_of=as_of, published_at=dag_run.run_after, cycle_id=told.get("cycle_id"))
        except LateRun as late:  # nothing to mend: what is published is newer
            raise AirflowSkipException(str(late)) from late

    publish()
