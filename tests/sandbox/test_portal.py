"""The stand-in portal answers as the recorded one does, and keeps what it accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox.city.portal import PortalState
from sandbox.city.registry import Registry
from tests.contract.exchanges import Exchange
from tests.publishing.government.recorded import comparable, read_recorded
from tests.sandbox.portal_server import (
    CODE,
    PASSWORD,
    USER,
    Clock,
    PortalCaller,
    dossier,
    serve_portal,
    step,
)

OTHER = "000.05.33.H24-181012-0002"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def state(registry: Registry, clock: Clock) -> PortalState:
    return PortalState(registry, user=USER, password=PASSWORD, clock=clock)


@pytest.fixture(scope="module")
def served(state: PortalState) -> Iterator[PortalCaller]:
    with serve_portal(state) as caller:
        yield caller


@pytest.fixture
def portal(served: PortalCaller, state: PortalState, clock: Clock) -> PortalCaller:
    """A portal that holds nothing, and somebody newly logged in; a second has passed since the last call."""
    clock.now += 1
    state.reset()
    served.session = served.log_in()["session"]
    return served


def replay(portal: PortalCaller, exchange: Exchange) -> dict:
    words = {"{adapter_url}": portal.url, "SESSION": portal.session, "USER": USER, "PASSWORD": PASSWORD}
    url, body = exchange.url, exchange.body
    for word, value in words.items():
        url, body = url.replace(word, value), body.replace(word, value)
    answer = portal.http.request(exchange.method, url, headers=exchange.headers, content=body.encode())
    assert answer.status_code == exchange.status
    return answer.json()


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("login", []),
        ("create", []),
        ("create-again", ["create"]),
        ("invalid", ["create"]),
        ("update-unknown", []),
        ("step", ["create"]),
        ("lookup", ["create"]),
        ("lookup-unknown", ["create"]),
        ("expired-session", []),
    ],
)
def test_answers_as_recorded(portal: PortalCaller, name: str, before: list[str]) -> None:
    for one in before:
        replay(portal, read_recorded(one))
    exchange = read_recorded(name)
    assert comparable(replay(portal, exchange)) == comparable(exchange.answer)


def test_success_is_spelt_in_three_ways(portal: PortalCaller) -> None:
    spelt = {json.dumps(portal.post("TraCuuHoSo", mahoso=CODE).json()["error_code"]) for _ in range(3)}
    assert spelt == {'"0"', '"00"', "0"}


def test_update_replaces_the_whole_record(portal: PortalCaller) -> None:
    assert portal.create(dossier(ChuHoSo="Nguyễn Văn A")) == "0"
    assert portal.update(dossier(TrangThaiHoSo="8")) == "0"
    assert portal.look_up(CODE) == [dossier(TrangThaiHoSo="8")]


def test_same_step_again_changes_nothing(portal: PortalCaller, state: PortalState) -> None:
    portal.create(dossier())
    assert [portal.put_steps(step()), portal.put_steps(step(NoiDungXuLy="Khác"))] == ["0", "0"]
    assert list(state.steps[CODE].values()) == [step()]


def test_one_bad_record_leaves_nothing_of_the_call(portal: PortalCaller, state: PortalState) -> None:
    assert portal.create(dossier(), dossier(OTHER, TrangThaiHoSo="44")) == "-4"
    assert portal.look_up(CODE) == []
    portal.create(dossier())
    assert portal.update(dossier(GhiChu="mới"), dossier(OTHER)) == "-2"
    assert portal.look_up(CODE) == [dossier()]
    assert portal.put_steps(step(), step(OTHER)) == "-2"
    assert state.steps == {}


def test_session_ends_after_fifteen_minutes(portal: PortalCaller, clock: Clock) -> None:
    clock.now += 899
    assert portal.call("TraCuuHoSo", mahoso=CODE)[0] == "0"
    clock.now += 2
    assert portal.call("TraCuuHoSo", mahoso=CODE)[0] == "-1"
    portal.session = portal.log_in()["session"]
    assert portal.call("TraCuuHoSo", mahoso=CODE)[0] == "0"


def test_wrong_log_in_is_refused(portal: PortalCaller) -> None:
    assert portal.log_in("wrong") == {"session": "", "error_code": -1}


def test_over_the_rate_is_turned_away_until_later(registry: Registry, clock: Clock) -> None:
    with serve_portal(PortalState(registry, user=USER, password=PASSWORD, rate_per_second=2, clock=clock)) as portal:
        answers = [portal.post("DongBoHoSoMC", isUpdating="False", data=[dossier()]) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert (answers[2].headers["Retry-After"], answers[2].json()["error_code"]) == ("1", "-9")
        clock.now += 1
        assert portal.look_up(CODE) == [dossier()]


def test_ledger_tells_versions_that_go_backwards_and_steps_out_of_order(
    portal: PortalCaller, state: PortalState
) -> None:
    portal.call("DongBoHoSoMC", f"{CODE}=2", isUpdating="False", data=[dossier()])
    portal.call("DongBoHoSoMC", f"{CODE}=1", isUpdating="True", data=[dossier()])
    portal.call("CapNhatTienDoHoSoMC", f"{CODE}=2", data=[step()])
    portal.call("CapNhatTienDoHoSoMC", f"{CODE}=2", data=[step(ThoiDiemXuLy="20181011080000")])
    assert state.ledger.counts() == {
        "effects": 4,
        "repeated": 1,
        "backwards": [(CODE, 2, 1)],
        "disordered": [CODE],
        "refused": [],
    }


@pytest.mark.parametrize(("mode", "status", "is_kept"), [("down", 503, False), ("lose_answer", 504, True)])
def test_trouble_meets_one_call(portal: PortalCaller, mode: str, status: int, is_kept: bool) -> None:
    portal.http.post(portal.url.replace("/portal", "/control/misbehave"), json={"mode": mode}).raise_for_status()
    assert portal.post("DongBoHoSoMC", isUpdating="False", data=[dossier()]).status_code == status
    assert portal.look_up(CODE) == ([dossier()] if is_kept else [])


def test_trouble_can_wait_for_some_good_calls(portal: PortalCaller) -> None:
    trouble = {"mode": "down", "after": 2, "count": 1}
    portal.http.post(portal.url.replace("/portal", "/control/misbehave"), json=trouble).raise_for_status()
    assert [portal.post("TraCuuHoSo", mahoso=CODE).status_code for _ in range(4)] == [200, 200, 503, 200]
