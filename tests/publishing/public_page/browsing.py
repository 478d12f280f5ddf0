"""A feed's folder served as any web server would serve it, and its pages opened as a browser does."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.publishing.public_page.a_feed import AS_OF

# Below a prefix: a city may put the feed anywhere
PREFIX = "mot-cua"


@contextmanager
def served(feed: Path) -> Iterator[str]:
    """The address of the feed, below a path of its own."""
    handler = functools.partial(_Quiet, directory=str(feed))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{PREFIX}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    path: str = "index.html",
    *,
    is_clean: bool = True,
    now: str | None = None,
    **options: object,
) -> Iterator[Page]:
    """The page in a context of its own; afterwards: it asked nobody else for anything, and no script complained.

    A style or script that the Content-Security-Policy refuses is such a complaint.
    """
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.clock.set_fixed_time(now or AS_OF)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url + path)
        yield page
        assert [one for one in asked if not one.startswith(url)] == []
        # a shard that is not there is answered 404, which the browser notes
        told = [one for one in complaints if "404" not in one]
        assert not is_clean or told == []


def artifacts() -> Path:
    """Where pictures of this run are kept."""
    place = Path(os.environ.get("MOTCUA_ARTIFACTS", "var/artifacts")) / "public-page"
    place.mkdir(parents=True, exist_ok=True)
    return place


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        below = path.removeprefix(f"/{PREFIX}")
        return super().translate_path(below if below != path else "/nothing-lies-outside-the-prefix")

    def log_message(self, *_: object) -> None:
        pass
