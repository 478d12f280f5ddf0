"""`config/airflow_clean.sh` on a real database of Airflow: what is long over goes, what people entered stays."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.dags.conftest import CHECKOUT

pytestmark = pytest.mark.slow

SCRIPT = CHECKOUT / "config" / "airflow_clean.sh"
BIN = Path(sys.executable).parent
RUNS = """
INSERT INTO dag_run (dag_id, run_id, run_type, state, start_date, end_date, run_after, queued_at, clear_number,
                     triggered_by)
SELECT 'collect_dossiers', 'manual ' || age, 'manual', 'success', moment, moment, moment, moment, 0, 'UI'
FROM (SELECT age, now() - age * interval '1 day' AS moment FROM unnest(ARRAY[200, 100, 10]) AS age) r
"""
LOG = "INSERT INTO log (dttm, event) SELECT now() - age * interval '1 day', 'run' FROM unnest(ARRAY[100, 10]) AS age"
POOL = "INSERT INTO slot_pool (pool, slots, include_deferred) VALUES ('igate', 4, false)"


@pytest.fixture
def database(postgres: sa.URL) -> Iterator[str]:
    name = f"airflow_{uuid.uuid4().hex[:12]}"
    plain = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgres.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "MOTCUA_"))}
    return clean | {
        "PATH": f"{BIN}:{clean['PATH']}", "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path / "logs"),
    }  # fmt: skip


def run(environment: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_is_long_over_goes_and_the_rest_stays(database: str, environment: dict[str, str], tmp_path: Path) -> None:
    made = run(environment, BIN / "airflow", "db", "migrate")
    assert made.returncode == 0, made.stderr
    logs = tmp_path / "logs" / "dag_id=a"
    for name, days in (("old", 100), ("new", 10)):
        file = logs / name / "attempt=1.log"
        file.parent.mkdir(parents=True)
        file.touch()
        moment = file.stat().st_mtime - days * 86_400
        os.utime(file, (moment, moment))
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in (RUNS, LOG, POOL):
            connection.execute(statement.encode())
        done = run(environment, SCRIPT)
        assert done.returncode == 0, done.stderr
        assert connection.execute("SELECT run_id FROM dag_run").fetchall() == [("manual 10",)]
        assert connection.execute("SELECT count(*) FROM log WHERE event = 'run'").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM slot_pool WHERE pool = 'igate'").fetchone() == (1,)
        left = "SELECT count(*) FROM pg_tables WHERE tablename LIKE '%airflow_deleted%'"
        assert connection.execute(left.encode()).fetchone() == (0,)
    assert [folder.name for folder in logs.iterdir()] == ["new"]


def test_days_that_are_none_are_refused_before_anything_goes(environment: dict[str, str]) -> None:
    done = run(environment | {"AIRFLOW_KEEP_DAYS": "0"}, SCRIPT)
    assert (done.returncode, "expected whole days from 1, got '0'" in done.stderr) == (2, True)
