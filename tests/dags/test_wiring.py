"""The moment of a run, what its events told it, which errors are tried again, and Airflow's connections."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import psycopg
import pytest
import requests
import sqlalchemy as sa
from motcua.connections import Connection
from motcua.errors import ConfigError, MailRejected, MailUnavailable, PublicationRefused, SourceUnavailable, StaleWrite

from tests.dags.conftest import CHECKOUT

RUN_AFTER = datetime(2018, 12, 25, 10, 15, tzinfo=UTC)
INTERVAL_END = datetime(2018, 12, 25, 10, tzinfo=UTC)
RUN = SimpleNamespace(run_after=RUN_AFTER)


def test_a_moment_that_was_given_counts_before_any_other(wiring: ModuleType) -> None:
    moment = wiring.moment({"as_of": "2018-12-25T17:00:00+07:00"}, RUN, INTERVAL_END)
    assert moment.isoformat() == "2018-12-25T17:00:00+07:00"


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_one_it_is_the_end_of_the_interval_else_when_it_was_to_run(wiring: ModuleType, nothing: Any) -> None:
    moments = [wiring.moment({"as_of": nothing}, RUN, INTERVAL_END), wiring.moment({"as_of": nothing}, RUN)]
    assert moments == [INTERVAL_END, RUN_AFTER]


def test_a_moment_without_a_zone_is_refused_with_an_example(wiring: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"as_of: expected a moment with its zone, such as 2018-12-25T17:00:00\+07:00"):
        wiring.moment({"as_of": "2018-12-25T17:00:00"}, RUN)


def test_a_moment_to_come_is_refused(wiring: ModuleType) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=4)  # a clock may be wrong by so much
    assert wiring.when({"as_of": soon.isoformat()}, "as_of") == soon
    with pytest.raises(ValueError, match=r"as_of: .* lies in the future"):
        wiring.when({"as_of": (soon + timedelta(minutes=2)).isoformat()}, "as_of")


def test_a_moment_that_a_form_left_empty_is_none(wiring: ModuleType) -> None:
    asked = {"since": "2018-12-01T00:00:00+07:00", "as_of": None}
    assert wiring.when(asked, "since").isoformat() == "2018-12-01T00:00:00+07:00"
    assert wiring.when(asked, "as_of") is None
    with pytest.raises(ValueError, match="since: expected a moment with its zone"):
        wiring.when({"since": "2018-12-01T00:00:00"}, "since")


def test_whoever_starts_a_run_is_known_by_name_or_by_the_run(wiring: ModuleType) -> None:
    assert wiring.who(SimpleNamespace(triggering_user_name="can_bo", run_id="manual 1")) == "can_bo"
    assert wiring.who(SimpleNamespace(triggering_user_name=None, run_id="manual 1")) == "unknown, run manual 1"


def test_of_several_events_the_newest_cycle_counts(wiring: ModuleType) -> None:
    told = [
        {"as_of": f"2018-12-25T1{hour}:00:00+07:00", "cycle_id": cycle} for hour, cycle in ((5, 9), (7, 10), (6, 8))
    ]
    events = {wiring.DOSSIERS: [SimpleNamespace(extra=extra) for extra in told]}
    assert wiring.newest(events) == {"as_of": "2018-12-25T17:00:00+07:00", "cycle_id": 10}


@pytest.mark.parametrize("events", [None, {}])
def test_a_run_by_hand_was_told_nothing(wiring: ModuleType, events: Any) -> None:
    assert wiring.newest(events) == {}


AWAY = "the database, the disk or the network was away"
OVERTAKEN = "another run has taken over, or its lock was lost: it begins again from how things stand"
IN_VAIN = "repeating changes nothing: read the message"
OUR_MISTAKE = "a mistake in our own code"
IN_TEN_SECONDS = timedelta(seconds=10)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (psycopg.OperationalError("the server closed the connection"), ("retry", IN_TEN_SECONDS, AWAY)),
        (sa.exc.OperationalError("SELECT 1", {}, Exception("gone")), ("retry", IN_TEN_SECONDS, AWAY)),
        (requests.ConnectionError("no route"), ("retry", IN_TEN_SECONDS, AWAY)),
        (TimeoutError("the disk"), ("retry", IN_TEN_SECONDS, AWAY)),
        (MailRejected("its words"), ("fail", None, IN_VAIN)),
        (ConfigError("a setting"), ("fail", None, IN_VAIN)),
        (PublicationRefused("a gate"), ("fail", None, IN_VAIN)),
        (StaleWrite("another sender has taken over"), ("retry", IN_TEN_SECONDS, OVERTAKEN)),
        (SourceUnavailable("le_chan.an_bien", "it never leaves its step"), ("fail", None, IN_VAIN)),
        (sa.exc.ProgrammingError("SELECT x", {}, Exception("no column")), ("fail", None, IN_VAIN)),
        (sa.exc.IntegrityError("INSERT", {}, Exception("twice")), ("fail", None, IN_VAIN)),
        (KeyError("units"), ("fail", None, OUR_MISTAKE)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_was_away_is_tried_again_and_what_is_wrong_is_not(
    wiring: ModuleType, error: Exception, decision: tuple[str, timedelta | None, str]
) -> None:
    decided = wiring.BY_KIND_OF_ERROR.evaluate(error, 1, 2)
    assert (decided.action.value, decided.retry_delay, decided.reason) == decision


def test_a_mail_server_that_was_away_is_asked_again_later(wiring: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(CHECKOUT / "dags")
    policy = importlib.import_module("report_quality").OR_THE_MAIL
    away, refused = (policy.evaluate(error, 1, 2) for error in (MailUnavailable("no answer"), MailRejected("no")))
    assert (away.action.value, away.retry_delay) == ("retry", timedelta(minutes=15))
    assert (refused.action.value, refused.reason) == ("fail", IN_VAIN)


def test_a_task_that_ran_into_its_time_limit_is_tried_again_as_usual(wiring: ModuleType) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout

    assert wiring.BY_KIND_OF_ERROR.evaluate(AirflowTaskTimeout(), 1, 2).action.value == "default"


def airflow_connections() -> ModuleType:
    """`dags/airflow_connections.py`, as a task of the folder finds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CHECKOUT / "dags")
        return importlib.import_module("airflow_connections")


def test_a_connection_of_airflow_arrives_as_the_pipelines_own(
    wiring: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (
        '{"conn_type": "generic", "host": "https://lgsp.example", "port": 8443, "login": "motcua",'
        ' "password": "s", "extra": {"dstcode": "VN", "n": 1}}'
    )
    monkeypatch.setenv("AIRFLOW_CONN_LGSP_LE_CHAN", kept)
    assert airflow_connections().AirflowConnections().get("lgsp_le_chan") == Connection(
        id="lgsp_le_chan",
        host="https://lgsp.example",
        port=8443,
        login="motcua",
        password="s",
        extra={"dstcode": "VN", "n": "1"},
    )


def test_a_connection_that_airflow_does_not_know_says_where_to_add_it(wiring: ModuleType) -> None:
    with pytest.raises(ConfigError, match="connection igate_nowhere is not defined: add it under Admin, Connections"):
        airflow_connections().AirflowConnections().get("igate_nowhere")
