"""Forms of the page: what is refused and told beside its field, what is written, and whose request is taken.

That Airflow itself starts the runs, and who may, is shown with real log-ins in tests/e2e/test_rights.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from fastapi import FastAPI, HTTPException, Request
from lxml import html
from motcua import warehouse
from motcua.domain.ticks import Ticks
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps.audit import audit
from motcua.warehouse import Role
from nguon_du_lieu import actions
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.person import ACT, Person, refuse_foreign
from nguon_du_lieu.site import make_app
from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX
from tests.plugins.made_up import AS_OF, HELD, fill

pytestmark = pytest.mark.slow

SOURCE = HELD
FORM = {"key": "0" * 32, "reason": "phường chuyển máy chủ"}
PERSONAL = (
    "SĐT0912345678", "0912-345-678", "0912–345–678", "0912 345678", "09 1234 5678", "(0225) 3842576", "+84 912 345 678",
    "0 9 1 2 3 4 5 6 7 8", "０９１２３４５６７８", "cccd031090001234", "031-090-001-234", "031 090 001 234",
    "CMND031090001",
)  # fmt: skip
NOBODYS = (
    "từ 25/12/2018 08:30 đến 26/12/2018", "2018-12-24 2018-12-25", "01-12-2018 05-12-2018", "01.12.2018 08.30",
    "2018-12-25T08:30:00", "hồ sơ 000.05.33.H24-181012-0001, 000.00.33.H24-20181012-12345", "mất 1.200 trong 92.118",
    "khung 20:00-06:00", "công văn 012/2018/CV-UBND",
)  # fmt: skip
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def asking(settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Somebody who may act, at the page of an empty warehouse."""
    assert settings.database_url is not None
    monkeypatch.setenv("MOTCUA_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("MOTCUA_HOME", str(settings.home))
    engine = warehouse.engine(settings, Role.WATCHER)

    def let_in(request: Request) -> None:
        request.state.person, request.state.allowed = "lan", frozenset({ACT})

    def may_act(request: Request) -> None:
        refuse_foreign(request)
        request.state.acting = Person(name="lan", token=lambda: "none")

    ground = Ground(engine=engine, registry=registry, ticks=Ticks(registry.calendar), clock=lambda: AS_OF)
    page = make_app(ground, guard=let_in, actions=actions.routes(may_act))
    outer = FastAPI()
    outer.mount(PREFIX, page)
    with TestClient(outer, base_url="http://airflow.test", headers=OWN, follow_redirects=False) as client:
        yield client
    engine.dispose()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs by id, with what each was asked for: in place of Airflow's API, which refuses an id that is taken."""
    runs: dict[str, Any] = {}
    api = FastAPI()

    @api.post("/api/v2/dags/{dag_id}/dagRuns")
    async def start(request: Request) -> dict[str, str]:
        asked = await request.json()
        if asked["dag_run_id"] in runs:
            raise HTTPException(409, detail="the run is there")
        runs[asked["dag_run_id"]] = asked["conf"]
        return {}

    @api.get("/api/v2/dags/{dag_id}")
    def described() -> dict[str, bool]:
        return {"is_paused": False}

    module = ModuleType("airflow.api_fastapi.app")
    monkeypatch.setattr(module, "cached_app", lambda: api, raising=False)
    monkeypatch.setitem(sys.modules, "airflow.api_fastapi.app", module)
    return runs


def hold(settings: Settings, registry: Registry) -> int:
    """The open hold of the source, in a warehouse with everything."""
    fill(settings, registry, dossiers=300)
    engine = warehouse.engine(settings, None)
    with engine.connect() as connection:
        asked = sa.text("SELECT hold_id FROM api.hold WHERE source_id = :source AND state = 'open'")
        number = connection.execute(asked, {"source": SOURCE}).scalar_one()
    engine.dispose()
    return int(number)


def run_of(asking: TestClient, form: dict[str, str]) -> str:
    """The run that the answer to a form names."""
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, **form})
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["location"]).query)["run"][0]


def trail(settings: Settings) -> list[tuple[object, ...]]:
    found = audit(settings=replace(settings, via="cli"))
    return [(one["action"], one["subject"], one["who"], one["via"], one["reason"]) for one in found]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"reason": "vì"}, "Hãy ghi lý do, từ 5 đến 500 ký tự."),
        ({"reason": "x" * 501}, "Hãy ghi lý do, từ 5 đến 500 ký tự."),
        ({"reason": "hỏi chị Lan 0912 345 678"}, "Lý do có số giấy tờ, số điện thoại"),
        *(({"reason": f"hỏi {number} cho rõ"}, "Lý do có số giấy tờ, số điện thoại") for number in PERSONAL),
        *(({"reason": f"phường {odd} sửa"}, "Lý do có ký tự không nhìn thấy được") for odd in ("\x1b[1m", "\u202e")),
        ({"reason": "viết cho lan@haiphong.gov.vn"}, "Lý do có số giấy tờ, số điện thoại"),
        ({"every": "5"}, "Hãy ghi số phút, từ 15 đến 10080"),
        ({"every": "mười"}, "Hãy ghi số phút, từ 15 đến 10080"),
        ({"allowed": "20-06"}, "Hãy ghi khung giờ dài ít nhất một giờ"),
        ({"blackout": "Tết"}, "Hãy ghi ngày, ví dụ 2026-02-14"),
        ({"every": "9" * 30}, "Hãy ghi số phút, từ 15 đến 10080"),
        ({"every": "1_5"}, "Hãy ghi số phút, từ 15 đến 10080"),
        ({"rate": "0"}, "Hãy ghi một số lớn hơn 0"),
        ({"rate": "null"}, "Hãy ghi một số lớn hơn 0"),
        ({"rate": "9" * 400}, "Hãy ghi một số lớn hơn 0"),
        ({"rate": "[" * 99_999}, "Hãy ghi một số lớn hơn 0"),
        ({"priority": "1000"}, "Hãy ghi một số nguyên từ -100 đến 100"),
        ({}, "Chưa có ô nào được điền."),
    ],
)
def test_a_wrong_form_comes_back_as_it_was_typed(
    asking: TestClient, settings: Settings, form: dict[str, str], told: str
) -> None:
    sent = {**FORM, "action": "schedule", **form}
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data=sent)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert [value for value in form.values() if value not in answer.text] == []
    assert sent["reason"] in answer.text
    assert trail(settings) == []


@pytest.mark.parametrize("reason", NOBODYS)
def test_a_day_or_a_dossier_in_a_reason_is_nobodys_number(asking: TestClient, settings: Settings, reason: str) -> None:
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, "action": "pause", "reason": reason})
    assert answer.status_code == 303
    assert [row[-1] for row in trail(settings)] == [reason]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"action": "sync", "how": "since", "since": "hôm qua"}, "Hãy ghi ngày giờ"),
        ({"action": "sync", "how": "since", "since": "2018-12-26T00:00"}, "Thời điểm phải ở trước bây giờ."),
        ({"action": "sync", "how": "all"}, "Hãy chọn một trong ba cách đọc."),
        ({"action": "accept", "hold_id": "7"}, "không còn chờ"),
        ({"action": "accept", "hold_id": "9" * 30}, "không còn chờ"),
        ({"action": "accept", "hold_id": "٧"}, "không còn chờ"),
        ({"action": "replay", "rule": "'; DROP"}, "Không có quy tắc nào như vậy."),
    ],
)
def test_what_no_run_could_do_starts_none(asking: TestClient, form: dict[str, str], told: str) -> None:
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, **form})
    assert answer.status_code == 422
    assert "Chưa làm gì: hãy sửa ô được đánh dấu." in answer.text
    if form["action"] not in ("accept", "replay"):  # nothing is held here, and nothing refused: there is no such form
        assert told in answer.text


def test_a_form_that_is_sent_twice_starts_one_run(asking: TestClient, started: dict[str, Any]) -> None:
    form = {"action": "sync", "how": "mark"}
    assert run_of(asking, form) == run_of(asking, form)
    assert [conf["full"] for conf in started.values()] == [False]


def test_a_form_that_is_altered_and_sent_again_starts_a_run_of_its_own(
    asking: TestClient, settings: Settings, registry: Registry, started: dict[str, Any]
) -> None:
    number = {"hold_id": str(hold(settings, registry))}
    accepted, rejected = (run_of(asking, {**number, "action": action}) for action in ("accept", "reject"))
    assert {name: conf["decision"] for name, conf in started.items()} == {accepted: "accept", rejected: "reject"}
    marked, whole = (run_of(asking, {"action": "sync", "how": how}) for how in ("mark", "full"))
    assert (started[marked]["full"], started[whole]["full"]) == (False, True)


def test_the_two_decisions_about_a_hold_are_two_forms(
    asking: TestClient, settings: Settings, registry: Registry
) -> None:
    hold(settings, registry)
    page = html.fromstring(asking.get(f"{PREFIX}/nguon/{SOURCE}").text)
    forms = page.xpath("//*[@id='hold']//form")
    assert [form.xpath(".//button/@value") for form in forms] == [["accept"], ["reject"]]
    assert len({form.xpath("string(.//input[@name='key']/@value)") for form in forms}) == 2


def test_a_schedule_is_changed_once_however_often_it_is_sent(asking: TestClient, settings: Settings) -> None:
    form = {**FORM, "action": "schedule", "every": "30", "allowed": "20:00-06:00, 12:00-13:00", "rate": "2,5"}
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "?done=schedule")
    assert asking.post(f"{PREFIX}/nguon/{SOURCE}", data=form).headers["location"] == "?done=same"
    assert trail(settings) == [("change_schedule", SOURCE, "lan", "airflow", FORM["reason"])]
    [one] = audit(settings=settings)
    assert one["details"]["values"] == {
        "schedule": "PT30M", "allowed": ["20:00-06:00", "12:00-13:00"], "rate_per_second": 2.5,
    }  # fmt: skip
    told = asking.get(f"{PREFIX}/nguon/{SOURCE}?done=schedule").text
    assert "Đã đổi lịch: có hiệu lực từ lần chạy tới." in told


def test_what_is_said_already_is_not_said_again(asking: TestClient, settings: Settings) -> None:
    actions = ("resume", "pause", "pause", "resume", "resume", "reset")
    answers = [asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, "action": action}) for action in actions]
    done = [answer.headers["location"].removeprefix("?done=") for answer in answers]
    assert done == ["same", "pause", "same", "resume", "same", "same"]
    assert [row[0] for row in trail(settings)] == ["resume", "pause"]


def test_a_group_is_paused_and_resumed_and_the_filter_stays(asking: TestClient, settings: Settings) -> None:
    for action in ("pause", "resume"):
        answer = asking.post(f"{PREFIX}/?group=le_chan&sort=age&done=x", data={**FORM, "action": action})
        assert answer.headers["location"] == f"?group=le_chan&sort=age&done={action}"
    assert [row[:3] for row in trail(settings)] == [("resume", "le_chan", "lan"), ("pause", "le_chan", "lan")]


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/nguon/le_chan.nowhere", {"action": "pause"}, 404),
        ("/?group=nowhere", {"action": "pause"}, 404),
        ("/", {"action": "pause"}, 404),
        (f"/nguon/{SOURCE}", {"action": "erase"}, 400),
        (f"/nguon/{SOURCE}", {}, 400),
        (f"/nguon/{SOURCE}", {"action": "pause", "reason": "phường chuyển\0máy chủ"}, 400),
        ("/?group=le_chan&q=%00", {"action": "pause"}, 400),
    ],
)
def test_what_is_not_there_is_not_done(
    asking: TestClient, settings: Settings, path: str, form: dict[str, str], status: int
) -> None:
    assert asking.post(f"{PREFIX}{path}", data={**FORM, **form}).status_code == status
    assert trail(settings) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://elsewhere.test"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "cross-site", "authorization": "Basic bGFuOngK"},
        {"sec-fetch-site": "", "authorization": "Bearers mine"},
    ],
)
def test_a_form_that_another_site_sends_is_refused(
    asking: TestClient, settings: Settings, headers: dict[str, str]
) -> None:
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, "action": "pause"}, headers=headers)
    assert answer.status_code == 403
    assert trail(settings) == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://airflow.test"}, {"authorization": "Bearer mine"}, {"authorization": "bearer mine"}],
)
def test_an_older_browser_and_a_program_with_a_token_are_let_in(asking: TestClient, headers: dict[str, str]) -> None:
    told = {"sec-fetch-site": "", **headers}
    answer = asking.post(f"{PREFIX}/nguon/{SOURCE}", data={**FORM, "action": "pause"}, headers=told)
    assert answer.status_code == 303


def test_every_action_has_its_words() -> None:
    from nguon_du_lieu.doing import ACTIONS, FIELDS
    from nguon_du_lieu.shown import texts

    for language in ("vi", "en"):
        words = texts()[language]
        assert [name for name in ACTIONS if not words[f"done_{name}"]] == []
        assert [name for name in FIELDS if not words[f"wrong_{name}"]] == []
