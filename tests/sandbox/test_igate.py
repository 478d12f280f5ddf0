"""The stand-in's igate answers as the recorded server does, and as the contract page says."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.exchanges import Exchange, differences, merge_shapes, read_exchange
from tests.sandbox.city_client import ALL_OF_IGATE, CityClient

CONNECTION, UNIT = "igate_so_nganh", "000.00.73.H24"
# absent values are null or left out
OPTIONAL = frozenset({"NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTraKetQua"})


@pytest.fixture(scope="session")
def token(running_city: CityClient) -> str:
    return running_city.log_in(CONNECTION)


def replay(city: CityClient, exchange: Exchange, **words: str) -> httpx.Response:
    account = city.connections[CONNECTION]
    words |= {"{base}": account["host"], "CLIENT_ID": account["login"], "CLIENT_SECRET": account["password"]}

    def fill(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    headers = {name: fill(value) for name, value in exchange.headers.items()}
    return city.http.request(exchange.method, fill(exchange.url), headers=headers, content=fill(exchange.body))


def assert_in_shape(answer: httpx.Response, exchange: Exchange) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (exchange.status, exchange.content_type)
    assert differences(envelope(answer.json()), envelope(exchange.answer)) == []
    assert differences(records(answer.json()), [record_shape()], may_lack=OPTIONAL) == []


def records(answer: dict) -> list[dict]:
    data = answer.get("data") or {}
    return data.get("danhSach", [data] if "MaHoSo" in data else [])


def envelope(answer: dict) -> dict:
    """An answer without its records."""
    data = answer.get("data") or {}
    return answer | {"data": {key: data[key] for key in ("tongSo", "trang", "soDong") if key in data}}


def record_shape() -> object:
    """Every key that a record of any example has."""
    names = ("igate-listing-first-page", "igate-listing-last-page", "igate-one", "igate-tombstone")
    return merge_shapes([record for name in names for record in records(read_exchange(name).answer)])


def last_three(city: CityClient, token: str) -> str:
    """The window's start behind which three rows are listed."""
    page = city.igate_page(CONNECTION, token, UNIT).json()["data"]
    return page["danhSach"][-3]["NgayCapNhat"]


def test_token(city: CityClient):
    assert_in_shape(replay(city, read_exchange("igate-token")), read_exchange("igate-token"))


@pytest.mark.parametrize("name", ["igate-unauthorised", "igate-unknown-unit", "igate-listing-empty"])
def test_answers_without_rows_are_equal(city: CityClient, token: str, name: str):
    exchange = read_exchange(name)
    answer = replay(city, exchange, TOKEN=token)
    assert (answer.status_code, answer.json()) == (exchange.status, exchange.answer)


@pytest.mark.parametrize(("name", "rows"), [("igate-listing-first-page", 2), ("igate-listing-last-page", 1)])
def test_pages(city: CityClient, token: str, name: str, rows: int):
    exchange = read_exchange(name)
    window = {"2019-12-20T15%3A48%3A00.972": last_three(city, token), "2019-12-20T17%3A00%3A00.000": ALL_OF_IGATE[1]}
    answer = replay(city, exchange, TOKEN=token, **window)
    assert_in_shape(answer, exchange)
    data = answer.json()["data"]
    assert (data["tongSo"], data["soDong"], len(data["danhSach"])) == (3, 2, rows)


def test_one_dossier_by_code(city: CityClient, token: str):
    exchange = read_exchange("igate-one")
    row = city.igate_page(CONNECTION, token, UNIT).json()["data"]["danhSach"][0]
    answer = replay(city, exchange, TOKEN=token, **{"000.00.73.H24-190107-00002": row["MaHoSo"]})
    assert_in_shape(answer, exchange)
    assert answer.json()["data"] == row


def test_an_unknown_code_is_not_found(city: CityClient, token: str):
    answer = replay(city, read_exchange("igate-one"), TOKEN=token)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (404, 404, None)


def test_a_tombstone_keeps_its_facts(city: CityClient):
    dead = next(line for line in city.ledger() if line["deleted"] and is_igate(city, line["source_id"]))
    connection = f"igate_{dead['source_id'].split('.')[0]}"
    changed = dead["changed_at"].removesuffix("+07:00")
    window = (changed, f"{changed[:-3]}{int(changed[-3:]) + 1:03d}")
    answer = city.igate_page(connection, city.log_in(connection), dead["unit_wire"], window)
    assert_in_shape(answer, read_exchange("igate-tombstone"))
    (row,) = answer.json()["data"]["danhSach"]
    assert (row["MaHoSo"], row["DaXoa"], row["NgayTiepNhan"]) == (
        dead["code"],
        True,
        dead["received_at"].removesuffix("+07:00"),
    )


def is_igate(city: CityClient, source: str) -> bool:
    group = source.split(".")[0]
    return f"igate_{group}" in city.connections and f"lgsp_{group}" not in city.connections


def test_rows_are_ordered_and_the_window_is_half_open(city: CityClient, token: str):
    rows = city.igate_page(CONNECTION, token, UNIT).json()["data"]["danhSach"]
    keys = [(row["NgayCapNhat"], row["MaHoSo"]) for row in rows]
    assert keys == sorted(keys)
    window = (keys[2][0], keys[5][0])
    inside = city.igate_page(CONNECTION, token, UNIT, window).json()["data"]["danhSach"]
    assert [row["MaHoSo"] for row in inside] == [code for changed, code in keys if window[0] <= changed < window[1]]


def test_pages_add_up_and_a_page_past_the_end_is_empty(city: CityClient, token: str):
    whole = city.igate_page(CONNECTION, token, UNIT).json()["data"]
    pages = [city.igate_page(CONNECTION, token, UNIT, trang=n, soDong=7).json()["data"] for n in range(1, 60)]
    assert [row for page in pages for row in page["danhSach"]] == whole["danhSach"]
    assert {page["tongSo"] for page in pages} == {whole["tongSo"]}
    assert pages[-1]["danhSach"] == []


def test_more_than_500_rows_are_answered_as_500(city: CityClient, token: str):
    assert city.igate_page(CONNECTION, token, UNIT, soDong=501).json()["data"]["soDong"] == 500


def test_both_spellings_of_a_unit_mean_the_same(city: CityClient, token: str):
    pages = [city.igate_page(CONNECTION, token, unit).json() for unit in (UNIT, "H24.73")]
    assert pages[0] == pages[1]


def test_a_window_that_is_no_time_is_refused(city: CityClient, token: str):
    for window in (("2018-02-30T00:00:00.000", ALL_OF_IGATE[1]), ("20180101000000", ALL_OF_IGATE[1])):
        assert city.igate_page(CONNECTION, token, UNIT, window).status_code == 400


def test_a_token_of_another_installation_is_refused(city: CityClient):
    token = city.log_in("igate_le_chan")
    assert city.igate_page(CONNECTION, token, UNIT).status_code == 401


def test_a_wrong_secret_is_refused(city: CityClient):
    form = {"grant_type": "client_credentials", "client_id": "somebody", "client_secret": "else"}
    assert city.http.post(f"{city.connections[CONNECTION]['host']}/token", data=form).status_code == 401
