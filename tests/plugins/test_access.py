"""The page for everybody: axe, a phone, the keyboard, no JavaScript. Pictures are kept with the run."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from motcua.registry import Registry
from motcua.settings import Settings
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.plugins.conftest import PREFIX, mounted
from tests.plugins.made_up import DOWN, HELD
from tests.publishing.public_page.test_access import ALL_RULES, COLOURS, complaints

pytestmark = pytest.mark.slow

PAGES = (
    "",
    f"nguon/{HELD}",
    f"nguon/{DOWN}",
    f"cach-ly?source={DOWN}",
    "hang-doi?state=rejected",
    "phien-ban",
    "nhat-ky",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(filled: Settings, registry: Registry) -> Iterator[str]:
    """The page served on loopback, as the API server serves it."""
    app, ground = mounted(filled, registry)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}/"
        server.should_exit = True
        thread.join()
    ground.engine.dispose()


@contextmanager
def opened(browser: Browser, address: str, path: str, **options: object) -> Iterator[Page]:
    """The page in a context of its own; afterwards: it asked nobody else, and nothing complained."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        asked: list[str] = []
        told: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(f"{message.location['url']}: {message.text}"))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(address + path)
        yield page
        assert [one for one in asked if not one.startswith(address)] == []
        # in Airflow's frame nobody asks for it
        assert [one for one in told if "/favicon.ico: " not in one] == []


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_in_light_and_dark(browser: Browser, address: str, path: str) -> None:
    with opened(browser, address, path) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        # hundreds of rows are alike, and axe looks at each for long
        page.locator("tbody tr:nth-child(n+8)").evaluate_all("all => all.forEach(one => one.remove())")
        assert complaints(page, ALL_RULES) == []
        take_picture(page, path, "light")
        page.emulate_media(color_scheme="dark")
        assert complaints(page, COLOURS) == []
        take_picture(page, path, "dark")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_runs_off_the_side_at_320_px(browser: Browser, address: str, path: str) -> None:
    with opened(browser, address, path, viewport={"width": 320, "height": 700}) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 320


def test_a_source_is_found_and_opened_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    with opened(browser, address, "", java_script_enabled=False) as page:
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Đến nội dung chính"
        page.keyboard.press("Enter")
        while page.locator(":focus").get_attribute("id") != "q":
            page.keyboard.press("Tab")
        page.keyboard.type("cat dai")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="UBND phường Cát Dài").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/nguon/{HELD}")
        assert page.get_by_role("heading", level=1).inner_text().startswith("UBND phường Cát Dài")


def test_without_javascript_everything_is_there(browser: Browser, address: str) -> None:
    with opened(browser, address, f"nguon/{HELD}", java_script_enabled=False) as page:
        assert page.locator("svg.chart rect.bar").count() > 30
        page.get_by_text("Xem số liệu").click()
        assert page.locator("table.narrow").is_visible()
        page.get_by_role("link", name="English").click()
        assert page.get_by_role("heading", name="Last readings").is_visible()


def test_airflows_own_choice_of_light_or_dark_counts(browser: Browser, address: str) -> None:
    with opened(browser, address, "", color_scheme="light") as page:
        page.evaluate("() => localStorage.setItem('theme', 'dark')")
        page.reload()
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(15, 15, 17)"


def take_picture(page: Page, path: str, scheme: str) -> None:
    """On a desk and on a phone."""
    place = Path(os.environ.get("MOTCUA_ARTIFACTS", "var/artifacts")) / "nguon-du-lieu"
    place.mkdir(parents=True, exist_ok=True)
    name = path.replace("/", "-").partition("?")[0] or "nguon"
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=place / f"{name}-{scheme}-{width}.png")
    page.set_viewport_size({"width": 1280, "height": 720})
