"""Tables in a browser: complete without JavaScript; sorted and filtered with it, by keyboard too."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.publishing.public_page.a_feed import VERSION
from tests.publishing.public_page.browsing import opened, served

pytestmark = pytest.mark.slow


def test_the_main_figures_and_every_unit_are_there_without_javascript(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url, java_script_enabled=False) as page:
        assert page.locator(".as-of").inner_text() == (
            "Số liệu tính đến 17:00 ngày 25/12/2018 · 257/258 nguồn dữ liệu đọc được"
        )
        assert texts(page.locator("dl.tiles dd")) == ["5 hồ sơ", "2 hồ sơ", "50,0% đã giải quyết", "20,0% 1 hồ sơ"]
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert [texts(row.locator("th, td")) for row in page.locator("table.sortable tbody tr").all()] == [
            ["UBND thành phố Chưa kết nối nguồn dữ liệu", "0", "–", "–", "0", "0", "0", "0", "0", "0"],
            ["Sở Nội vụ", "1", "0,0%", "0,0%", "1", "0", "0", "1", "0", "0"],
            ["UBND quận Lê Chân Chưa có hồ sơ", "0", "–", "–", "0", "0", "0", "0", "0", "0"],
            ["UBND phường An Biên quận Lê Chân", "4", "100,0%", "25,0%", "1", "1", "0", "0", "2", "1"],
            ["UBND phường Đồ Sơn quận Lê Chân Chưa có hồ sơ", "0", "–", "–", "0", "0", "0", "0", "0", "0"],
        ]
        assert page.locator("noscript a").get_attribute("href") == f"{VERSION}/dossiers.csv.gz"
        assert page.locator("button.sort, .filter:visible, #expired:visible").count() == 0


@pytest.mark.parametrize("typed", ["do son", "Đồ Sơn", "DO  SON", "son do"])
def test_units_are_found_without_accents(browser: Browser, feed: Path, typed: str) -> None:
    with served(feed) as url, opened(browser, url) as page:
        page.get_by_label("Tìm đơn vị theo tên").fill(typed)
        assert texts(page.locator("table.sortable tbody tr:visible th a")) == ["UBND phường Đồ Sơn"]
        assert page.locator(".filter .hint").inner_text() == "Thấy 1 trong 5 đơn vị."
        page.get_by_label("Tìm đơn vị theo tên").fill("")
        assert page.locator("table.sortable tbody tr[hidden]").count() == 0


def test_a_district_finds_its_wards(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        page.get_by_label("Tìm đơn vị theo tên").fill("quan le chan")
        assert texts(page.locator("table.sortable tbody tr:visible th a")) == [
            "UBND quận Lê Chân", "UBND phường An Biên", "UBND phường Đồ Sơn",
        ]  # fmt: skip


def test_procedures_are_found_by_code(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url, "thu-tuc/index.html") as page:
        page.get_by_label("Tìm thủ tục").fill("1.000049")
        assert texts(page.locator("tbody tr:visible th a")) == ["Cấp chứng chỉ hành nghề đo đạc"]
        page.get_by_label("Tìm thủ tục").fill("ho tich")
        assert texts(page.locator("tbody tr:visible th a")) == ["Đăng ký khai sinh"]


def test_a_table_is_sorted_with_the_keyboard(browser: Browser, city: Path) -> None:
    with served(city) as url, opened(browser, url) as page:
        table = page.locator("table.sortable").first
        share = table.get_by_role("columnheader", name="Trước và đúng hạn")
        share.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert share.get_attribute("aria-sort") == "descending"
        downwards = [float(text.rstrip("%").replace(",", ".")) for text in column(table, 2)]
        assert downwards == sorted(downwards, reverse=True)
        page.keyboard.press("Space")
        assert share.get_attribute("aria-sort") == "ascending"
        assert column(table, 2) == [f"{share:.1f}%".replace(".", ",") for share in sorted(downwards)]
        table.get_by_role("columnheader", name="Đơn vị").get_by_role("button").click()
        assert table.locator("[aria-sort]").all_inner_texts() == ["Đơn vị"]


def test_what_has_no_number_is_sorted_last_both_ways(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        table = page.locator("table.sortable").first
        for order in (["0,0%", "–"], ["0,0%", "–"]):
            table.get_by_role("columnheader", name="Trực tuyến").get_by_role("button").click()
            assert column(table, 3) == order


def column(table: Locator, place: int) -> list[str]:
    return table.locator(f"tbody tr > :nth-child({place + 1})").all_inner_texts()


def texts(found: Locator) -> list[str]:
    """Inner texts on one line each."""
    return [" ".join(text.split()) for text in found.all_inner_texts()]


def test_every_page_is_reached_by_links_and_none_is_dead(browser: Browser, feed: Path) -> None:
    (feed / VERSION / "dossiers.csv.gz").touch()
    with served(feed) as url, opened(browser, url) as page:
        seen, waiting = set[str](), ["index.html"]
        while waiting:
            page.goto(url + waiting.pop())
            waiting += [path for path in links(page, url) if path not in seen]
            seen |= set(links(page, url))
        assert seen == {path.relative_to(feed).as_posix() for path in feed.rglob("*.html")}


def links(page: Page, url: str) -> list[str]:
    """Pages of ours that this one links to."""
    found = page.locator("a").evaluate_all("all => all.map(one => one.href.split('#')[0])")
    return sorted({one.removeprefix(url) for one in found if one.endswith(".html")})
