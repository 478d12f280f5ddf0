"""A run of `report_quality` by Airflow itself, with a mail server that Airflow knows as a connection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from motcua.settings import Settings

from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT, airflow_environ
from tests.publishing.office_reports.mail_server import mail_server

pytestmark = pytest.mark.slow


def test_it_builds_the_reports_then_sends_one_mail_a_day(settings: Settings, tmp_path: Path) -> None:
    with mail_server() as server:
        connection = json.dumps({"conn_type": "smtp", **json.loads(server.connection())})
        environ = airflow_environ(tmp_path, **environment_of(settings), AIRFLOW_CONN_MOTCUA_SMTP=connection)
        form = json.dumps({"as_of": "2018-12-25T05:15:00+07:00"})
        done = subprocess.run(
            [sys.executable, "-m", "tests.dags.run", "report_quality", form, form],
            env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (
            json.loads(done.stdout.splitlines()[-1])
            == [{"run": "success", "build": "success", "mail": "success", "rule_book": "success"}] * 2
        )
        (letter,) = server.messages()
    assert "25/12/2018: 0 hồ sơ bị từ chối" in letter["Subject"]
    assert len(list((settings.home / "reports").iterdir())) == 258
    assert (settings.home / "quality" / "index.html").exists()
