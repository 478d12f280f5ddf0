"""Who may look and who may act, in a real Airflow with production's auth manager, by real log-ins in a real browser.

Each log-in of `sandbox.stack` with FAB has one role: viewer, operator, administrator. What they try is tried in the
page inside Airflow's own frame; screenshots are left in the test's folder.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Frame, Locator, Page, expect
from psycopg.rows import dict_row

from sandbox.stack import Plan, Stack, running
from tests.browser import chromium
from tests.e2e.conftest import IN_DECEMBER
from tests.sandbox.city_client import CityClient

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rights")]

SECONDS = 300
WHY = "phường vừa sửa phần mềm"
GROUP = "le_chan"
# a hold to accept and one to reject for each of those who may
HELD = {"van_hanh": ("le_chan.an_bien", "le_chan.cat_dai"), "admin": ("le_chan.quan", "le_chan.lam_son")}
VIEWER, ACTING = "can_bo", tuple(HELD)
ACTIONS = ("sync", "replay", "accept", "reject", "pause", "resume", "reset", "schedule")
DAGS = {"sync": "sync_source", "replay": "replay_quarantine", "accept": "decide_hold", "reject": "decide_hold"}


@dataclass(frozen=True, slots=True)
class Office:
    """The stack, what it keeps, and browsers at it."""

    stack: Stack
    browser: Browser
    shots: Path

    @property
    def page(self) -> str:
        return f"{self.stack.urls['airflow']}/nguon-du-lieu/"

    @contextlib.contextmanager
    def logged_in(self, name: str, width: int = 1280) -> Iterator[BrowserContext]:
        """A browser of somebody who has filled in Airflow's own log-in form."""
        context = self.browser.new_context(viewport={"width": width, "height": 900}, locale="vi-VN")
        with contextlib.closing(context):
            page = context.new_page()
            address = self.stack.urls["airflow"]
            page.goto(f"{address}/auth/login/?next={address}/")
            page.fill("input[name=username]", name)
            page.fill("input[name=password]", self.stack.passwords[name])
            page.click("[type=submit]")
            page.wait_for_url(f"{address}/")
            yield context

    def framed(self, page: Page) -> Frame:
        """The page inside Airflow's own frame, as its entry in the navigation opens it."""
        page.goto(f"{self.stack.urls['airflow']}/plugin/nguon-du-lieu")
        heading = page.frame_locator("iframe").get_by_role("heading", level=1)
        expect(heading).to_have_text("Nguồn dữ liệu", timeout=60_000)
        (frame,) = [one for one in page.frames if one.parent_frame is not None]
        return frame

    def post(self, context: BrowserContext | None, path: str, **form: str) -> requests.Response:
        """A form that is sent without the page, with the cookies of a browser: as who knows the address would."""
        cookies = {} if context is None else {one["name"]: one["value"] for one in context.cookies()}
        sent = {"key": "0" * 32, "reason": WHY, **form}
        own = {"Sec-Fetch-Site": "same-origin"}
        return requests.post(
            self.page + path, data=sent, cookies=cookies, headers=own, allow_redirects=False, timeout=30
        )

    def motcua(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).parent / "motcua"
        as_of = ("--no-push", "--as-of", IN_DECEMBER)
        return subprocess.run(
            [program, *arguments, *as_of], env=self.stack.environment, check=False, capture_output=True, text=True
        )

    def rows(self, query: str, *values: object) -> list[dict[str, object]]:
        address = self.stack.database_url.replace("+psycopg", "")
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def trail(self, name: str) -> list[tuple[object, ...]]:
        """What somebody did on the page, the oldest first."""
        query = "SELECT action, subject, via, reason FROM api.audit WHERE who = %s AND reason = %s ORDER BY at"
        return [tuple(row.values()) for row in self.rows(query, name, WHY)]

    def ended(self, dag_id: str, run_id: str) -> str:
        """How a run ended."""
        for _ in range(SECONDS):
            state = str(self.stack.airflow.run(dag_id, run_id)["state"])
            if state in {"success", "failed"}:
                return state
            time.sleep(1)
        raise AssertionError(f"{dag_id} did not end within {SECONDS} s")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A district has been read; four of its offices have lost all their dossiers, and wait for somebody to decide."""
    home = tmp_path_factory.mktemp("fab")
    try:
        with chromium() as browser, running(Plan(home=home, scale=0.01, as_of=IN_DECEMBER, fab=True)) as stack:
            found = Office(stack, browser, tmp_path_factory.mktemp("shots"))
            connections = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
            city = CityClient(stack.urls["city"], connections)
            with contextlib.closing(city.http):
                members = [name for name in city.sources if name.startswith(f"{GROUP}.")]
                first = found.motcua("cycle", *(word for name in members for word in ("--source", name)))
                assert first.returncode == 0, first.stderr
                lost = [name for pair in HELD.values() for name in pair]
                for name in lost:
                    city.misbehave(source=name, mode="empty_list")
                assert found.motcua("sync", *lost, "--full", "--reason", "chuẩn bị").returncode == 3
                for name in lost:
                    city.misbehave(source=name, mode="off")
            yield found
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


def test_nobody_sees_or_does_anything_without_logging_in(office: Office):
    assert requests.get(office.page, timeout=30).status_code == 401
    assert [office.post(None, f"nguon/{GROUP}.quan", action=action).status_code for action in ACTIONS] == [401] * 8


def test_a_viewer_sees_the_page_in_airflows_frame_and_no_button(office: Office):
    with office.logged_in(VIEWER) as context:
        page = context.new_page()
        office.framed(page)
        page.screenshot(path=office.shots / "viewer.png")
        for path in ("", f"?group={GROUP}", f"nguon/{GROUP}.quan", "cach-ly", "hang-doi", "phien-ban", "nhat-ky"):
            answer = page.goto(office.page + path)
            assert answer is not None
            assert (answer.status, page.locator("form[method=post]").count()) == (200, 0), path


def test_a_viewer_who_knows_the_address_is_refused_and_told_whom_to_ask(office: Office):
    before = office.rows("SELECT count(*) AS n FROM api.audit")
    with office.logged_in(VIEWER) as context:
        for path in (f"nguon/{GROUP}.quan", f"?group={GROUP}", "cach-ly"):
            answers = [office.post(context, path, action=action) for action in ACTIONS]
            assert [answer.status_code for answer in answers] == [403] * len(ACTIONS), path
            assert "Hãy hỏi người quản trị Airflow" in answers[0].text
    assert office.rows("SELECT count(*) AS n FROM api.audit") == before


def test_a_form_of_another_site_does_nothing_with_an_administrators_cookie(office: Office):
    with office.logged_in("admin") as context:
        cookies = {one["name"]: one["value"] for one in context.cookies()}
        form = {"key": "0" * 32, "reason": WHY, "action": "pause"}
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
        answer = requests.post(
            f"{office.page}nguon/{GROUP}.quan", data=form, cookies=cookies, headers=foreign, timeout=30
        )
    assert answer.status_code == 403
    assert office.trail("admin") == []


@pytest.mark.parametrize("name", ACTING)
def test_who_may_act_does_everything_and_stands_in_the_trail(office: Office, name: str):
    accepted, rejected = HELD[name]
    [refused] = office.rows("SELECT source_id FROM api.quarantine WHERE settled_at IS NULL ORDER BY 1 LIMIT 1")
    bad = str(refused["source_id"])
    runs = []
    with office.logged_in(name) as context:
        page = context.new_page()
        frame = office.framed(page)
        for source, action, fields in (
            (accepted, "accept", {}),
            (rejected, "reject", {}),
            (bad, "replay", {}),
            (bad, "sync", {}),
            (bad, "pause", {}),
            (bad, "resume", {}),
            (bad, "schedule", {"every": "30", "allowed": "20:00-06:00"}),
            (bad, "reset", {}),
        ):
            frame.goto(f"{office.page}nguon/{source}")
            told = _do(frame, action, fields)
            page.screenshot(path=office.shots / f"{name}-{action}.png")
            link = told.locator("a")
            if action in DAGS:
                address = str(link.get_attribute("href"))
                runs.append((DAGS[action], address.rpartition("/")[2]))
            else:
                expect(link).to_have_count(0)
    assert {office.ended(*run) for run in runs} == {"success"}
    expected = {
        ("accept_hold", accepted), ("reject_hold", rejected), ("replay_quarantine", bad), ("sync", bad),
        ("pause", bad), ("resume", bad), ("change_schedule", bad),
    }  # fmt: skip
    done = office.trail(name)
    assert {row[:2] for row in done} == expected
    assert {row[2:] for row in done} == {("airflow", WHY)}
    # the schedule was changed and taken back: two words
    assert len(done) == len(expected) + 1
    [left] = office.rows("SELECT count(*) AS n FROM api.hold WHERE state = 'open' AND source_id = ANY(%s)", [accepted])
    assert left["n"] == 0


def test_a_form_that_is_sent_twice_starts_one_run(office: Office):
    with office.logged_in("van_hanh") as context:
        key = "ab" * 16
        answers = [office.post(context, f"nguon/{GROUP}.quan", action="sync", key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    run = parse_qs(urlsplit(answers[0].headers["location"]).query)["run"][0]
    assert office.ended("sync_source", run) == "success"
    asked = "SELECT requested_by FROM api.cycle WHERE run_key = %s"
    assert office.rows(asked, f"sync {run}") == [{"requested_by": "van_hanh"}]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_forms_fit_on_a_telephone(office: Office, width: int):
    with office.logged_in("van_hanh", width) as context:
        page = context.new_page()
        page.goto(f"{office.page}nguon/{GROUP}.quan")
        for part in page.locator(".actions details").all():
            part.evaluate("one => one.open = true")
        page.screenshot(path=office.shots / f"forms-{width}.png", full_page=True)
        # what the rest of the page measures is told where it is made
        forms = page.locator("form.act")
        assert forms.count() == 4
        assert forms.evaluate_all("all => Math.max(...all.map(one => one.getBoundingClientRect().right))") <= width


def _do(frame: Frame, action: str, fields: dict[str, str]) -> Locator:
    """Opens a form, gives the reason, sends it; what the page answers."""
    button = frame.locator(f"button[name=action][value={action}]")
    form = frame.locator("form[method=post]").filter(has=button)
    for around in frame.locator("details").filter(has=button).all():
        around.evaluate("one => one.open = true")
    for name, value in fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=reason]").fill(WHY)
    button.click()
    told = frame.locator(".notice[role=status]")
    expect(told).to_be_visible(timeout=60_000)
    return told
