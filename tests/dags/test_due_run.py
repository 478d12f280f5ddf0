"""Runs of `collect_dossiers` by the clock, by Airflow itself: what is due is read; else nothing moves."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.registry.sources import PLATFORMS
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT, airflow_environ
from tests.dags.run import BY_CLOCK
from tests.ports import free_port

pytestmark = pytest.mark.slow

NOON = datetime.fromisoformat("2018-10-08T10:00:00+07:00")
WARDS = {"an_bien": "05", "ho_nam": "06", "cat_dai": "01", "du_hang": "07"}
SOURCES = """\
group: le_chan
defaults: {platform: igate, connection: igate_le_chan, schedule: PT1H, time_budget_seconds: 3}
sources:
""" + "".join(f"  - {{id: le_chan.{name}, unit: 000.{number}.33.H24}}\n" for name, number in WARDS.items())
TRIED = sa.text(
    "INSERT INTO source_state (source_id, state, reason, attempted_as_of, failures)"
    " VALUES ('le_chan.' || :name, 'down', 'TIMEOUT: no answer', :moment, 1)"
)


def test_nothing_due_is_a_green_run_without_a_cycle_and_what_is_due_is_read_alone(
    settings: Settings, tmp_path: Path
) -> None:
    registry = tmp_path / "registry" / "sources"
    registry.mkdir(parents=True)
    (registry / "le_chan.yaml").write_text(SOURCES, encoding="utf-8")
    engine = warehouse.engine(settings, Role.PIPELINE)
    with engine.begin() as connection:
        for name in WARDS:  # one of them a quarter of an hour before the others
            minutes = 45 if name == "an_bien" else 30
            connection.execute(TRIED, {"name": name, "moment": NOON - timedelta(minutes=minutes)})
    closed = json.dumps({"conn_type": "generic", "host": f"http://127.0.0.1:{free_port()}", "login": "x",
                         "password": "y"})  # fmt: skip
    environ = airflow_environ(
        tmp_path, **environment_of(settings), MOTCUA_REGISTRY=str(tmp_path / "registry"),
        AIRFLOW_CONN_IGATE_LE_CHAN=closed,
    )  # fmt: skip
    moments = [NOON, NOON + timedelta(minutes=15)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.run", "collect_dossiers",
         *(json.dumps({BY_CLOCK: moment.isoformat()}) for moment in moments)],
        env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    quiet, due = json.loads(done.stdout.splitlines()[-1])
    every = {"run", "plan", "chunks", "report", *(f"plan_{platform}" for platform in PLATFORMS)}
    assert {name for name, state in quiet.items() if state == "success"} == every
    assert set(quiet.values()) == {"success", "skipped"}
    assert {name for name, state in due.items() if state == "success"} == {*every, "collect_igate", "announce"}
    with engine.connect() as connection:
        cycles = connection.execute(sa.text("SELECT cycle_id, as_of, sources FROM api.cycle")).all()
        batches = connection.execute(sa.text("SELECT cycle_id, source_id, state FROM api.batch")).all()
    engine.dispose()
    assert [(cycle.as_of, cycle.sources) for cycle in cycles] == [(moments[1], 1)]
    assert [tuple(batch) for batch in batches] == [(cycles[0].cycle_id, "le_chan.an_bien", "failed")]
