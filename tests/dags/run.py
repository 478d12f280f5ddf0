"""Runs a DAG to its end in this process, as Airflow would, once for each form; prints what came of each task."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Forms of a run by the clock are this word and its moment.
BY_CLOCK = "by the clock"


def main() -> None:
    """`run.py DAG FORM…`: each form is JSON, or `{"by the clock": MOMENT}`; prints one object a form: task → state."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.utils.db import initdb

    dag_id, *forms = sys.argv[1:]
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    sys.path.insert(0, str(folder))
    initdb()
    dag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder").dags[dag_id]
    dag.deadline = None  # the scheduler keeps it on record, and looks there: for a DAG that is only tried nobody does
    ended = []
    for form in map(json.loads, forms):
        run = by_clock(dag, datetime.fromisoformat(form[BY_CLOCK])) if BY_CLOCK in form else dag.test(run_conf=form)
        ended.append({"run": str(run.state), **{one.task_id: str(one.state) for one in run.get_task_instances()}})
    sys.stdout.write(f"\n{json.dumps(ended)}\n")


def by_clock(dag: Any, moment: datetime) -> Any:
    """A run as the scheduler makes it: Airflow's own way to try a DAG knows runs by hand alone."""
    from airflow.models import dagrun
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    def scheduled(*, dag: Any, run_id: str, conf: Any, triggering_user_name: str, **rest: Any) -> Any:
        made = {**rest, "run_type": DagRunType.SCHEDULED, "state": "running",
                "triggered_by": DagRunTriggeredByType.TIMETABLE}  # fmt: skip
        return dag.create_dagrun(run_id=f"scheduled__{moment.isoformat()}", conf=conf, **made)

    with patch.object(dagrun, "get_or_create_dagrun", scheduled):
        return dag.test(logical_date=moment, run_after=moment)


if __name__ == "__main__":
    main()
