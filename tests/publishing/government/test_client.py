"""The client says what the recorded client said, and reads every answer as the contract means it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from motcua.errors import PortalRejected, PortalUnavailable
from motcua.publishing.government.client import LogInRefused, NotSent, PortalClient

from tests.publishing.government.recorded import read_recorded
from tests.publishing.government.scripted_portal import EXPIRED, LOST, OK, Reply, ScriptedPortal

CODE = "000.05.33.H24-181012-0001"


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client has waited."""
    return []


@pytest.fixture
def client(script: ScriptedPortal, waits: list[float]) -> Iterator[PortalClient]:
    client = PortalClient(script.connection, rate_per_second=1e6, call_seconds=0.5, sleep=waits.append)
    with closing(client):
        yield client


def ask(client: PortalClient, name: str) -> object:
    """Makes the call of a recorded exchange; a refusal is its code and words."""
    exchange = read_recorded(name)
    body = json.loads(exchange.body)
    data = json.dumps(body.get("data")).encode()
    pairs = [pair.split("=") for pair in exchange.headers.get("X-Motcua-Versions", "").split(",") if pair]
    versions = {code: int(version) for code, version in pairs}
    try:
        if body["service"] == "TraCuuHoSo":
            return client.holds(body["mahoso"])
        if body["service"] == "CapNhatTienDoHoSoMC":
            return client.put_steps(data, versions)
        return client.put_dossiers(data, versions, updating=body["isUpdating"] == "True")
    except PortalRejected as rejected:
        return rejected.code, rejected.message


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("create", None),
        ("step", None),
        ("lookup", True),
        ("lookup-unknown", False),
        ("create-again", ("-3", f"Hồ sơ {CODE} đã tồn tại")),
        ("update-unknown", ("-2", "Hồ sơ không tồn tại")),
        ("invalid", ("-4", f"Hồ sơ {CODE} không hợp lệ")),
    ],
)
def test_recorded_exchange(script: ScriptedPortal, client: PortalClient, name: str, outcome: object) -> None:
    exchange = read_recorded(name)
    script.log_in = lambda _: Reply({"session": "SESSION", "error_code": 0})
    script.answer = lambda _: Reply(exchange.answer)
    assert ask(client, name) == outcome
    logged_in, called = script.calls
    assert logged_in.body == json.loads(read_recorded("login").body)
    assert called.body == json.loads(exchange.body)
    for call, recorded in ((logged_in, read_recorded("login")), (called, exchange)):
        assert recorded.headers.items() <= call.headers.items()


def test_a_refusal_can_be_kept_whatever_it_holds(script: ScriptedPortal, client: PortalClient) -> None:
    script.log_in = lambda _: Reply({"session": "SESSION", "error_code": 0})
    script.answer = lambda _: Reply({"error_code": "-4\0", "message": "sai\0 mã"})
    assert ask(client, "create") == ("-4", "sai mã")


def test_ended_session_is_renewed_once_for_a_call(script: ScriptedPortal, client: PortalClient) -> None:
    script.play(Reply(OK), Reply(read_recorded("expired-session").answer))
    client.holds(CODE)
    client.holds(CODE)
    assert [call.body.get("session") for call in script.calls] == [None, "s1", "s1", None, "s2"]


def test_second_refusal_of_a_session_ends_it_for_every_call(script: ScriptedPortal, client: PortalClient) -> None:
    script.answer = lambda _: Reply(EXPIRED)
    for _ in range(2):
        with pytest.raises(LogInRefused) as refused:
            client.holds(CODE)
        assert str(refused.value) == "portal answered -1: a session that has just begun is refused"
    assert [call.told[0] for call in script.calls] == ["log-in", "look-up", "log-in", "look-up"]


def test_wrong_log_in_is_tried_once(script: ScriptedPortal, client: PortalClient) -> None:
    script.log_in = lambda _: Reply({"session": "", "error_code": -1})
    for _ in range(3):
        with pytest.raises(LogInRefused, match="mend connection government_portal"):
            client.log_in()
    assert [call.told[0] for call in script.calls] == ["log-in"]


@pytest.mark.parametrize(
    "busy",
    [
        Reply({"error_code": "-9", "message": "", "result": None}, 429, {"Retry-After": "3"}),
        Reply(b"Too Many Requests", 429, {"Retry-After": "3600"}),
        Reply({"error_code": "-9", "message": "", "result": None}),
    ],
    ids=["as agreed", "for an hour", "without status"],
)
def test_busy_portal_is_asked_again_after_its_pause(
    script: ScriptedPortal, client: PortalClient, waits: list[float], busy: Reply
) -> None:
    script.play(busy, busy)
    client.put_steps(b"[]", {CODE: 1})
    assert len(script.told) == 3
    assert waits == [{"3": 3.0, "3600": 5.0}.get(busy.headers.get("Retry-After", ""), 1.0)] * 2


def test_portal_busy_for_long_counts_as_not_called(script: ScriptedPortal, client: PortalClient) -> None:
    script.answer = lambda _: Reply(b"", 429, {"Retry-After": "0"})
    with pytest.raises(NotSent, match="over its limit"):
        client.put_steps(b"[]", {CODE: 1})


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"Service Unavailable", 503),
        Reply(b"Gateway Timeout", 504),
        Reply(b"<html>", 200),
        Reply({"message": "no code"}, 200),
        Reply([], 200),
        Reply(b"", 302, {"Location": "/elsewhere"}),
        LOST,
    ],
    ids=["503", "504", "no JSON", "no error_code", "no object", "redirect", "cut off"],
)
def test_what_became_of_a_call_is_unknown(script: ScriptedPortal, client: PortalClient, reply: Reply) -> None:
    script.play(reply)
    with pytest.raises(PortalUnavailable) as found:
        client.put_steps(b"[]", {CODE: 1})
    assert not isinstance(found.value, NotSent)


def test_time_out_after_sending_is_unknown(script: ScriptedPortal, client: PortalClient) -> None:
    released = threading.Event()
    script.answer = lambda _: Reply(OK) if released.wait(5) else LOST
    with pytest.raises(PortalUnavailable, match="TIMEOUT") as found:
        client.put_steps(b"[]", {CODE: 1})
    released.set()
    assert not isinstance(found.value, NotSent)


@pytest.mark.parametrize(
    "reply",
    [Reply(b"", 503), LOST, Reply({"error_code": 0}), Reply(b"", 429, {"Retry-After": "0"})],
    ids=["503", "cut off", "no session", "busy"],
)
def test_call_without_a_log_in_was_not_made(script: ScriptedPortal, client: PortalClient, reply: Reply) -> None:
    script.log_in = lambda _: reply
    with pytest.raises(NotSent, match="log-in"):
        client.put_steps(b"[]", {CODE: 1})
    assert script.told == []


def test_nobody_at_home_means_not_sent(script: ScriptedPortal) -> None:
    nowhere = replace(script.connection, host="http://127.0.0.1:9")
    with closing(PortalClient(nowhere)) as client, pytest.raises(NotSent):
        client.log_in()
