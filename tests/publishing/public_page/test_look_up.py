"""Look-up of a dossier in a browser: found, late, waiting, not there, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.publishing.public_page import build_page
from motcua.registry import Registry
from playwright.sync_api import Browser, Page

from tests.publishing.public_page.a_feed import EARLY, HOSTILE, LATE, SOON, WAITING, write_feed
from tests.publishing.public_page.browsing import opened, served

pytestmark = pytest.mark.slow


def test_a_code_is_found_however_it_is_typed(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, " 000.05.33.h24 -181012-0001 ")
        answer = page.locator(".answer")
        answer.locator("ol").wait_for()
        assert answer.locator("h3").inner_text() == f"Hồ sơ {EARLY}"
        assert answer.locator(".now").inner_text() == "Đã xử lý xong, trước hạn"
        assert facts(page) == {
            "Hẹn trả": "thứ Hai, 15 tháng 10 năm 2018; xong sớm 1 ngày làm việc",
            "Tiếp theo": "Đã có kết quả. Mang giấy tiếp nhận và hẹn trả kết quả đến Bộ phận một cửa để nhận; nếu đã "
            "đăng ký nhận qua bưu điện thì chờ bưu điện phát.",
            "Hỏi ở đâu": "Bộ phận một cửa của UBND phường An Biên",
            "Thủ tục": "Đăng ký khai sinh",
            "Tiếp nhận": "09:30 thứ Sáu, 12 tháng 10 năm 2018",
            "Giải quyết xong": "10:00 Chủ nhật, 14 tháng 10 năm 2018",
        }
        assert answer.locator("li").all_inner_texts() == [
            "Được tiếp nhận\n09:30 thứ Sáu, 12 tháng 10 năm 2018 · UBND phường An Biên",
            "Đã xử lý xong\n10:00 Chủ nhật, 14 tháng 10 năm 2018 · UBND phường An Biên",
        ]
        assert answer.locator(".sorry").count() == 0


@pytest.mark.parametrize("typed", ["000.05.33.H24\u2013181012\u20130001", "\ufeff000.05.33.H24-181012-0001\u200b"])
def test_a_code_is_found_as_a_word_processor_spells_it(browser: Browser, feed: Path, typed: str) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, typed)
        page.locator(".answer ol").wait_for()


def test_a_late_dossier_has_an_apology_and_where_it_lies(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, LATE)
        answer = page.locator(".answer")
        answer.locator("ol").wait_for()
        assert answer.locator(".now.late").inner_text() == "Đang xử lý, đã quá hạn"
        assert answer.locator(".where").inner_text() == "Đang ở: UBND phường An Biên"
        assert "xin lỗi" in answer.locator(".sorry").inner_text()
        assert facts(page)["Hẹn trả"] == "thứ Năm, 20 tháng 12 năm 2018, đã quá 3 ngày làm việc tính đến 25/12/2018"


def test_what_is_left_is_counted_by_the_city_s_calendar(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, SOON)
        page.locator(".answer ol").wait_for()
        # 26, 27 and 28 December; 2, 3, 4 and, for 31 December, 5 January; 7 January
        assert facts(page)["Hẹn trả"] == "thứ Hai, 7 tháng 1 năm 2019, còn 8 ngày làm việc"


def test_a_dossier_that_waits_for_the_applicant_is_not_called_late(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, WAITING)
        page.locator(".answer ol").wait_for()
        assert page.locator(".answer .now").inner_text() == "Yêu cầu bổ sung giấy tờ"
        assert facts(page)["Hẹn trả"] == "thứ Sáu, 14 tháng 12 năm 2018; sẽ được tính lại sau khi ông/bà bổ sung"
        assert "bổ sung giấy tờ" in facts(page)["Tiếp theo"]
        assert page.locator(".sorry").count() == 0


def test_the_office_to_ask_is_a_link_to_its_page(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, EARLY)
        page.locator(".answer dd a").click()
        assert page.locator("h1").inner_text() == "UBND phường An Biên"


def test_a_look_up_takes_one_request_and_tells_no_server_the_code(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        page.wait_for_load_state("networkidle")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        ask(page, EARLY)
        page.locator(".answer ol").wait_for()
        assert [one.startswith(f"{url}lookup/") for one in asked] == [True]
        assert EARLY not in asked[0]


def test_a_link_to_a_dossier_opens_it(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url, f"index.html#ma={EARLY}") as page:
        page.locator(".answer ol").wait_for()
        assert page.get_by_label("Mã hồ sơ").input_value() == EARLY
        assert page.get_by_role("link", name="Liên kết đến hồ sơ này").get_attribute("href") == f"#ma={EARLY}"


def test_nothing_is_asked_for_nothing_and_the_last_answer_goes(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, EARLY)
        page.locator(".answer ol").wait_for()
        ask(page, "  ")
        page.get_by_text("Hãy nhập mã hồ sơ.").wait_for()
        assert page.locator(".answer ol").count() == 0


@pytest.mark.parametrize("code", ["000.05.33.H24-181012-0002", "toString", "../index", "<b>đậm</b>"])
def test_a_code_that_is_not_there_is_said_so(browser: Browser, feed: Path, code: str) -> None:
    with served(feed) as url, opened(browser, url) as page:
        ask(page, code)
        page.get_by_text(f"Không thấy hồ sơ {code.upper()}.").wait_for()


def test_a_look_up_that_cannot_be_loaded_is_said_so(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url, is_clean=False) as page:
        page.context.set_offline(True)
        ask(page, EARLY)
        page.get_by_text("Không tải được dữ liệu tra cứu.").wait_for()


def test_a_look_up_that_is_no_data_is_said_so(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url, is_clean=False) as page:
        for shard in (feed / "lookup").iterdir():
            shard.write_text("<html>", encoding="utf-8")
        ask(page, EARLY)
        page.get_by_text("Không tải được dữ liệu tra cứu.").wait_for()


def test_names_are_text_and_never_markup(browser: Browser, tmp_path: Path, registry: Registry) -> None:
    write_feed(tmp_path, hostile=HOSTILE)
    build_page(tmp_path.as_uri(), registry.calendar)
    with served(tmp_path) as url, opened(browser, url) as page:
        ask(page, EARLY)
        page.locator(".answer ol").wait_for()
        assert HOSTILE in facts(page)["Thủ tục"]
        for path in ("index.html", "don-vi/H24.33.05.html", "thu-tuc/1.001193.html", "thu-tuc/index.html"):
            page.goto(url + path)
            assert HOSTILE in page.locator("main, h1").all_inner_texts()[0] + page.locator("main").inner_text()
            assert page.title() != "hacked"


def ask(page: Page, code: str) -> None:
    page.get_by_label("Mã hồ sơ").fill(code)
    page.get_by_role("button", name="Tra cứu").click()


def facts(page: Page) -> dict[str, str]:
    """What the answer says, by label."""
    labels = page.locator(".answer dt").all_inner_texts()
    return dict(zip(labels, page.locator(".answer dd").all_inner_texts(), strict=True))
