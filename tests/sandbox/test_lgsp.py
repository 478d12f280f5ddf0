"""The stand-in's lgsp answers as the recorded server does, and as the contract page says."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.exchanges import Exchange, differences, merge_shapes, read_exchange
from tests.sandbox.city_client import ALL_OF_LGSP, CityClient

CONNECTION, UNIT = "lgsp_so_nganh", "000.00.74.H24"
LISTINGS = ("lgsp-listing-first-page", "lgsp-listing-last-page")


@pytest.fixture(scope="session")
def session(running_city: CityClient) -> str:
    return running_city.log_in(CONNECTION)


def replay(city: CityClient, exchange: Exchange, **words: str) -> httpx.Response:
    account = city.connections[CONNECTION]
    words |= {
        "{base}": account["host"],
        "USERNAME": account["login"],
        "PASSWORD": account["password"],
        "VN:GOV:000.00.74.H24:motcua": account["extra"]["dstcode"],
    }

    def fill(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    headers = {name: fill(value) for name, value in exchange.headers.items()}
    return city.http.request(exchange.method, fill(exchange.url), headers=headers, content=fill(exchange.body))


def all_text(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(all_text, value.values()))
    return all(map(all_text, value)) if isinstance(value, list) else isinstance(value, str)


def test_log_in(city: CityClient):
    exchange = read_exchange("lgsp-login")
    answer = replay(city, exchange)
    assert (answer.status_code, answer.headers["content-type"]) == (exchange.status, exchange.content_type)
    assert differences(answer.json(), exchange.answer) == []
    assert answer.json()["error_code"] == 0


@pytest.mark.parametrize("name", ["lgsp-expired-session", "lgsp-listing-empty"])
def test_answers_without_rows_are_equal(city: CityClient, session: str, name: str):
    exchange = read_exchange(name)
    answer = replay(city, exchange, TOKEN=session)
    assert (answer.status_code, answer.json()) == (exchange.status, exchange.answer)


def test_first_and_last_page(city: CityClient, session: str):
    rows = city.lgsp_rows(CONNECTION, session, UNIT)
    window = {"20191219000000": rows[-4]["NgayCapNhat"], "20191220170000": ALL_OF_LGSP[1]}
    first = replay(city, read_exchange(LISTINGS[0]), TOKEN=session, **window).json()
    cursor = {"WyIyMDE5MTIyMDE0MTMwMCIsIDM1MTYsIDEyLCAiZjBkOTZmM2UiXQ==": first["conTroTiep"]}
    last = replay(city, read_exchange(LISTINGS[1]), TOKEN=session, **window, **cursor).json()
    assert first["result"] + last["result"] == rows[-4:]
    assert (bool(first["conTroTiep"]), last["conTroTiep"]) == (True, "")
    example = merge_shapes([read_exchange(name).answer for name in LISTINGS])
    for page in (first, last):
        assert differences(page, example) == []
        assert all_text(page)


def test_every_row_has_the_shape_of_the_examples(city: CityClient, session: str):
    example = merge_shapes([read_exchange(name).answer["result"] for name in LISTINGS])
    rows = city.lgsp_rows(CONNECTION, session, UNIT)
    found = differences(rows, example)
    assert {line for line in found if "SoBienNhan" not in line} == set()  # some rows carry a field that nobody named
    assert all_text(rows)


@pytest.mark.parametrize("size", [1, 7, 500])
def test_the_cursor_gives_every_row_once(city: CityClient, session: str, size: int):
    whole = city.lgsp_rows(CONNECTION, session, UNIT)
    assert city.lgsp_rows(CONNECTION, session, UNIT, size=size) == whole
    keys = [(row["NgayCapNhat"], row["MaHoSo"]) for row in whole]
    assert keys == sorted(keys)


def test_the_window_is_half_open(city: CityClient, session: str):
    keys = [(row["NgayCapNhat"], row["MaHoSo"]) for row in city.lgsp_rows(CONNECTION, session, UNIT)]
    window = (keys[1][0], keys[3][0])
    inside = city.lgsp_page(CONNECTION, session, UNIT, window)["result"]
    assert [row["MaHoSo"] for row in inside] == [code for changed, code in keys if window[0] <= changed < window[1]]


def test_a_cursor_is_worth_nothing_in_another_session_or_window(city: CityClient, session: str):
    cursor = city.lgsp_page(CONNECTION, session, UNIT, size=1)["conTroTiep"]
    other_session = city.lgsp_page(CONNECTION, city.log_in(CONNECTION), UNIT, cursor=cursor)
    other_window = city.lgsp_page(CONNECTION, session, UNIT, ("20180102000000", ALL_OF_LGSP[1]), cursor=cursor)
    nonsense = city.lgsp_page(CONNECTION, session, UNIT, cursor="nonsense")
    assert [page["error_code"] for page in (other_session, other_window, nonsense)] == ["-4", "-4", "-4"]


def test_wrong_parameters_are_refused(city: CityClient, session: str):
    unknown = city.lgsp_page(CONNECTION, session, "000.99.99.H24")
    no_time = city.lgsp_page(CONNECTION, session, UNIT, ("2018-01-01", ALL_OF_LGSP[1]))
    no_service = city.lgsp(CONNECTION, session, madonvi=UNIT, service="XoaHoSo")
    assert [page["error_code"] for page in (unknown, no_time, no_service)] == ["-3", "-3", "-3"]


def test_a_wrong_log_in_is_refused(city: CityClient):
    account = city.connections[CONNECTION]
    body = {"username": account["login"], "password": "wrong"}
    answer = city.http.post(f"{account['host']}/auth", json=body, headers={"dstcode": account["extra"]["dstcode"]})
    assert str(answer.json()["error_code"]) == "-2"


def test_one_dossier_by_code(city: CityClient, session: str):
    row = city.lgsp_rows(CONNECTION, session, UNIT)[0]
    found = city.lgsp(CONNECTION, session, madonvi="H24", service="TraCuuHoSo", mahoso=row["MaHoSo"])
    unknown = city.lgsp(CONNECTION, session, madonvi="H24", service="TraCuuHoSo", mahoso="000.00.74.H24-180101-9999")
    assert (found["result"], unknown["result"]) == ([row], [])
