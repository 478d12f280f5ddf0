"""
### sync_source: some sources again, now, because somebody asked

**Owner:** motcua. **Rhythm:** by hand, with a form: which sources, how far back, and why. One run at a time. Who asked
and the reason are kept in `api.cycle`; publication and delivery follow by themselves.

**Red means** a source that the registry does not know, an error of ours, or a part of the run that failed. A source
that is down is *not* red: it stands in `api.batch` with the reason.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it says what to
do. Mend that and start a new run with the same form: reading again what is there already changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task
from stages import read_and_merge
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, REASON, moment, settings, when, who

with DAG(
    "sync_source",
    description="Đọc lại một hoặc nhiều nguồn theo yêu cầu",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "sources", "by hand"],
    params={
        "sources": Param(type="array", items={"type": "string", "pattern": r"^[a-z0-9_]+\.[a-z0-9_]+$"}, minItems=1,
                         title="Các nguồn", description="Mã nguồn, mỗi dòng một mã, ví dụ le_chan.an_bien"),
        "since": Param(None, type=["null", "string"], format="date-time", title="Đọc các thay đổi từ",
                       description="Để trống: từ mốc đã đọc của mỗi nguồn. Ví dụ 2018-12-01T00:00:00+07:00"),
        "full": Param(False, type="boolean", title="Đọc lại toàn bộ danh sách",
                      description="Toàn bộ danh sách của nguồn; khi đó để trống mục trên"),
        "reason": REASON,
        "as_of": AS_OF,
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=5))
    def plan(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Opens a cycle of these sources alone, with the reason and who asked."""
        from motcua import steps

        steps.prepare(settings=settings())
        return steps.plan(
            settings=settings(), run_key=f"sync {dag_run.run_id}", as_of=moment(params, dag_run),
            sources=params["sources"], full=params["full"], since=when(params, "since"), reason=params["reason"],
            requested_by=who(dag_run),
        )  # fmt: skip

    read_and_merge(plan())
