"""The page in a browser: on a desk and on a phone, without a script, with nothing for axe, asking nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.publishing.city_feed.loading import held_back
from tests.publishing.office_reports.offices import WARD, Offices, issue
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def full(offices: Offices) -> Offices:
    """An office that has everything that a report can tell."""
    refused = [held_back(f"000.05.33.H24-181012-{number:04d}", status=4) for number in range(12)]
    refused += [held_back("#" + "2" * 64, rule="missing_required", field="received_at")]
    refused += [
        held_back("000.05.33.H24-181012-0099", rule="unknown_procedure", field="procedure_code", owner="motcua")
    ]
    offices.merge([row()], quarantine=refused, issues=[issue(), issue("", rule="unknown_field", owner="motcua")])
    rejected = "UPDATE core.delivery SET state = 'rejected', portal_message = '<b>x</b>', settled_at = :at"
    offices.execute(rejected, at=AS_OF)
    offices.execute("UPDATE core.source_state SET state = 'down', reason = 'TIMEOUT: x'")
    offices.build(WARD)
    return offices


def opened(browser: Browser, offices: Offices, **options: object) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto((offices.folder() / "index.html").as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, full: Offices, scheme: str) -> None:
    page = opened(browser, full, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_runs_off_the_side(browser: Browser, full: Offices, width: int) -> None:
    page = opened(browser, full, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_asks_nobody_runs_nothing_and_is_told_to_nobody(browser: Browser, full: Offices) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page = browser.new_context().new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    url = (full.folder() / "index.html").as_uri()
    page.goto(url)
    assert (asked, complaints) == ([url], [])
    assert page.locator("script").count() == 0
    assert page.locator("meta[name=robots]").get_attribute("content") == "noindex, nofollow, noarchive"
    assert page.locator("meta[name=referrer]").get_attribute("content") == "no-referrer"
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content") or ""
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-")
    # what is not the style sheet's is not applied: a style of its own does nothing
    page.evaluate("document.querySelector('h1').setAttribute('style', 'color: rgb(1, 2, 3)')")
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") != "rgb(1, 2, 3)"


def test_what_the_portal_said_is_text_and_never_markup(browser: Browser, full: Offices) -> None:
    page = opened(browser, full)
    assert page.locator("td", has_text="<b>x</b>").count() == 2
    assert page.locator("td b").count() == 0


def test_everything_stands_in_its_section(browser: Browser, full: Offices) -> None:
    page = opened(browser, full, java_script_enabled=False)
    assert page.locator("h2").all_inner_texts() == [
        "Tình trạng đọc dữ liệu", "Nếu sửa xong các hồ sơ bị từ chối", "Bị từ chối: đơn vị sửa",
        "Cổng Dịch vụ công quốc gia từ chối", "Cảnh báo: hồ sơ vẫn được nhận, nên kiểm tra",
        "Thành phố sửa, đơn vị không phải làm gì", "Diễn biến 30 ngày",
    ]  # fmt: skip
    assert page.locator("dl.cards").first.locator("dd").all_inner_texts() == ["14 1 do thành phố sửa", "3", "1"]
    assert page.locator(".trend rect").count() == 30
    assert page.locator("a[href='loi.csv']").first.is_visible()


def test_on_paper_every_row_is_there(browser: Browser, full: Offices) -> None:
    page = opened(browser, full)
    assert not all(heights(page))  # a long list is folded on the screen
    page.emulate_media(media="print")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert (all(heights(page)), len(heights(page))) == (True, 17)


def heights(page: Page) -> list[float]:
    """Of all rows, in pixels."""
    found: list[float] = page.locator("article tbody tr").evaluate_all(
        "rows => rows.map(row => row.checkVisibility({contentVisibilityAuto: true}) ? row.offsetHeight : 0)"
    )
    return found
