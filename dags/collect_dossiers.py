"""
### collect_dossiers: from the sources to the warehouse

**Owner:** motcua. **Rhythm:** every 15 minutes in working hours, once at night. One run at a time.

**Red means** an error of ours, or more than 30 % of a platform down. A single source that is down is *not* red:
it stands in `api.source_state`, and is tried again in the next run.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it names the
source or the setting, and what to do (*terminated by signal*: it is tried again by itself). Then clear the task **with
Downstream**, so that what it reads is merged too. `report` sums up; after *too many are down* trigger a new run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, MultipleCronTriggerTimetable, Param, get_current_context, task, task_group
from wiring import BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, DOSSIERS, PLATFORMS, RUNS_BY_CLOCK, moment, places, settings

WORKING_HOURS_AND_ONE_NIGHT = MultipleCronTriggerTimetable("*/15 7-17 * * 1-5", "0 2 * * *", timezone=CITY_TIME)

with DAG(
    "collect_dossiers",
    description="Đọc hồ sơ từ các nguồn, kiểm tra và hợp nhất",
    doc_md=__doc__,
    schedule=WORKING_HOURS_AND_ONE_NIGHT if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "sources", "warehouse"],
    params={
        "as_of": Param(None, type=["null", "string"], format="date-time", title="Tính đến thời điểm",
                       description="Để trống: thời điểm của lần chạy. Ví dụ 2018-12-25T17:00:00+07:00"),
        "sources": Param([], type="array", items={"type": "string"}, title="Chỉ các nguồn",
                         description="Mã nguồn, mỗi dòng một mã; để trống: tất cả các nguồn đến hạn"),
        "full": Param(False, type="boolean", title="Đọc lại toàn bộ danh sách"),
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=5))
    def plan(params: dict[str, Any], dag_run: Any, data_interval_end: Any = None) -> dict[str, Any]:
        """Fixes the moment and opens the cycle: which sources, from when."""
        from motcua import steps

        as_of = moment(params, dag_run, data_interval_end)
        steps.prepare(settings=settings())
        return steps.plan(
            settings=settings(), run_key=dag_run.run_id, as_of=as_of, sources=params["sources"], full=params["full"]
        )

    @task(execution_timeout=timedelta(minutes=5))
    def parts(planned: dict[str, Any], platform: str) -> list[dict[str, Any]]:
        """The platform's share of the plan; none of its sources is due: what follows is skipped."""
        return [{**part, "cycle_id": planned["cycle_id"]} for part in planned["collect"].get(platform, [])]

    @task(map_index_template="{{ label }}", execution_timeout=timedelta(minutes=30))
    def collect(label: str, cycle_id: int, sources: list[str]) -> dict[str, Any]:
        """Reads some sources of one group to the end; a source that is down is recorded, not raised."""
        get_current_context()["label"] = label
        from motcua import steps

        return steps.collect(**places(), cycle_id=cycle_id, sources=sources)

    @task(trigger_rule="all_done_min_one_success", execution_timeout=timedelta(minutes=5))
    def chunks(planned: dict[str, Any]) -> list[dict[str, Any]]:
        """What was read, cut into parts that fit into memory; a collecting task that failed stops no other's rows."""
        from motcua import steps

        cycle_id = planned["cycle_id"]
        return [{**chunk, "cycle_id": cycle_id} for chunk in steps.chunks(settings=settings(), cycle_id=cycle_id)]

    @task(map_index_template="{{ label }}", execution_timeout=timedelta(minutes=30))
    def judge(label: str, cycle_id: int, part: str, batches: list[str]) -> dict[str, Any]:
        """Judges rows by the rule book; the bad ones go to quarantine."""
        get_current_context()["label"] = label
        from motcua import steps

        return steps.judge(**places(), cycle_id=cycle_id, part=part, batches=batches)

    @task(map_index_template="{{ label }}", execution_timeout=timedelta(minutes=30))
    def consolidate(label: str, cycle_id: int, part: str, batches: list[str]) -> dict[str, Any]:
        """Merges the judged batches of a part, each in one transaction."""
        get_current_context()["label"] = label
        from motcua import steps

        return steps.consolidate(**places(), cycle_id=cycle_id, part=part, batches=batches)

    @task_group(group_id="load")
    def load(label: str, cycle_id: int, part: str, batches: list[str]) -> None:
        """From staged frames to the warehouse, part by part: one part's failure stops no other."""
        judge(label, cycle_id, part, batches) >> consolidate(label, cycle_id, part, batches)

    @task(outlets=[DOSSIERS], trigger_rule="all_done_min_one_success", execution_timeout=timedelta(minutes=5))
    def announce(planned: dict[str, Any], outlet_events: Any) -> None:
        """Tells publication and delivery that the warehouse moved, even where a part of the run is red."""
        outlet_events[DOSSIERS].extra = {"as_of": planned["as_of"], "cycle_id": planned["cycle_id"]}

    @task(trigger_rule="all_done_min_one_success", retries=0, execution_timeout=timedelta(minutes=5))
    def report(planned: dict[str, Any], ti: Any, dag_run: Any) -> dict[str, Any]:
        """Closes the cycle and says once what is wrong; red when we failed, or too much of a platform is down."""
        from motcua import steps
        from motcua.errors import MotcuaError

        outcome: dict[str, Any] = steps.report(settings=settings(), cycle_id=planned["cycle_id"])
        failed = ti.get_ti_count(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id], states=["failed", "upstream_failed"])
        if failed:
            raise MotcuaError(f"{failed} tasks of this run failed: open the red ones; the others' rows are merged")
        return outcome

    planned = plan()
    read = chunks(planned)
    for platform in PLATFORMS:
        share = parts.override(task_id=f"plan_{platform}")(planned, platform)
        collect.override(task_id=f"collect_{platform}", pool=platform).expand_kwargs(share) >> read
    load.expand_kwargs(read) >> [announce(planned), report(planned)]
