"""A backfill of `collect_dossiers`: the warehouse as it was, from the archive, while nothing else moves."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.e2e.conftest import IN_NOVEMBER, WholeCity
from tests.e2e.evidence import Evidence

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

SECONDS = 300
SCHEMA = "rebuilt_20181109t1700"
# what was said in November by views whose rows are those of the table
SAID = ("dossier", "source_dossier", "dossier_version")
REAL = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('core', 'private') ORDER BY 1, 2"


class Past:
    """Somebody who asks Airflow for a run of the past, and looks at what it left."""

    def __init__(self, whole_city: WholeCity) -> None:
        self._stack, self.city = whole_city.stack, whole_city.city
        self._database = self._stack.database_url.replace("+psycopg", "")

    def run(self) -> tuple[str, dict[str, str]]:
        """How the run ended, and the tasks that did not simply succeed, with their states."""
        self._stack.airflow.backfill("collect_dossiers", IN_NOVEMBER)
        (run_id,) = [
            run["dag_run_id"]
            for run in self._stack.airflow.runs_since(IN_NOVEMBER)
            if run["run_type"] == "backfill" and run["dag_id"] == "collect_dossiers"
        ]
        for _ in range(SECONDS):
            state = str(self._stack.airflow.run("collect_dossiers", run_id)["state"])
            if state in {"success", "failed"}:
                tasks = [
                    *self._stack.airflow.tasks("collect_dossiers", run_id, state="skipped"),
                    *self._stack.airflow.tasks("collect_dossiers", run_id, state="success"),
                ]
                return state, {task["task_id"]: task["state"] for task in tasks}
            time.sleep(1)
        raise AssertionError(f"the backfill did not end within {SECONDS} s")

    def rows(self, query: sql.Composable) -> list[dict[str, Any]]:
        with psycopg.connect(self._database, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def real(self) -> dict[str, str]:
        """A digest of every table of the real warehouse, and of the feed's pointer."""
        found = {}
        for table in self.rows(sql.SQL(REAL)):
            place = sql.Identifier(table["schemaname"], table["tablename"])
            rows = self.rows(sql.SQL("SELECT to_jsonb(t)::text AS row FROM {} t ORDER BY 1").format(place))
            found[str(table["tablename"])] = hashlib.sha256(str(rows).encode()).hexdigest()
        pointers = sorted((Path(self._stack.home) / "feeds").rglob("*.json"))
        return found | {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in pointers}

    def served(self) -> object:
        """How much the stand-in city was asked for so far."""
        return self.city.http.get(f"{self.city.url}/control/ledger/served").raise_for_status().json()


def test_a_backfill_rebuilds_what_was_said_then_and_moves_nothing(
    whole_city: WholeCity, in_november: Evidence, in_december: Evidence
) -> None:
    past = Past(whole_city)
    real, served = past.real(), past.served()
    state, tasks = past.run()
    assert state == "success"
    assert {name for name, state in tasks.items() if state == "success"} == {"rebuild", "chunks"}
    assert tasks.keys() >= {"plan", "announce", "report"}
    assert (past.real(), past.served()) == (real, served)
    for view in SAID:
        said = in_november.warehouse[view]
        columns = sql.SQL(", ").join(map(sql.Identifier, said[0]))
        again = past.rows(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(SCHEMA, view)))
        assert ordered(again) == ordered(said), view
    motcua = Path(sys.executable).parent / "motcua"
    listed = subprocess.run([motcua, "rebuild", "list"], env=whole_city.stack.environment, check=True,
                            capture_output=True, text=True)  # fmt: skip
    assert f"{SCHEMA}" in listed.stdout
    assert "0 batches missing" in listed.stdout
    subprocess.run([motcua, "rebuild", "drop", SCHEMA], env=whole_city.stack.environment, check=True)


def ordered(rows: Any) -> list[str]:
    return sorted(str(sorted(row.items())) for row in rows)
