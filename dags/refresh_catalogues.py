"""
### refresh_catalogues: procedures, fields and agencies as the Government portal has them

**Owner:** motcua. **Rhythm:** weekly, in the night from Sunday to Monday at 01:10; by hand at any time. Reads the
portal's catalogues, keeps what changed, finds the sources that still use withdrawn codes (issue `withdrawn_procedure`),
and proposes which code took the place of which. Nothing of the registry changes by it.

**Red means** an error of ours. A portal that is down, or a catalogue that is not believed, is *not* red: the last good
one stays, and `api.catalogue_refresh` says why.

**First thing to do:** `motcua catalogues` shows the last reading. One that was `refused` for what it lost is either cut
off (call the portal's people) or a reform: then start this DAG by hand and say why it is to be believed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, places, who

ACCEPT_LOSS = Param(None, type=["null", "string"], minLength=5, maxLength=500, title="Vì sao tin danh mục bị giảm mạnh",
                    description="Để trống: không tin danh mục mất hơn một phần mười số mục. Lý do được lưu cùng tên"
                                " người yêu cầu")  # fmt: skip

with DAG(
    "refresh_catalogues",
    description="Đọc danh mục thủ tục, lĩnh vực, cơ quan của Cổng Dịch vụ công quốc gia",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("10 1 * * 1", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "portal"],
    params={"as_of": AS_OF, "accept_loss": ACCEPT_LOSS},
):

    @task(execution_timeout=timedelta(minutes=30))
    def refresh(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Reads the catalogues, and keeps all of it or nothing."""
        from motcua import steps

        done = steps.refresh_catalogues(
            **places(), as_of=moment(params, dag_run), requested_by=who(dag_run), accept_loss=params["accept_loss"]
        )
        return dict(done)

    refresh()
