"""The files of the site: recounted from the feed by code of its own, light, self-contained, rewritten only when due."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import lxml.html
import pytest
from motcua.errors import PublicationRefused
from motcua.publishing.public_page import build_page
from motcua.registry import Registry

from tests.publishing.public_page.a_feed import BIRTH, VERSION, Row, agency, row, write_city, write_feed, write_version
from tests.publishing.public_page.conftest import SHAPES

FIRST_PAGE_BYTES = 100_000
CITY_SECONDS = 15
UNCHANGED_SECONDS = 2
DONE = ("early", "on_time", "overdue")
SHAPE = pytest.mark.parametrize("shape", SHAPES)


@pytest.mark.slow
@SHAPE
def test_every_figure_is_recounted_from_the_feed(tmp_path: Path, registry: Registry, shape: str) -> None:
    as_of = datetime.fromisoformat(SHAPES[shape])
    rows = write_city(tmp_path, registry, as_of)
    build_page(tmp_path.as_uri(), registry.calendar)
    first = opened(tmp_path / "index.html")
    assert [tile.text.strip() for tile in first.xpath("//dl[@class='tiles']//dd")] == [
        number(received(rows)), number(done(rows)),
        share(in_time(rows), done(rows)), share(online(rows), received(rows)),
    ]  # fmt: skip
    units = registry.units_on(as_of.date())
    shown = {line[0]: line[1:] for line in lines(first)}
    assert shown == {f"don-vi/{code}.html": unit_figures(having(rows, agency_code=code)) for code in units}
    assert len(shown) == {"2018": 259, "2026": 130}[shape]
    assert months(first) == flows(rows, as_of.date())


@pytest.mark.slow
@SHAPE
def test_every_unit_s_page_is_recounted_from_the_feed(tmp_path: Path, registry: Registry, shape: str) -> None:
    as_of = datetime.fromisoformat(SHAPES[shape])
    rows = write_city(tmp_path, registry, as_of)
    build_page(tmp_path.as_uri(), registry.calendar)
    for code in list(registry.units_on(as_of.date()))[::25]:
        own = having(rows, agency_code=code)
        page = opened(tmp_path / "don-vi" / f"{code}.html")
        assert {line[0]: line[1:7] for line in lines(page, "long")} == {
            f"../thu-tuc/{one}.html": procedure_figures(having(own, procedure_code=one), registry)
            for one in {str(row["procedure_code"]) for row in own}
        }
        assert months(page) == flows(own, as_of.date(), first=min(flow_dates(rows)))


@pytest.mark.slow
def test_every_procedure_s_figures_are_recounted_from_the_feed(tmp_path: Path, registry: Registry) -> None:
    rows = write_city(tmp_path, registry, datetime.fromisoformat(SHAPES["2018"]))
    build_page(tmp_path.as_uri(), registry.calendar)
    shown = {line[0]: line[2:8] for line in lines(opened(tmp_path / "thu-tuc" / "index.html"), "long")}
    by_code = {
        code: having(rows, procedure_code=code) for code, one in registry.procedures.items() if not one.sensitive
    }
    assert shown == {f"{code}.html": procedure_figures(own, registry) for code, own in by_code.items()}


@pytest.mark.slow
@SHAPE
def test_the_first_page_is_light_with_all_that_it_loads(tmp_path: Path, registry: Registry, shape: str) -> None:
    write_city(tmp_path, registry, datetime.fromisoformat(SHAPES[shape]))
    build_page(tmp_path.as_uri(), registry.calendar)
    page = opened(tmp_path / "index.html")
    loaded = [*page.xpath("//link/@href"), *page.xpath("//script/@src")]
    assert len(loaded) == 4
    sizes = {path: len(gzip.compress((tmp_path / path).read_bytes(), 6)) for path in ("index.html", *loaded)}
    assert sum(sizes.values()) <= FIRST_PAGE_BYTES, sizes


@pytest.mark.slow
def test_the_site_of_a_whole_city_is_built_once(tmp_path: Path, registry: Registry) -> None:
    rows = write_city(tmp_path, registry, datetime.fromisoformat(SHAPES["2018"]), dossiers_a_unit=356)
    assert len(rows) >= 92_118
    assert build_page(tmp_path.as_uri(), registry.calendar) > 259 + 380
    assert build_page(tmp_path.as_uri(), registry.calendar) == 0


def test_no_page_needs_anything_from_elsewhere_or_inline(feed: Path) -> None:
    for path in feed.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        page = lxml.html.fromstring(text)
        named = [str(one) for one in page.xpath("//@href | //@src")]
        assert [one for one in named if re.match(r"[a-z]+:|//|/", one)] == [], path
        assert page.xpath("//@style | //style | //*[@onclick]") == [], path
        assert page.xpath("//script[not(@src) and @type!='application/json']") == [], path
        policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy == [
            "default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; img-src 'self'; "
            "style-src 'self'; script-src 'self'"
        ]


def test_nothing_is_rewritten_while_the_feed_says_the_same(feed: Path, registry: Registry) -> None:
    before = stamps(feed)
    assert build_page(feed.as_uri(), registry.calendar) == 0
    assert stamps(feed) == before


def test_only_pages_that_say_something_else_are_rewritten(feed: Path, registry: Registry) -> None:
    before = stamps(feed)
    catalogue = feed / VERSION / "procedures.csv"
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace(",7,", ",9,"), encoding="utf-8")
    index = feed / "index.json"
    index.write_text(f"{index.read_text(encoding='utf-8')}\n", encoding="utf-8")
    assert build_page(feed.as_uri(), registry.calendar) == 4
    after = stamps(feed)
    assert {path for path in after if after[path] != before[path] and path.endswith("html")} == {
        "don-vi/H24.02.html", "thu-tuc/1.000049.html", "thu-tuc/index.html", "index.html",
    }  # fmt: skip


def test_a_page_that_was_interrupted_is_finished(feed: Path, registry: Registry) -> None:
    (feed / "don-vi" / "H24.02.html").unlink()
    (feed / "index.html").unlink()
    assert build_page(feed.as_uri(), registry.calendar) == 2
    assert (feed / "don-vi" / "H24.02.html").exists()


def test_pages_of_units_that_are_no_more_go(feed: Path, registry: Registry) -> None:
    assert (feed / "don-vi" / "H24.33.05.html").exists()
    write_version(
        feed,
        seq=8,
        rows=[row(code="1", agency="H24", progress="early", received="2018-12-03", finished="2018-12-04")],
        agencies=[agency("H24", "UBND thành phố", "city", None)],
        procedures=[BIRTH],
    )
    build_page(feed.as_uri(), registry.calendar)
    assert sorted(path.name for path in (feed / "don-vi").iterdir()) == ["H24.html"]
    assert sorted(path.name for path in (feed / "thu-tuc").iterdir()) == [f"{BIRTH[0]}.html", "index.html"]


def test_the_style_of_the_page_before_stays_until_nobody_can_have_it_open(feed: Path, registry: Registry) -> None:
    first = feed / "index.html"
    older = feed / "assets" / "page.000000000000.css"
    older.write_bytes(b"")
    forgotten = feed / "assets" / "page.111111111111.css"
    forgotten.write_bytes(b"")
    first.write_text(f"<link href=assets/{older.name}>", encoding="utf-8")
    build_page(feed.as_uri(), registry.calendar)
    assert (older.exists(), forgotten.exists()) == (True, False)
    first.write_text("", encoding="utf-8")
    build_page(feed.as_uri(), registry.calendar)
    assert not older.exists()


def test_a_feed_without_a_version_has_no_page(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(PublicationRefused, match=r"index\.json is not in the feed.*; publish a "):
        build_page(tmp_path.as_uri(), registry.calendar)
    assert not (tmp_path / "index.html").exists()


def test_a_code_that_would_leave_its_folder_names_no_file(tmp_path: Path, registry: Registry) -> None:
    write_feed(tmp_path)
    write_version(
        tmp_path,
        rows=[row(code="1", agency="H24", progress="waiting", procedure="../index")],
        agencies=[agency("H24", "UBND thành phố", "city", None)],
        procedures=[],
    )
    with pytest.raises(PublicationRefused, match="expected a code of letters, digits and single dots"):
        build_page(tmp_path.as_uri(), registry.calendar)
    assert not (tmp_path / "index.html").exists()


def opened(path: Path) -> lxml.html.HtmlElement:
    return lxml.html.fromstring(path.read_text(encoding="utf-8"))


def lines(page: lxml.html.HtmlElement, kind: str = "sortable") -> list[list[str]]:
    """Of tables of that class: the link of each row's heading and the texts of its cells."""
    return [
        [one.xpath("th/a/@href")[0], *(cell.text_content() for cell in one.xpath("td"))]
        for one in page.xpath(f"//table[contains(@class, '{kind}')]/tbody/tr")
    ]


def months(page: lxml.html.HtmlElement) -> dict[str, list[str]]:
    return {
        one.xpath("th")[0].text: [cell.text for cell in one.xpath("td")]
        for one in page.xpath("//table[@class='compact']/tbody/tr")
    }


def stamps(feed: Path) -> dict[str, int]:
    return {path.relative_to(feed).as_posix(): path.stat().st_mtime_ns for path in feed.rglob("*") if path.is_file()}


def having(rows: list[Row], **wanted: str) -> list[Row]:
    return [one for one in rows if all(one[name] == value for name, value in wanted.items())]


def counted(test: Callable[[Row], bool]) -> Callable[[list[Row]], int]:
    return lambda rows: len([one for one in rows if test(one)])


received = counted(lambda one: one["progress"] != "not_received")
online = counted(lambda one: one["progress"] != "not_received" and one["channel"] == 2)
done = counted(lambda one: one["progress"] in DONE)
in_time = counted(lambda one: one["progress"] in ("early", "on_time"))


def unit_figures(rows: list[Row]) -> list[str]:
    classes = Counter(one["progress"] for one in rows)
    return [
        number(received(rows)), share(in_time(rows), done(rows)), share(online(rows), received(rows)),
        number(done(rows)), *(number(classes[name]) for name in DONE),
        number(sum(classes[name] for name in ("within_time", "due_soon", "open_overdue"))),
        number(classes["open_overdue"]),
    ]  # fmt: skip


def procedure_figures(rows: list[Row], registry: Registry) -> list[str]:
    """Six cells; the two of handling by sorting and walking day by day."""
    taken = sorted(working_days(one["received_on"], one["finished_on"], registry) for one in rows if one["finished_on"])
    ranks = [taken[-(-len(taken) * percent // 100) - 1] if taken else None for percent in (50, 80)]
    days = ["–" if rank is None else "trong ngày" if rank == 0 else str(rank) for rank in ranks]
    return [
        number(received(rows)), share(in_time(rows), done(rows)), share(online(rows), received(rows)),
        number(done(rows)), *days,
    ]  # fmt: skip


def working_days(since: object, until: object, registry: Registry) -> int:
    assert isinstance(since, date)
    assert isinstance(until, date)
    days = [since + timedelta(days=n) for n in range(1, (until - since).days + 1)]
    return sum(registry.calendar.is_working(day) for day in days)


def flow_dates(rows: list[Row]) -> list[date]:
    return [day for one in rows for day in (one["received_on"], one["finished_on"]) if isinstance(day, date)]


def flows(rows: list[Row], until: date, *, first: date | None = None) -> dict[str, list[str]]:
    """By month: received, done, and done by class."""
    start = min(first or min(flow_dates(rows)), until)
    found: dict[str, Counter[str]] = {}
    while (start.year, start.month) <= (until.year, until.month):
        found[f"{start:%m/%Y}"] = Counter()
        start = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    for one in rows:
        if one["progress"] != "not_received":
            found[f"{one['received_on']:%m/%Y}"]["received"] += 1
        if one["progress"] in DONE:
            found[f"{one['finished_on']:%m/%Y}"].update(["done", str(one["progress"])])
    return {month: [number(flow[name]) for name in ("received", "done", *DONE)] for month, flow in found.items()}


def number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


def share(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.1f}%".replace(".", ",") if whole else "–"
