"""Parses the DAG folder as Airflow's processor does, in a process of its own, and prints what it found as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

REACHING = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "sqlite3.connect", "subprocess.Popen"}


def main() -> None:
    """Prints one object: import errors, seconds, the modules loaded, what was reached for outside, the DAGs by id."""
    from airflow.dag_processing.dagbag import BundleDagBag

    reached: list[str] = []
    sys.addaudithook(lambda event, _: reached.append(event) if event in REACHING else None)
    began = time.monotonic()
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    found = {"errors": bag.import_errors, "seconds": time.monotonic() - began, "modules": sorted(sys.modules)}
    found["reached"] = reached
    json.dump({**found, "dags": {dag.dag_id: described(dag) for dag in bag.dags.values()}}, sys.stdout)


def described(parsed: Any) -> dict[str, Any]:
    """One DAG as the scheduler knows it: written to JSON by the processor, and read again."""
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(parsed))))
    return {
        "doc": dag.doc_md,
        "description": dag.description,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": {name: dag.params.get_param(name).dump() for name in dag.params},
        "schedule": dag.timetable.summary,
        "begins": f"{dag.timezone.convert(dag.start_date):%Y-%m-%d}",
        "assets": sorted(asset.name for _, asset in dag.timetable.asset_condition.iter_assets()),
        "tasks": {task.task_id: described_task(task) for task in dag.tasks},
    }


def described_task(task: Any) -> dict[str, Any]:
    """A task; `name_of_each` is what its mapped instances are called by, `minutes` its time limit."""
    limit = task.execution_timeout
    return {
        "owner": task.owner,
        "pool": task.pool,
        "retries": task.retries,
        "retries_by_kind_of_error": bool(task.has_retry_policy),
        "minutes": limit and limit.total_seconds() / 60,
        "is_mapped": bool(task.is_mapped) or any(True for _ in task.iter_mapped_task_groups()),
        "name_of_each": task.map_index_template,
        "outlets": [outlet.name for outlet in task.outlets],
        "upstream": sorted(task.upstream_task_ids),
        "trigger_rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
    }


if __name__ == "__main__":
    main()
