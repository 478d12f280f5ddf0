"""
### replay_quarantine: what was refused is judged again

**Owner:** motcua. **Rhythm:** hourly: when rules, code tables or the code that judges have changed since, and once a
change; else it ends after `plan`. By hand, with a form: which sources, which rules (all when left empty), and why. One
run at a time; who asked and the reason are kept in `api.cycle`.

No source is asked: the archived pages are judged by the rules of now, and of these only what is open in quarantine
counts; with `everything` what was accepted, too (`motcua rules try` tells beforehand). What passes is merged, published
and delivered; what does not has one attempt more; what is published and fails now stays so. No watermark moves.

**Red means** a source that the registry does not know, a page that is lost from the archive (one past its time is left
out, and the log says so), or an error of ours.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it says what to
do. Mend that and start a new run with the same form: what has passed is not judged again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from stages import announce, chunks, load, report
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, settings, who

HOURLY = CronTriggerTimetable("50 * * * *", timezone=CITY_TIME)

with DAG(
    "replay_quarantine",
    description="Xét lại các hồ sơ đang bị từ chối theo quy tắc hiện hành",
    doc_md=__doc__,
    schedule=HOURLY if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "quarantine"],
    params={
        "sources": Param([], type="array", items={"type": "string", "pattern": r"^[a-z0-9_]+\.[a-z0-9_]+$"},
                         title="Các nguồn", description="Để trống: mọi nguồn. Mỗi dòng một mã"),
        "rules": Param([], type="array", items={"type": "string", "pattern": r"^[a-z_]+$"},
                       title="Các quy tắc", description="Để trống: mọi quy tắc. Ví dụ unknown_channel"),
        "everything": Param(False, type="boolean", title="Xét lại toàn bộ kho lưu",
                            description="Cả hồ sơ đã được nhận; bỏ qua ô Các quy tắc"),
        "reason": Param(None, type=["null", "string"], minLength=5, maxLength=500, title="Lý do",
                        description="Được lưu cùng tên người yêu cầu; không ghi thông tin cá nhân. Để trống: chỉ xét "
                                    "lại khi quy tắc hay bảng mã đã đổi"),
        "as_of": AS_OF,
    },
):  # fmt: skip

    @task.short_circuit(execution_timeout=timedelta(minutes=5))
    def plan(params: dict[str, Any], dag_run: Any) -> Any:
        """Opens a cycle of what is to be judged again; nothing, and what follows is skipped, where nothing is."""
        from motcua import steps

        steps.prepare(settings=settings())
        asked = {"run_key": f"replay {dag_run.run_id}", "as_of": moment(params, dag_run)}
        if not params["reason"]:
            return steps.replay_changed(settings=settings(), **asked)
        return steps.replay_quarantine(
            settings=settings(), sources=params["sources"], rules=params["rules"], everything=params["everything"],
            reason=params["reason"], requested_by=who(dag_run), **asked,
        )  # fmt: skip

    planned = plan()
    load.expand_kwargs(chunks(planned)) >> [announce(planned), report(planned)]
