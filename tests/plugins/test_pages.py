"""A source's page, quarantine, the outbox, versions and the trail: what stands there, and that nothing of it runs."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX
from tests.plugins.made_up import DOWN, HELD, HOSTILE, NEVER, PAUSED
from tests.plugins.test_sources import page, text

PAGES = (
    "/", f"/nguon/{DOWN}", f"/nguon/{HELD}", f"/nguon/{NEVER}", f"/nguon/{PAUSED}", "/cach-ly",
    f"/cach-ly?source={DOWN}", "/cach-ly?rule=unknown_unit&owner=motcua&page=2", "/hang-doi",
    "/hang-doi?state=rejected", "/phien-ban", "/phien-ban?before=20", "/nhat-ky", f"/nhat-ky?source={HELD}",
    "/nhat-ky?who=lan.nguyen&action=sync",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_word_of_somebody_else_becomes_markup(client: TestClient, path: str, language: str) -> None:
    found = client.get(f"{PREFIX}{path}", headers={"Cookie": f"motcua_lang={language}"})
    assert found.status_code == 200
    assert "<script>alert" not in found.text
    assert "<b onmouseover" not in found.text
    scripts = page(client, path).xpath("//script")
    assert [one.get("src") for one in scripts] == [f"{PREFIX}/page.js"]
    assert page(client, path).xpath("//*[@style or @onclick or @onload]") == []


@pytest.mark.parametrize("path", [f"/nguon/{DOWN}", f"/nguon/{HELD}", "/hang-doi", "/phien-ban", "/nhat-ky"])
def test_what_somebody_wrote_is_shown_as_it_was_written(client: TestClient, path: str) -> None:
    assert " ".join(HOSTILE.split()) in text(page(client, path))


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_to_a_page(client: TestClient, path: str) -> None:
    links = {one for one in page(client, path).xpath("//main//a/@href | //nav//a/@href") if "/../dags/" not in one}
    assert links
    for link in sorted(links)[:40]:
        assert client.get(link).status_code == 200, link


def test_a_source_that_is_down_says_why_and_what_to_do(client: TestClient) -> None:
    found = text(page(client, f"/nguon/{DOWN}"))
    assert "Máy chủ trả lời quá chậm" in found
    assert "TIMEOUT: no answer within 30 s" in found
    assert "Lần hỏng liên tiếp9" in found


def test_a_held_source_shows_its_figures_and_codes(client: TestClient) -> None:
    hold = page(client, f"/nguon/{HELD}").get_element_by_id("hold")
    figures = {text(one.xpath("./dt")[0]): text(one.xpath("./dd")[0]) for one in hold.xpath(".//dl/div")}
    assert figures == {
        "Giữ từ": "16:15 25/12/2018", "Hồ sơ đang có": "100", "Hồ sơ nếu chấp nhận": "10", "Sẽ mất": "1",
        "Mới hoặc đổi": "0",
    }  # fmt: skip
    assert [text(one) for one in hold.xpath(".//ul[@class='codes']//code")] == ["000.00.33.H24-1-1"]


def test_a_source_shows_where_its_connection_is_and_none_of_its_secrets(client: TestClient) -> None:
    entry = page(client, f"/nguon/{DOWN}").xpath("//section[@aria-labelledby='entry-title']")[0]
    assert "igate_le_chan" in text(entry)


def test_a_schedule_says_whose_word_each_value_is(client: TestClient) -> None:
    section = page(client, f"/nguon/{PAUSED}").xpath("//section[@aria-labelledby='schedule-title']")[0]
    settings = {text(row[0]): (text(row[1]), text(row[2])) for row in section.xpath(".//tbody/tr")}
    assert settings["Đọc mỗi (giờ làm việc)"] == ("1 giờ", "nguồn này · lan.nguyen")
    assert settings["Tạm dừng"] == ("có", "nguồn này · lan.nguyen")
    assert settings["Số yêu cầu mỗi giây"] == ("20.0", "sổ đăng ký")
    assert "Không có lần đọc nào theo lịch." in text(section)
    assert "quận chuyển máy chủ <script>" in text(section)


def test_chart_and_table_say_the_same(client: TestClient, filled: Settings) -> None:
    found = page(client, f"/nguon/{HELD}").xpath("//section[@aria-labelledby='volume-title']")[0]
    told = [tuple(text(cell) for cell in row) for row in found.xpath(".//tbody/tr")]
    engine = warehouse.engine(filled, None)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT * FROM core.source_day WHERE source_id = :source AND day > '2018-10-26' ORDER BY day DESC"),
            {"source": HELD},
        ).all()
    engine.dispose()
    days = [(row.day.strftime("%d/%m/%Y"), str(row.changed), str(row.gone)) for row in rows]
    assert told == days
    bars = found.xpath(".//*[local-name()='rect'][@class='bar']")
    assert len(bars) == sum(row.changed > 0 for row in rows)
    assert len(found.xpath(".//*[local-name()='rect'][@class='gone']")) == sum(row.gone > 0 for row in rows)
    heights = {row.changed: float(bar.get("height")) for row, bar in zip(reversed(rows), bars, strict=True)}
    assert [heights[number] for number in sorted(heights)] == sorted(heights.values())


def test_quarantine_adds_up_by_rule_source_and_owner(client: TestClient, filled: Settings) -> None:
    found = page(client, "/cach-ly")
    engine = warehouse.engine(filled, None)
    with engine.connect() as connection:
        total = connection.execute(sa.text("SELECT count(*) FROM core.quarantine WHERE settled_at IS NULL")).scalar()
    engine.dispose()

    def figures(section: str) -> list[int]:
        rows = found.xpath(f"//section[@aria-labelledby='{section}']//tbody/tr")
        return [int(text(row[2]).replace(".", "")) for row in rows]

    assert sum(figures("by-rule")) == sum(figures("by-source")) == total


def test_quarantine_leads_down_to_dossiers_and_never_to_values(client: TestClient) -> None:
    rows = page(client, f"/cach-ly?source={DOWN}").xpath("//section[@aria-labelledby='rows-title']//tbody/tr")
    assert rows
    headings = page(client, f"/cach-ly?source={DOWN}").xpath("//section[@aria-labelledby='rows-title']//thead//th")
    assert [text(one) for one in headings] == [
        "Mã hồ sơ", "Nguồn", "Lỗi", "Trường", "Ai sửa", "Từ lúc", "Số lần xét",
    ]  # fmt: skip
    # a field that is a source's own word is not repeated: nobody knows what it says
    fields = {text(row[3]) for row in page(client, "/cach-ly?rule=unknown_unit").xpath("//tbody/tr") if len(row) == 7}
    assert fields == {"Trường riêng của phần mềm"}


def test_outbox_counts_dossiers_and_lists_them_with_the_portals_words(client: TestClient, filled: Settings) -> None:
    engine = warehouse.engine(filled, None)
    with engine.connect() as connection:
        counts = dict(
            connection.execute(
                sa.text("SELECT state, count(*) FROM core.delivery WHERE service = 'DongBoHoSoMC' GROUP BY state")
            ).all()
        )
    engine.dispose()
    found = page(client, "/hang-doi?state=rejected")
    told = [int(text(one).replace(".", "")) for one in found.xpath("//ul[@class='tiles']//b")]
    assert told == [counts.get(name, 0) for name in ("queued", "sent", "unknown", "rejected", "given_up")]
    rows = found.xpath("//section[@id='rows']//tbody/tr")
    assert len(rows) == min(100, 2 * counts["rejected"])  # a dossier and its steps
    assert all("MaTTHC không hợp lệ" in text(row) for row in rows)


def test_versions_say_who_let_a_jump_pass_and_what_was_removed(client: TestClient) -> None:
    rows = {text(row[0]): text(row) for row in page(client, "/phien-ban").xpath("(//table)[1]/tbody/tr")}
    assert len(rows) == 60
    assert "lan.nguyen cho công bố" in rows["44"]
    assert "Gỡ lúc 17:00 25/12/2018" in rows["3"]
    assert "k-2018-1" in text(page(client, "/phien-ban"))


def test_the_trail_is_found_by_source_and_by_person(client: TestClient) -> None:
    def subjects(query: str) -> list[tuple[str, str]]:
        rows = page(client, f"/nhat-ky{query}").xpath(".//tbody/tr")
        return [(text(row[1]), text(row[2])) for row in rows]

    deeds = ("Đọc lại", "Cho công bố", "Đổi lịch", "Từ chối thay đổi")
    read, let_pass, changed, rejected = [("lan.nguyen", did) for did in deeds]
    assert subjects("") == [read, let_pass, changed, rejected]
    assert subjects(f"?source={PAUSED}") == [read, changed]
    assert subjects("?action=accept_figures") == [let_pass]
    assert subjects(f"?source={HELD}") == [read, rejected]
    assert subjects(f"?source={DOWN}") == [("lan.nguyen", "Đọc lại")]
    assert subjects("?who=nobody") == []
