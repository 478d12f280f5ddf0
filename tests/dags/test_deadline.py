"""A run that is late, on Airflow's own components: scheduler, triggerer, API server and DAG processor on PostgreSQL."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from motcua import steps
from motcua.settings import Settings

from sandbox.stack.airflow_api import FINISHED, AirflowApi
from sandbox.stack.environment import Ports, airflow_environment, airflow_secrets
from sandbox.stack.processes import Programs, patiently
from sandbox.stack.stack import COMPONENTS, HEALTHY
from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT
from tests.steps.ledgers import AS_OF, SOURCES, Ledgers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deadline")]

WAIT_SECONDS = 240
DAG = """
import os, pathlib, time
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG, task
from telling import ends_within

with DAG("collect_dossiers", schedule=None, start_date=datetime(2018, 4, 1, tzinfo=UTC),
         deadline=ends_within(timedelta(seconds=1))):

    @task(retries=5, retry_delay=timedelta(0))  # a busy machine cuts Airflow's own lines
    def collect(dag_run):
        from motcua import steps
        from motcua.connections import EnvironmentConnections
        from motcua.errors import ConfigError
        from motcua.settings import Settings

        settings, go = Settings.from_environment(os.environ), pathlib.Path(os.environ["GO"])
        planned = steps.plan(settings=settings, run_key=dag_run.run_id, as_of=datetime(2018, 12, 25, 3, tzinfo=UTC),
                             sources=["SOURCE"])
        try:  # nobody has told it of a connection
            steps.collect(settings=settings, connections=EnvironmentConnections({}), cycle_id=planned["cycle_id"],
                          sources=["SOURCE"])
        except ConfigError:
            pass
        while not go.exists():
            time.sleep(0.1)

    collect()
"""


@pytest.fixture
def airflow_database(postgres: sa.URL) -> Iterator[str]:
    """URL of a database of Airflow's own, on the server of the session."""
    name = f"airflow_{uuid.uuid4().hex[:12]}"
    server = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def environ(settings: Settings, airflow_database: str, tmp_path: Path) -> dict[str, str]:
    """What Airflow's programs are told: this tree's code, and one DAG that waits until it may go on."""
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "slow.py").write_text(DAG.replace("SOURCE", SOURCES[0]), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MOTCUA_"))}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    told = airflow_environment(tmp_path, Ports.free(), airflow_database)
    code = [CHECKOUT / name for name in ("include", "dags", "config")]
    return {
        **kept, **told, **environment_of(settings), "PATH": programs, "GO": str(tmp_path / "go"),
        "PYTHONPATH": os.pathsep.join(map(str, code)), "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
    }  # fmt: skip


@pytest.fixture
def airflow(environ: dict[str, str], tmp_path: Path) -> Iterator[AirflowApi]:
    """A running Airflow that knows the DAG."""
    programs = Programs(mark=uuid.uuid4().hex, logs=tmp_path / "logs")
    command = Path(sys.executable).parent / "airflow"
    api = AirflowApi(environ["AIRFLOW__API__BASE_URL"], "admin", airflow_secrets(tmp_path)["passwords"]["admin"])
    try:
        programs.run("airflow-db", (command, "db", "migrate"), environ, CHECKOUT)
        for name, arguments in COMPONENTS.items():
            programs.start(f"airflow-{name}", (command, *arguments), environ, CHECKOUT)
        wait_until(lambda: programs.check() or api.is_healthy(HEALTHY))
        api.log_in()
        wait_until(lambda: api.knows(["collect_dossiers"]) or api.import_errors())
        assert api.import_errors() == []
        api.unpause(["collect_dossiers"])
        yield api
    finally:
        programs.stop(within_seconds=30)


def wait_until(is_so: Any) -> None:
    """Returns when it is; fails after a while."""
    for _ in patiently(WAIT_SECONDS, pause_seconds=0.3):
        if is_so():
            return
    raise AssertionError(f"not within {WAIT_SECONDS} s")


def test_a_run_that_is_late_becomes_an_incident_and_ends_with_the_run(
    airflow: AirflowApi, settings: Settings, tmp_path: Path
) -> None:
    ledgers = Ledgers(settings)
    ledgers.good_day()
    run = airflow.trigger("collect_dossiers", {})["dag_run_id"]
    noted = "SELECT dag_id, run_key FROM core.missed_deadline"
    wait_until(lambda: ledgers.rows(noted))
    assert ledgers.rows(noted) == [("collect_dossiers", run)]
    steps.watch(settings=settings, as_of=AS_OF, now=datetime.now(UTC))
    assert ledgers.rows("SELECT kind, subject, severity FROM api.incident WHERE closed_at IS NULL") == [
        ("run_late", "collect_dossiers", "critical")
    ]

    (tmp_path / "go").touch()
    wait_until(lambda: airflow.run("collect_dossiers", run)["state"] in FINISHED)
    assert airflow.run("collect_dossiers", run)["state"] == "success"
    ledgers.write("UPDATE core.cycle SET ended_at = clock_timestamp() WHERE ended_at IS NULL")  # as `report` does
    steps.watch(settings=settings, as_of=AS_OF, now=datetime.now(UTC))
    assert ledgers.rows("SELECT closed_at IS NOT NULL FROM api.incident WHERE kind = 'run_late'") == [(True,)]

    folder = tmp_path / "logs" / "tasks" / "dag_id=collect_dossiers" / f"run_id={run}" / "task_id=collect"
    said = [line for log in sorted(folder.glob("attempt=*.log")) for line in log.read_text("utf-8").splitlines()]
    refused = [line for line in map(json.loads, said) if line["event"].startswith("could not be read")][-1]
    told = {name: refused[name] for name in ("level", "logger", "run", "stage", "source", "batch")}
    assert told == {
        "level": "warning", "logger": "motcua.steps.collect", "run": 2, "stage": "collect", "source": SOURCES[0],
        "batch": f"2.{SOURCES[0]}",
    }  # fmt: skip
