"""The levers: misbehaving installations, what was served, and the accounts."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml

from sandbox.city.state import IGATE_TOKEN_SECONDS, LGSP_SESSION_SECONDS, LogIns
from tests.sandbox.city_client import REGISTRY, CityClient

IGATE, LGSP = "igate_so_nganh", "lgsp_so_nganh"
IGATE_UNIT, LGSP_UNIT = "000.00.73.H24", "000.00.74.H24"
IGATE_SOURCE = "so_nganh.ke_hoach_va_dau_tu"


def igate_answer(city: CityClient, unit: str = IGATE_UNIT, **query: object) -> httpx.Response:
    return city.igate_page(IGATE, city.log_in(IGATE), unit, **query)


def test_every_connection_of_the_registry_has_an_account(city: CityClient):
    named = set()
    for file in (REGISTRY / "sources").glob("*.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        named |= {(content["defaults"] | source)["connection"] for source in content["sources"]}
    assert set(city.connections) == named | {"government_portal"}


def test_a_source_that_is_down_leaves_its_neighbours_up(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="down")
    assert igate_answer(city).status_code == 503
    assert igate_answer(city, "000.00.75.H24").status_code == 200
    city.misbehave(source=IGATE_SOURCE, mode="off")
    assert igate_answer(city).status_code == 200


def test_a_group_that_is_down_refuses_log_ins_too(city: CityClient):
    city.misbehave(group="so_nganh", mode="down")
    assert city.http.post(f"{city.connections[IGATE]['host']}/token").status_code == 503
    assert city.http.post(f"{city.connections[LGSP]['host']}/auth").status_code == 503


def test_html_log_in_page_comes_with_status_200(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="html_login")
    answer = igate_answer(city)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_truncated_json_does_not_parse(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="truncated_json")
    answer = igate_answer(city)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_too_many_requests_says_when_to_come_again(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="too_many_requests", retry_after="7", times=1)
    first, second = igate_answer(city), igate_answer(city)
    assert (first.status_code, first.headers["retry-after"], second.status_code) == (429, "7", 200)


def test_an_expired_log_in_once(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="expired_token", times=1)
    assert [igate_answer(city).status_code for _ in range(2)] == [401, 200]
    session = city.log_in(LGSP)
    city.misbehave(connection=LGSP, mode="expired_token", times=1)
    assert [city.lgsp_page(LGSP, session, LGSP_UNIT)["error_code"] for _ in range(2)] == ["-1", "00"]


def test_the_total_changes_from_page_to_page(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="total_changes")
    totals = {igate_answer(city, trang=n, soDong=5).json()["data"]["tongSo"] for n in (1, 2)}
    assert len(totals) == 2


def test_a_slow_source_answers_in_the_end(city: CityClient):
    city.misbehave(source=IGATE_SOURCE, mode="slow", seconds=0.3)
    answer = igate_answer(city)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3


def test_unknown_modes_and_scopes_are_refused(city: CityClient):
    url = f"{city.url}/control/misbehave"
    assert city.http.post(url, json={"source": IGATE_SOURCE, "mode": "sulk"}).status_code == 400
    assert city.http.post(url, json={"source": "nowhere", "mode": "down"}).status_code == 400


def test_served_rows_and_requests_are_counted(city: CityClient):
    def served() -> tuple[int, int]:
        lines = city.http.get(f"{city.url}/control/ledger/served").json()
        line = next(line for line in lines if line["source"] == IGATE_SOURCE)
        return line["rows"], line["requests"]

    before = served()
    rows = len(igate_answer(city).json()["data"]["danhSach"])
    assert served() == (before[0] + rows, before[1] + 1)


@pytest.mark.parametrize("seconds", [IGATE_TOKEN_SECONDS, LGSP_SESSION_SECONDS])
def test_log_ins_end(seconds: int):
    now = [100.0]
    log_ins = LogIns(seconds, lambda: now[0])
    token = log_ins.grant("here")
    assert (log_ins.is_valid("here", token), log_ins.is_valid("there", token)) == (True, False)
    now[0] += seconds
    assert not log_ins.is_valid("here", token)
