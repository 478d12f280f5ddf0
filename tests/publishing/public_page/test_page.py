"""The page in a browser: what a citizen sees, with and without JavaScript, on a phone, and when things fail."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from motcua.errors import PublicationRefused
from motcua.publishing.public_page import build_page
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.publishing.public_page.a_feed import CODE, HOSTILE, VERSION, write_feed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    write_feed(tmp_path)
    build_page(tmp_path.as_uri())
    return tmp_path


def test_the_page_shows_the_city_and_every_agency_without_javascript(browser: Browser, feed: Path) -> None:
    with _served(feed) as url, _opened(browser, url, java_script_enabled=False) as page:
        assert page.title() == "Một cửa Hải Phòng: tình hình giải quyết thủ tục hành chính"
        assert page.locator(".as-of").inner_text() == (
            "Tính đến 17:00 ngày 25/12/2018 · 257/258 nguồn dữ liệu đọc được"
        )
        assert page.locator("dl.city dd").all_inner_texts() == ["3", "1 33,3%", "2", "50,0%"]
        page.locator("details").evaluate("one => one.open = true")
        rows = [row.replace("\n", "\t").split("\t") for row in page.locator("tbody tr").all_inner_texts()]
        assert rows == [
            ["Sở Nội vụ", "1", "0,0%", "1", "0,0%", "0", "0", "Đầy đủ"],
            ["UBND quận Lê Chân", "0", "–", "0", "–", "0", "0", "Chưa có hồ sơ"],
            ["UBND phường An Biên", "2", "50,0%", "1", "100,0%", "1", "1", "Đầy đủ"],
        ]
        assert page.locator("noscript a").get_attribute("href") == f"{VERSION}/dossiers.csv.gz"


def test_a_code_is_found_however_it_is_typed(browser: Browser, feed: Path) -> None:
    with _served(feed) as url, _opened(browser, url) as page:
        _ask(page, " 000.05.33.h24 -181012-0001 ")
        answer = page.locator(".answer")
        answer.locator("ol").wait_for()
        assert answer.locator("h3").inner_text() == f"Hồ sơ {CODE}"
        assert answer.locator(".now").inner_text() == "Trước hạn"
        assert answer.locator("dd").all_inner_texts() == [
            "Đăng ký khai sinh", "UBND phường An Biên", "Đã xử lý xong", "09:30 ngày 12/10/2018",
            "17:00 ngày 15/10/2018", "10:00 ngày 14/10/2018",
        ]  # fmt: skip
        assert answer.locator("li").all_inner_texts() == [
            "Được tiếp nhận 09:30 ngày 12/10/2018, UBND phường An Biên",
            "Đã xử lý xong 10:00 ngày 14/10/2018, UBND phường An Biên",
        ]


@pytest.mark.parametrize("typed", ["000.05.33.H24\u2013181012\u20130001", "\ufeff000.05.33.H24-181012-0001\u200b"])
def test_a_code_is_found_as_a_word_processor_spells_it(browser: Browser, feed: Path, typed: str) -> None:
    with _served(feed) as url, _opened(browser, url) as page:
        _ask(page, typed)
        page.locator(".answer ol").wait_for()


def test_nothing_is_asked_for_nothing_and_the_last_answer_goes(browser: Browser, feed: Path) -> None:
    with _served(feed) as url, _opened(browser, url) as page:
        _ask(page, CODE)
        page.locator(".answer ol").wait_for()
        _ask(page, "  ")
        page.get_by_text("Hãy nhập mã hồ sơ.").wait_for()
        assert page.locator(".answer ol").count() == 0


@pytest.mark.parametrize("code", ["000.05.33.H24-181012-0002", "toString", "../index", "<b>đậm</b>"])
def test_a_code_that_is_not_there_is_said_so(browser: Browser, feed: Path, code: str) -> None:
    with _served(feed) as url, _opened(browser, url) as page:
        _ask(page, code)
        page.get_by_text(f"Không thấy hồ sơ {code.upper()}.").wait_for()


def test_a_look_up_that_cannot_be_loaded_is_said_so(browser: Browser, feed: Path) -> None:
    with _served(feed) as url, _opened(browser, url, is_clean=False) as page:
        for shard in (feed / "lookup").iterdir():
            shard.write_text("<html>", encoding="utf-8")
        _ask(page, CODE)
        page.get_by_text("Không tải được dữ liệu tra cứu.").wait_for()


def test_names_are_text_and_never_markup(browser: Browser, tmp_path: Path) -> None:
    write_feed(tmp_path, hostile=HOSTILE)
    build_page(tmp_path.as_uri())
    with _served(tmp_path) as url, _opened(browser, url) as page:
        _ask(page, CODE)
        page.locator(".answer ol").wait_for()
        assert HOSTILE in page.locator(".answer dd").first.inner_text()
        assert HOSTILE in page.locator("tbody th").first.inner_text()
        assert page.title() != "hacked"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_runs_off_the_side(browser: Browser, feed: Path, width: int) -> None:
    with _served(feed) as url, _opened(browser, url, viewport={"width": width, "height": 700}) as page:
        page.locator("details summary").click()
        _ask(page, CODE)
        page.locator(".answer ol").wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_the_page_is_rewritten_only_when_the_feed_says_something_else(feed: Path) -> None:
    assert build_page(feed.as_uri()) is False
    index = (feed / "index.json").read_text(encoding="utf-8")
    (feed / "index.json").write_text(index.replace("257", "258"), encoding="utf-8")
    assert build_page(feed.as_uri()) is True


def test_a_feed_without_a_version_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(PublicationRefused, match=r"index\.json is not in the feed; publish a version first"):
        build_page(tmp_path.as_uri())
    assert not (tmp_path / "index.html").exists()


def _ask(page: Page, code: str) -> None:
    page.get_by_label("Mã hồ sơ").fill(code)
    page.get_by_role("button", name="Tra cứu").click()


@contextmanager
def _served(feed: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(feed))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _opened(browser: Browser, url: str, *, is_clean: bool = True, **options: object) -> Iterator[Page]:
    """The page in a context of its own; afterwards: it asked nobody else for anything, and no script complained."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        yield page
        assert [one for one in asked if not one.startswith(url)] == []
        # a shard that is not there is answered 404, which the browser notes
        told = [one for one in complaints if "404" not in one]
        assert not is_clean or told == []


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
