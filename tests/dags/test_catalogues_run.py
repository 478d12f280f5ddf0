"""A run of `refresh_catalogues` by Airflow itself, with a portal that Airflow knows as a connection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT, airflow_environ
from tests.sandbox.city_client import serve

pytestmark = pytest.mark.slow

READINGS = sa.text("""
SELECT state, procedures > 400, requested_by, accept_loss FROM api.catalogue_refresh ORDER BY as_of
""")


def test_it_keeps_what_the_portal_lists(settings: Settings, tmp_path: Path) -> None:
    forms = [
        {"as_of": "2018-12-24T01:10:00+07:00"},
        {"as_of": "2018-12-31T01:10:00+07:00", "accept_loss": "sắp xếp lại đơn vị"},
    ]
    with serve(tmp_path) as city:
        portal = json.dumps({"conn_type": "http", **city.connections["government_portal"]})
        environ = airflow_environ(tmp_path, **environment_of(settings), AIRFLOW_CONN_GOVERNMENT_PORTAL=portal)
        done = subprocess.run(
            [sys.executable, "-m", "tests.dags.run", "refresh_catalogues", *map(json.dumps, forms)],
            env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [{"run": "success", "refresh": "success"}] * 2
    engine = warehouse.engine(settings, Role.WATCHER)
    with engine.connect() as connection:
        (first, second) = connection.execute(READINGS).all()
    engine.dispose()
    assert (first[:2], second[:2], second.accept_loss) == (("taken", True), ("taken", True), "sắp xếp lại đơn vị")
    assert first.requested_by
