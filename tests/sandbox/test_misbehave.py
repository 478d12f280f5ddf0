"""What can be wrong with an office, the same on every platform over HTTP, and with nobody else."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.sandbox.city_client import CityClient, serve
from tests.sandbox.offices import ALL, BEGIN, END, LGSP, OFFICES, Office, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running_city(tmp_path_factory: pytest.TempPathFactory):
    """Large enough for an oss_soap office of more than a page of a hundred."""
    with serve(tmp_path_factory.mktemp("city"), scale=0.2) as client:
        yield client


@pytest.fixture(params=OFFICES, ids=lambda office: office.connection)
def office(request: pytest.FixtureRequest) -> Office:
    return request.param


@pytest.fixture
def city(running_city: CityClient, office: Office):
    """The city; the office is well again afterwards, and its edits are undone."""
    yield running_city
    running_city.misbehave(source=office.source, mode="off")
    running_city.edit(source=office.source, op="undo")


def whole(city: CityClient, office: Office, window: tuple[str, str] = ALL) -> list[Page]:
    """Every page of a listing."""
    pages = [office.page(city, window)]
    while pages[-1].codes and (pages[-1].total is not None or pages[-1].cursor):
        pages.append(office.page(city, window, page=len(pages) + 1, cursor=pages[-1].cursor))
    return pages


def codes(pages: list[Page]) -> list[str]:
    return [code for page in pages for code in page.codes]


def totals(pages: list[Page]) -> set[int | None]:
    return {page.total for page in pages}


def test_a_silent_cap_stops_rows_and_total(city: CityClient, office: Office):
    before = codes(whole(city, office))
    city.misbehave(source=office.source, mode="cap", rows=13)
    pages = whole(city, office)
    assert codes(pages) == before[:13]
    assert totals(pages) <= {13, None}


@pytest.mark.parametrize(("mode", "share"), [("half_list", 0.4), ("empty_list", 0.0)])
def test_a_full_listing_is_short_and_a_window_is_not(city: CityClient, office: Office, mode: str, share: float):
    window = ("2018-11-01T00:00:00.000", END)
    before, recent = codes(whole(city, office)), codes(whole(city, office, window))
    city.misbehave(source=office.source, mode=mode, share=share)
    pages = whole(city, office)
    assert len(codes(pages)) == round(share * len(before))
    assert set(codes(pages)) <= set(before)
    assert totals(pages) <= {len(codes(pages)), None}
    assert codes(whole(city, office, window)) == recent


def test_the_same_page_for_ever(city: CityClient, office: Office):
    first = office.page(city)
    city.misbehave(source=office.source, mode="loop_page")
    page = first
    for number in range(1, 8):
        page = office.page(city, page=number, cursor=page.cursor if number > 1 else "")
        assert (page.codes, page.total) == (first.codes, first.total)
        assert page.total is not None or page.cursor


@pytest.mark.parametrize("office", [LGSP], indirect=True)
def test_the_same_cursor_for_ever(city: CityClient, office: Office):
    city.misbehave(source=office.source, mode="loop_cursor")
    first = office.page(city)
    second = office.page(city, cursor=first.cursor)
    third = office.page(city, cursor=second.cursor)
    assert (first.cursor, second.cursor, second.codes) == (second.cursor, third.cursor, third.codes)


def test_the_listing_shifts_between_two_pages(city: CityClient, office: Office):
    before = {line["code"] for line in city.ledger()}
    city.misbehave(source=office.source, mode="shift", seed=3)
    pages = [office.page(city, page=number) for number in (1, 2, 3, 4)]
    assert len(city.http.get(f"{city.url}/control/edits").json()) == 4
    city.misbehave(source=office.source, mode="off")
    assert {code for page in pages for code in page.codes} <= before | {line["code"] for line in city.ledger()}


def test_a_clock_that_is_ahead(city: CityClient, office: Office):
    right = office.page(city)
    city.misbehave(source=office.source, mode="clock_skew", seconds=7_200)
    answer, page = office.ask(city), office.page(city)
    assert page.codes == right.codes
    assert page.changed == [later(changed) for changed in right.changed]
    ahead = parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    assert 7_190 < ahead < 7_201
    soon = moment(right.changed[0]) + timedelta(seconds=2)
    assert right.codes[0] not in office.page(city, (BEGIN, soon.isoformat(timespec="milliseconds"))).codes


def later(changed: str) -> str:
    return (moment(changed) + timedelta(hours=2)).strftime("%Y%m%d%H%M%S")


def moment(digits: str) -> datetime:
    return datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007  sources tell no zone


def test_one_row_from_the_far_future(city: CityClient, office: Office):
    before = whole(city, office)
    city.misbehave(source=office.source, mode="far_future")
    pages = whole(city, office)
    changed = [moment for page in pages for moment in page.changed]
    assert codes(pages) == codes(before)
    assert [moment[:4] for moment in changed].count("2999") == 1
    assert changed[-1] == "29991231081500"


def test_records_drift(city: CityClient, office: Office):
    usual = office.page(city).records[0]
    found = {}
    for kind in ("new_column", "missing_column", "renamed", "wrong_type"):
        city.misbehave(source=office.source, mode="drift", kind=kind)
        found[kind] = office.page(city).records[0]
    name = office.field
    assert found["new_column"].keys() - usual.keys() == {"TruongMoi"}
    assert usual.keys() - found["missing_column"].keys() == {name}
    assert found["renamed"].keys() ^ usual.keys() == {name, f"{name}Moi"}
    assert found["wrong_type"][name] != usual[name]


@pytest.mark.parametrize(
    ("wanted", "status", "headers"),
    [
        ({"mode": "down"}, 503, {}),
        ({"mode": "unauthorised"}, 401, {}),
        ({"mode": "unauthorised", "status": 403}, 403, {}),
        ({"mode": "redirect", "location": "http://127.0.0.1:9/"}, 302, {"location": "http://127.0.0.1:9/"}),
        ({"mode": "too_many_requests", "retry_after": "1000000000"}, 429, {"retry-after": "1000000000"}),
        ({"mode": "error_json"}, 200, {"content-type": "application/json"}),
        ({"mode": "empty_body"}, 200, {"content-length": "0"}),
        ({"mode": "html_login"}, 200, {"content-type": "text/html; charset=utf-8"}),
    ],
)
def test_another_answer_than_the_right_one(city: CityClient, office: Office, wanted: dict, status: int, headers: dict):
    city.log_in("igate_le_chan")
    city.misbehave(source=office.source, **wanted)
    answer = office.ask(city)
    assert (answer.status_code, {name: answer.headers.get(name) for name in headers}) == (status, headers)


def test_a_date_to_come_again(city: CityClient, office: Office):
    city.misbehave(source=office.source, mode="too_many_requests", retry_after="date+7")
    again = parsedate_to_datetime(office.ask(city).headers["retry-after"]).timestamp()
    assert 5 < again - time.time() < 8


def test_a_share_of_answers_fails_by_the_seed(city: CityClient, office: Office):
    def draw(seed: int) -> list[int]:
        city.misbehave(source=office.source, mode="random_5xx", share=0.5, seed=seed)
        return [office.ask(city).status_code for _ in range(20)]

    first = draw(1)
    assert first == draw(1) != draw(2)
    assert 4 <= sum(status >= 500 for status in first) <= 16
    assert set(first) <= {200, 500, 502, 503, 504}


def test_a_body_that_breaks_off(city: CityClient, office: Office):
    right = office.ask(city).content
    city.misbehave(source=office.source, mode="truncated_json")
    assert office.ask(city).content == right[: len(right) // 2]
    city.misbehave(source=office.source, mode="wrong_length")
    with pytest.raises(httpx.RemoteProtocolError):
        office.ask(city)


def test_a_body_that_is_said_to_be_packed(city: CityClient, office: Office):
    city.misbehave(source=office.source, mode="bad_gzip")
    with pytest.raises(httpx.DecodingError):
        office.ask(city)


def test_words_that_no_trouble_has_are_refused(city: CityClient, office: Office):
    url = f"{city.url}/control/misbehave"
    for wanted in ({"mode": "drift", "kind": "sideways"}, {"mode": "cap", "rows": "many"}):
        assert city.http.post(url, json={"source": office.source, **wanted}).status_code == 400
