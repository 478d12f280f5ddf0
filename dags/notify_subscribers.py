"""
### notify_subscribers: that the city feed moved

**Owner:** motcua. **Rhythm:** whenever `publish_progress` ends well, and every 5 minutes for those who did not answer.
Each subscriber of `registry/subscribers.yaml` is sent the new `index.json`, signed; without that file nothing happens.

**Red means** an error of ours. A subscriber that is down or refuses is *not* red: `motcua feed subscribers` says who
waits for what, and the next run tries again.

**First thing to do:** in the log, a warning names the subscriber and why. One that answered 410 is told no more until
somebody runs `motcua feed resume`.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task
from wiring import BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, FEED, RUNS_BY_CLOCK, places

EVERY_FIVE_MINUTES = CronTriggerTimetable("*/5 * * * *", timezone=CITY_TIME)

with DAG(
    "notify_subscribers",
    description="Báo cho các bên đăng ký khi dữ liệu công bố thay đổi",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=EVERY_FIVE_MINUTES, assets=[FEED]) if RUNS_BY_CLOCK else [FEED],
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "feed"],
):

    @task(execution_timeout=timedelta(minutes=10))
    def notify() -> dict[str, int]:
        """Sends what is due, to all side by side."""
        from datetime import UTC, datetime

        from motcua import steps

        return steps.notify(**places(), clock=lambda: datetime.now(UTC))

    notify()
