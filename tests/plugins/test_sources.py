"""The list of sources: what is in trouble first, found without accents, filtered, sorted, summed up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import sqlalchemy as sa
from lxml import html
from motcua import warehouse
from motcua.settings import Settings
from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX
from tests.plugins.made_up import DOWN, HELD, LATE, NEVER, PAUSED

OPENED = sa.text("""
INSERT INTO core.incident (kind, subject, severity, first_seen, last_seen, opened_at, closed_at)
VALUES (:kind, :subject, :severity, :at, :at, :at, :closed)
""")


def page(client: TestClient, path: str) -> html.HtmlElement:
    """A page that answers well."""
    answer = client.get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text[:2000]
    return html.fromstring(answer.text)


def text(element: html.HtmlElement) -> str:
    """Its words, single-spaced."""
    return " ".join(element.text_content().split())


def listed(client: TestClient, query: str = "") -> list[str]:
    """Ids of the sources in the list, in its order."""
    links = page(client, f"/{query}").xpath("//table[contains(@class, 'sources')]/tbody/tr/th/a")
    return [link.get("href").removeprefix(f"{PREFIX}/nguon/") for link in links]


def tiles(client: TestClient) -> dict[str, str]:
    """Label and figure of each tile."""
    found = page(client, "/").xpath("//ul[@class='tiles']//a[b]")
    return {text(one.xpath("./span")[0]): text(one.xpath("./b")[0]) for one in found}


def test_what_is_in_trouble_stands_first(client: TestClient) -> None:
    rows = listed(client)
    assert rows[:5] == [DOWN, HELD, NEVER, PAUSED, LATE]
    assert len(rows) == len(set(rows)) == 258


def test_tiles_say_how_many_are_how_and_lead_to_them(client: TestClient) -> None:
    assert tiles(client) == {
        "Tất cả nguồn": "258", "Trễ lịch": "3", "Không đọc được": "1", "Tạm giữ": "1", "Chưa đọc lần nào": "1",
        "Tạm dừng": "1", "Hồ sơ cách ly": tiles(client)["Hồ sơ cách ly"],
    }  # fmt: skip
    assert listed(client, "?state=late") == [DOWN, NEVER, LATE]
    assert listed(client, "?state=down") == [DOWN]
    assert listed(client, "?state=held") == [HELD]
    assert listed(client, "?state=paused") == [PAUSED]


@pytest.fixture
def incidents(filled: Settings, client: TestClient) -> Iterator[None]:
    """Seven sources are down, the disk is nearly full, something has closed, and a later version knew a kind more."""
    engine = warehouse.engine(filled, None)
    down = [DOWN, *sorted(set(listed(client)) - {DOWN})[:6]]
    rows = [("source_down", subject, "warning", None) for subject in down]
    rows += [
        ("disk_low", "motcua", "critical", None), ("run_failed", "judge", "critical", "2018-12-25"),
        ("of_tomorrow", "<b>", "notice", None),
    ]  # fmt: skip
    with engine.begin() as connection:
        for minute, (kind, subject, severity, closed) in enumerate(rows):
            values = {"kind": kind, "subject": subject, "severity": severity, "closed": closed,
                      "at": f"2018-12-25T10:{minute:02}+07:00"}  # fmt: skip
            connection.execute(OPENED, values)
    yield
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM core.incident"))
    engine.dispose()


@pytest.mark.usefixtures("incidents")
def test_open_incidents_stand_above_the_list_the_gravest_first(client: TestClient) -> None:
    found = [text(one) for one in page(client, "/").xpath("//section[@class='incidents']//li")]
    assert found[0].startswith("Nghiêm trọng Sắp hết dung lượng đĩa từ 10:07 25/12/2018 Xem thư mục nào lớn nhất")
    assert found[1].startswith(f"Cảnh báo Nguồn không đọc được từ 10:00 25/12/2018: {DOWN}, ")
    assert "và 2 sự cố khác Chạy “motcua sources check”" in found[1]
    assert found[2] == "Lưu ý of_tomorrow từ 10:09 25/12/2018: <b>"
    assert len(found) == 3
    links = page(client, "/").xpath("//section[@class='incidents']//a/@href")
    assert links[0] == f"{PREFIX}/nguon/{DOWN}"
    assert len(links) == 5
    english = page(client, "/?lang=en").xpath("//section[@class='incidents']//li")
    assert text(english[0]) == "Critical disk_low since 10:07 25 Dec 2018"
    page(client, "/?lang=vi")  # a cookie remembers


def test_without_incidents_nothing_stands_there(client: TestClient) -> None:
    assert page(client, "/?lang=vi").xpath("//section[@class='incidents']") == []


@pytest.mark.parametrize("words", ["an bien", "An Biên", "le_chan.an_bien", "AN BIÊN lê chân", "  bien   an "])
def test_a_source_is_found_without_accents(client: TestClient, words: str) -> None:
    assert DOWN in listed(client, f"?q={words}")
    assert len(listed(client, f"?q={words}")) < 5


def test_filters_narrow_together(client: TestClient) -> None:
    group = listed(client, "?group=le_chan")
    assert {name.split(".")[0] for name in group} == {"le_chan"}
    assert set(listed(client, "?group=le_chan&platform=igate&state=ok")) == set(group) - {DOWN, HELD, NEVER, PAUSED}
    assert listed(client, "?group=le_chan&platform=sql_view") == []


@pytest.mark.parametrize("key", ["name", "group", "platform", "succeeded", "age", "dossiers", "quarantined", "next"])
def test_every_column_sorts_both_ways(client: TestClient, key: str) -> None:
    up, down = listed(client, f"?sort={key}"), listed(client, f"?sort={key}&down=1")
    assert up == down[::-1]
    heading = page(client, f"/?sort={key}&down=1").xpath("//thead//th[@aria-sort]")
    assert [one.get("aria-sort") for one in heading] == ["descending"]


def test_sorting_keeps_the_filter_and_filtering_keeps_the_order(client: TestClient) -> None:
    found = page(client, "/?group=le_chan&sort=age&down=1")
    link = found.xpath("//thead//a")[0].get("href")
    assert "group=le_chan" in link
    assert {one.get("name"): one.get("value") for one in found.xpath("//form//input[@type='hidden']")} == {
        "sort": "age", "down": "1",
    }  # fmt: skip


def test_a_row_says_how_old_its_source_is_in_working_time(client: TestClient) -> None:
    row = page(client, "/?q=le_chan.lam_son").xpath("//table[contains(@class, 'sources')]/tbody/tr")[0]
    cells = {cell.get("data-label"): text(cell) for cell in row.xpath("./td")}
    # five days back from a Tuesday: Thursday's half hour, Friday, Monday, Tuesday until five
    assert cells["Tuổi (giờ làm việc)"] == "3 ngày"
    assert cells["Tình trạng"] == "Đọc được Trễ"
    assert cells["Đọc được lần cuối"] == "17:00 20/12"


def test_the_language_asked_for_is_remembered(client: TestClient) -> None:
    with TestClient(client.app, base_url="http://airflow.test") as other:
        assert page(other, "/").get("lang") == "vi"
        assert page(other, "/?lang=en").get("lang") == "en"
        assert page(other, "/nguon/le_chan.an_bien").get("lang") == "en"
        assert page(other, "/?lang=vi").get("lang") == "vi"
        assert page(other, "/?lang=xx").get("lang") == "vi"


def test_a_page_that_is_not_there_says_so_in_words(client: TestClient) -> None:
    answer = client.get(f"{PREFIX}/nguon/<b>nobody")
    assert answer.status_code == 404
    assert "Không tìm thấy" in answer.text
    assert "<b>nobody" not in answer.text
    assert "<b>nobody" in unescape(answer.text)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("cach-ly?page=0", "page"),
        ("cach-ly?page=x", "page"),
        ("cach-ly?rule=" + "x" * 300, "rule"),
        ("cach-ly?source=%00", "source"),
        ("nhat-ky?who=lan%00", "who"),
        ("nhat-ky?<b>%00=1", "<b>?"),
        ("phien-ban?before=99999999999999999999", "before"),
        ("?down=perhaps", "down"),
        ("?q=" + "x" * 300, "q"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_on_a_page(client: TestClient, query: str, named: str) -> None:
    answer = client.get(f"{PREFIX}/{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    [told] = html.fromstring(answer.text).xpath("//main//code")
    assert text(told) == named


def test_every_answer_forbids_what_is_not_ours(client: TestClient) -> None:
    for path in ("/", "/nguon/le_chan.an_bien", "/page.css", "/page.js", "/nowhere"):
        policy = client.get(f"{PREFIX}{path}").headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert not re.search(r"unsafe|\*|https?:|data:", policy)
