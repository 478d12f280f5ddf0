"""The tasks between a plan and its announcement: read, judge, merge. Shared by every DAG that brings dossiers in.

No DAG stands here; a task belongs to the DAG that calls it. What gathers up runs after `all_done`: of the platforms
above it some are skipped in most runs, and to `all_done_min_one_success` one that is skipped is not done.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task, task_group
from wiring import DOSSIERS, PLATFORMS, places, settings

# A plan without a cycle: it reads nothing, moves nothing and announces nothing.
NOTHING_DUE: dict[str, Any] = {"cycle_id": None, "collect": {}}


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


@task(trigger_rule="all_done", execution_timeout=timedelta(minutes=5))
def chunks(planned: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What was read, cut into parts that fit into memory; a collecting task that failed stops no other's rows."""
    if not has_cycle(planned):  # nothing is due, or the plan is red and says why
        return []
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


@task(outlets=[DOSSIERS], trigger_rule="all_done", execution_timeout=timedelta(minutes=5))
def announce(planned: dict[str, Any] | None, outlet_events: Any) -> None:
    """Tells publication and delivery that the warehouse moved, even where a part of the run is red."""
    from airflow.sdk.exceptions import AirflowSkipException

    if not has_cycle(planned):
        raise AirflowSkipException("there is no plan, or nothing is due: nothing has moved")
    outlet_events[DOSSIERS].extra = {"as_of": planned["as_of"], "cycle_id": planned["cycle_id"]}


@task(trigger_rule="all_done", retries=0, execution_timeout=timedelta(minutes=5))
def report(planned: dict[str, Any] | None, ti: Any, dag_run: Any) -> dict[str, Any]:
    """Closes the cycle and says once what is wrong; red when we failed, or too much of a platform is down."""
    from airflow.sdk.exceptions import AirflowSkipException
    from motcua import steps
    from motcua.errors import MotcuaError

    if is_backfill(dag_run):
        raise AirflowSkipException("a backfill reads nothing")
    if planned is None:
        raise MotcuaError("there is no plan: open the task `plan`; nothing was read")
    if not has_cycle(planned):
        return {"sources": 0}
    outcome: dict[str, Any] = steps.report(settings=settings(), cycle_id=planned["cycle_id"])
    failed = ti.get_ti_count(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id], states=["failed", "upstream_failed"])
    if failed:
        raise MotcuaError(f"{failed} tasks of this run failed: open the red ones; the others' rows are merged")
    return outcome


def has_cycle(planned: Any) -> bool:
    """Whether the plan was made, and has something to read."""
    return planned is not None and planned["cycle_id"] is not None


def is_backfill(dag_run: Any) -> bool:
    """Whether the run looks back: nothing is read, published or sent in it."""
    return bool(dag_run.run_type == "backfill")


def read_and_merge(planned: Any) -> None:
    """Wires a plan to its end: each platform in its own pool, then part by part, then the news and the report."""
    read = chunks(planned)
    for platform in PLATFORMS:
        share = parts.override(task_id=f"plan_{platform}")(planned, platform)
        collect.override(task_id=f"collect_{platform}", pool=platform).expand_kwargs(share) >> read
    load.expand_kwargs(read) >> [announce(planned), report(planned)]
