"""Runs of `watch_over` by Airflow itself: its notifiers, and real servers for mail, Slack and a webhook."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from motcua.settings import Settings

from tests.cli.shell import environment_of
from tests.dags.alert_receiver import AlertReceiver, alert_receiver
from tests.dags.conftest import CHECKOUT, airflow_environ
from tests.publishing.office_reports.mail_server import MailServer, mail_server
from tests.steps.ledgers import AS_OF, SOURCES, Ledgers

pytestmark = pytest.mark.slow

HOSTILE = "<b>{{ conn.motcua_alerts_mail.password }}</b> Nguyễn Văn An 031188000123"
FORM = {"as_of": AS_OF.isoformat()}


def ran(environ: dict[str, str], runs: int = 1) -> list[dict[str, str]]:
    """Runs it so often, one after the other; states by task."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.run", "watch_over", *[json.dumps(FORM)] * runs],
        env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    assert {one["run"] for one in ended} == {"success"}, done.stdout[-5000:]
    return ended


def connections(mail: MailServer, receiver: AlertReceiver) -> dict[str, str]:
    """The three channels, as Airflow knows connections."""
    people = {"from_email": "motcua@haiphong.example", "to": "cntt@haiphong.example"}
    told: dict[str, dict[str, Any]] = {
        "MAIL": {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port,
                 "extra": {**people, "disable_ssl": True, "disable_tls": True}},
        "SLACK": {"conn_type": "slackwebhook", "password": f"{receiver.address}/services/T0/B0/x"},
        "WEBHOOK": {"conn_type": "http", "host": f"{receiver.address}/hook", "password": "t0ken"},
    }  # fmt: skip
    named = {f"AIRFLOW_CONN_MOTCUA_ALERTS_{name}": json.dumps(one) for name, one in told.items()}
    return {"AIRFLOW__API__BASE_URL": "https://airflow.example/", **named}


@pytest.fixture
def ledgers(settings: Settings) -> Ledgers:
    """A day on which a source is down for a reason that is made to be interpreted."""
    ledgers = Ledgers(settings)
    ledgers.good_day()
    ledgers.down(SOURCES[:1], since=AS_OF - timedelta(hours=1), reason=HOSTILE)
    return ledgers


def test_each_channel_gets_one_message_and_no_second_one(ledgers: Ledgers, tmp_path: Path) -> None:
    with mail_server() as mail, alert_receiver() as receiver:
        environ = airflow_environ(tmp_path, **environment_of(ledgers.settings), **connections(mail, receiver))
        assert ran(environ, runs=2) == [{"run": "success", "watch": "success"}] * 2
        (letter,), (text,) = mail.messages(), mail.texts()
    (slack,), (hook,) = receiver.to("/services/T0/B0/x"), receiver.to("/hook")
    assert [headers["Authorization"] for path, headers, _ in receiver.calls if path == "/hook"] == ["Bearer t0ken"]
    assert letter["To"] == "cntt@haiphong.example"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Subject"] == slack["blocks"][0]["text"]["text"] == hook["subject"]
    assert letter["Subject"] == (
        "[Cảnh báo] Một cửa Hải Phòng 25/12 10:00: Nguồn không đọc được (1 mới xảy ra, 1 đang còn)"
    )
    assert hook["opened"][0]["subjects"] == SOURCES[:1]
    assert hook["links"]["Nguồn dữ liệu"] == "https://airflow.example/plugin/nguon-du-lieu"
    for said in (text, json.dumps(slack, ensure_ascii=False), json.dumps(hook, ensure_ascii=False)):
        assert SOURCES[0] in said
        assert "docs/operating.md#source_down" in said
        assert not any(word in said for word in ("Nguyễn", "031188000123", "{{", "<b>"))


def test_a_channel_that_is_down_is_not_fatal_and_stops_no_other(ledgers: Ledgers, tmp_path: Path) -> None:
    with mail_server() as mail, alert_receiver() as receiver:
        mail.replies["DATA"] = "451 later"
        receiver.answers["/services/T0/B0/x"] = 500
        environ = airflow_environ(tmp_path, **environment_of(ledgers.settings), **connections(mail, receiver))
        assert ran(environ) == [{"run": "success", "watch": "success"}]
        assert len(receiver.to("/services/T0/B0/x")) == 1  # one try
        mail.replies.clear()
        receiver.answers.clear()
        assert ran(environ) == [{"run": "success", "watch": "success"}]
        assert len(mail.messages()) == 1
    assert (len(receiver.to("/services/T0/B0/x")), len(receiver.to("/hook"))) == (2, 1)
    states = ledgers.rows("SELECT channel, state, reason FROM core.message ORDER BY sent_at, channel")
    assert states == [
        ("mail", "failed", "SMTPDataError"), ("slack", "failed", "AirflowException"), ("webhook", "sent", None),
        ("mail", "sent", None), ("slack", "sent", None),
    ]  # fmt: skip


def test_without_connections_nothing_is_sent_and_incidents_are_kept(ledgers: Ledgers, tmp_path: Path) -> None:
    environ = airflow_environ(tmp_path, **environment_of(ledgers.settings))
    assert ran(environ) == [{"run": "success", "watch": "success"}]
    assert ledgers.rows("SELECT kind, subject FROM api.incident") == [("source_down", SOURCES[0])]
    assert ledgers.rows("SELECT count(*) FROM core.message") == [(0,)]
