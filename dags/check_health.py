"""
### check_health: is this installation well?

**Owner:** motcua. **Rhythm:** Monday to Friday at 06:45, before the offices open, and by hand. It is `motcua doctor`
with Airflow's own connections: database, schema, roles, clock, disk, keys, connections, portal, mail, runs that were
cut off. It changes nothing.

**Red means** that something is to be mended, or that something we need is down: what, and what to do, stands in the
log of `examine`, one line each.

**First thing to do:** read these lines, do what they say, and clear the task.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, task
from wiring import BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, places, settings

with DAG(
    "check_health",
    description="Kiểm tra hệ thống: kho dữ liệu, kết nối, đĩa, khóa, cổng",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("45 6 * * 1-5", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "by hand"],
):

    @task(execution_timeout=timedelta(minutes=5))
    def examine() -> list[dict[str, Any]]:
        """One line a check; red when one of them is."""
        from dataclasses import asdict
        from datetime import UTC, datetime

        from motcua import steps
        from motcua.errors import MotcuaError
        from motcua.steps import doctor

        with steps.noted(settings=settings(), stage="check_health"):
            found = doctor.examine(**places(), now=datetime.now(UTC))
            if bad := [one for one in found if one.state in (doctor.State.MEND, doctor.State.DOWN)]:
                raise MotcuaError("; ".join(f"{one.check}: {one.told}: {one.to_do}" for one in bad))
        return [asdict(one) for one in found]

    examine()
