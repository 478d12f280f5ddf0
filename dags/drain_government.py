"""
### drain_government: to the Government portal

**Owner:** motcua. **Rhythm:** whenever the dossiers moved, and every 5 minutes. The only sender: one run at a time,
and a fence in the warehouse besides.

**Red means** an error of ours. A portal that is down or refuses is *not* red: the outbox waits, `api.delivery` says
why, and the next run goes on.

**First thing to do:** `motcua outbox`: what waits and why, whether the sender pauses, and what the portal refused in
its own words; `unknown` ones are looked up by the next run. Never send by hand: `motcua outbox retry`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task
from wiring import BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, DOSSIERS, RUNS_BY_CLOCK, newest, places

EVERY_FIVE_MINUTES = CronTriggerTimetable("*/5 * * * *", timezone=CITY_TIME)

with DAG(
    "drain_government",
    description="Đồng bộ hồ sơ lên Cổng Dịch vụ công quốc gia",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=EVERY_FIVE_MINUTES, assets=[DOSSIERS]) if RUNS_BY_CLOCK else [DOSSIERS],
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "portal"],
):

    @task(execution_timeout=timedelta(minutes=60))
    def drain(triggering_asset_events: Any) -> dict[str, Any]:
        """Sends what is due, in order per dossier."""
        from datetime import UTC, datetime

        from motcua import steps

        cycle_id = newest(triggering_asset_events).get("cycle_id")
        return steps.drain(**places(), clock=lambda: datetime.now(UTC), cycle_id=cycle_id)

    drain()
