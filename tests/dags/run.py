"""Runs a DAG to its end in this process, as Airflow would, once for each form; prints what came of each task."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """`run.py DAG FORM…`: each form is JSON; prints one object a form: task → state."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.utils.db import initdb

    dag_id, *forms = sys.argv[1:]
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    sys.path.insert(0, str(folder))
    initdb()
    dag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder").dags[dag_id]
    ended = []
    for form in forms:
        run = dag.test(run_conf=json.loads(form))
        ended.append({"run": str(run.state), **{one.task_id: str(one.state) for one in run.get_task_instances()}})
    sys.stdout.write(f"\n{json.dumps(ended)}\n")


if __name__ == "__main__":
    main()
