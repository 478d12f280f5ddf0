"""Lets Airflow itself make runs of `collect_dossiers` in a database of its own; prints their moments as JSON.

`moments.py FROM/TO…`: a backfill of each span, then what the scheduler makes at this moment, then its next moment.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAG_ID = "collect_dossiers"


def main() -> None:
    """Prints `{"backfills": [[moment…]…], "scheduled": [[moment, state]…], "next": moment, "timetable": {…}}`."""
    from airflow.utils.db import initdb

    initdb()
    keep_dags()
    backfills = [backfilled(*map(datetime.fromisoformat, span.split("/"))) for span in sys.argv[1:]]
    told = {"backfills": backfills, **scheduled()}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def keep_dags() -> None:
    """What the processor of DAG files does with them."""
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    sys.path.insert(0, str(folder))
    with create_session() as session:
        session.add(DagBundleModel(name="dags-folder"))
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert bag.import_errors == {}, bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)


def backfilled(since: datetime, until: datetime) -> list[str]:
    """Moments of the runs of a backfill."""
    import sqlalchemy as sa
    from airflow.models.backfill import Backfill, BackfillDagRun, _create_backfill
    from airflow.utils.session import create_session

    made = _create_backfill(
        dag_id=DAG_ID, from_date=since, to_date=until, max_active_runs=1, reverse=False, dag_run_conf={},
        triggering_user_name="somebody",
    )  # fmt: skip
    with create_session() as session:
        of = BackfillDagRun.backfill_id == made.id
        rows = session.scalars(sa.select(BackfillDagRun.logical_date).where(of).order_by(BackfillDagRun.sort_ordinal))
        moments = [moment.isoformat() for moment in rows]
        session.execute(sa.update(Backfill).values(completed_at=datetime.now(UTC)))
    return moments


def scheduled() -> dict[str, Any]:
    """What the scheduler makes now, what it plans next, and the timetable as it is kept."""
    import sqlalchemy as sa
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models import DagModel, DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.sqlalchemy import prohibit_commit

    with create_session() as session:
        session.execute(sa.update(DagModel).where(DagModel.dag_id == DAG_ID).values(is_paused=False))
    runner = SchedulerJobRunner(job=Job())
    with create_session() as session, prohibit_commit(session) as guard:
        runner._create_dagruns_for_dags(guard, session)
    with create_session() as session:
        by_clock = sa.select(DagRun).where(DagRun.dag_id == DAG_ID, DagRun.run_type == "scheduled")
        runs = [[run.data_interval_end.isoformat(), str(run.state)] for run in session.scalars(by_clock)]
        model = session.scalars(sa.select(DagModel).where(DagModel.dag_id == DAG_ID)).one()
        kept = session.scalars(SerializedDagModel.latest_item_select_object(DAG_ID)).one()
        upcoming = model.next_dagrun_create_after
        return {
            "scheduled": runs,
            "next": upcoming and upcoming.isoformat(),
            "timetable": kept.data["dag"]["timetable"],
            "shown": [model.timetable_summary, model.timetable_description],
        }


if __name__ == "__main__":
    main()
