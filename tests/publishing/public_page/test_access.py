"""Every kind of page for everybody: axe, 320 px, keyboard, print, old figures. Pictures are kept with the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.publishing.public_page.a_feed import LATE
from tests.publishing.public_page.browsing import artifacts, opened, served
from tests.publishing.public_page.test_look_up import ask

pytestmark = pytest.mark.slow

KINDS = ("index.html", "diem-nghen.html", "en.html", "thu-tuc/index.html", "don-vi", "thu-tuc")
# All rules that automate WCAG 2.2 A and AA, and axe's own good practice.
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# All that a colour scheme can change.
COLOURS = ["color-contrast", "link-in-text-block"]


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_in_light_and_dark(browser: Browser, city: Path, kind: str) -> None:
    path = one_of(city, kind)
    with served(city) as url, opened(browser, url, path) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        # hundreds of rows are alike, and axe looks at each for long
        page.locator("tbody tr:nth-child(n+25)").evaluate_all("all => all.forEach(one => one.remove())")
        assert complaints(page, ALL_RULES) == []
        take_pictures(page, f"{city.name}-{path.replace('/', '-')}-light")
        page.emulate_media(color_scheme="dark")
        assert complaints(page, COLOURS) == []
        take_pictures(page, f"{city.name}-{path.replace('/', '-')}-dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_answer(browser: Browser, feed: Path, scheme: str) -> None:
    with served(feed) as url, opened(browser, url, color_scheme=scheme, now="2019-01-30T09:00:00+07:00") as page:
        ask(page, LATE)
        page.locator(".answer ol").wait_for()
        assert complaints(page, ALL_RULES) == []
        page.set_viewport_size({"width": 390, "height": 900})
        page.screenshot(path=artifacts() / f"answer-{scheme}-390.png", full_page=True)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_off_the_side_at_320_px(browser: Browser, city: Path, kind: str) -> None:
    with served(city) as url, opened(browser, url, one_of(city, kind), viewport={"width": 320, "height": 700}) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_an_answer_stays_within_the_page(browser: Browser, feed: Path, width: int) -> None:
    with served(feed) as url, opened(browser, url, viewport={"width": width, "height": 700}) as page:
        ask(page, LATE)
        page.locator(".answer ol").wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_a_dossier_is_looked_up_with_the_keyboard_alone(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Đến phần tra cứu"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.id") == "code"
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.type(LATE)
        page.keyboard.press("Enter")
        page.locator(".answer ol").wait_for()


def test_everything_to_press_is_large_enough(browser: Browser, city: Path) -> None:
    with served(city) as url, opened(browser, url, viewport={"width": 320, "height": 700}) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        small = page.locator("button, input, summary, nav a, th a").evaluate_all(
            """all => all.map(one => [one.textContent, one.getBoundingClientRect()])
                         .filter(([, box]) => box.width < 24 || box.height < 24).map(([text]) => text)"""
        )
        assert small == []


@pytest.mark.parametrize(
    ("now", "is_told"), [("2018-12-26T18:59:00+07:00", False), ("2018-12-26T19:01:00+07:00", True)]
)
@pytest.mark.parametrize("path", ["index.html", "en.html", "don-vi/H24.33.05.html"])
def test_figures_that_have_expired_are_said_to_be_old(
    browser: Browser, feed: Path, path: str, now: str, is_told: bool
) -> None:
    with served(feed) as url, opened(browser, url, path, now=now) as page:
        assert page.locator("#expired").is_visible() is is_told


def test_print_shows_every_unit_and_no_form(browser: Browser, feed: Path) -> None:
    with served(feed) as url, opened(browser, url) as page:
        assert not page.get_by_role("link", name="UBND phường An Biên").is_visible()
        page.emulate_media(media="print")
        assert page.get_by_role("link", name="UBND phường An Biên").is_visible()
        assert page.locator("#code, nav, .filter input").locator("visible=true").count() == 0
        page.pdf(path=artifacts() / "index.pdf", format="A4")


def one_of(city: Path, kind: str) -> str:
    """The page of that path, or the largest of that folder."""
    if (city / kind).is_file():
        return kind
    files = [file for file in (city / kind).iterdir() if file.name != "index.html"]
    return max(files, key=lambda file: file.stat().st_size).relative_to(city).as_posix()


def take_pictures(page: Page, name: str) -> None:
    """On a desk and on a phone."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=artifacts() / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1280, "height": 720})


def complaints(page: Page, rules: list[str]) -> list[str]:
    """What axe finds, with the places."""
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found.response["violations"]
    ]
