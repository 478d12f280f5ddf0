"""Writes the page from the version that `index.json` names: a consumer of the feed like any other."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from importlib import resources

from motcua.domain.calendar import WorkingCalendar
from motcua.publishing.city_feed.reading import required
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.disclosure import Watch
from motcua.publishing.public_page.content import read_content
from motcua.publishing.public_page.site import FIRST_PAGE, FOLDERS, STATIC, pages, shared_files

LOG = logging.getLogger(__name__)
NOBODY = Watch()


def build_page(
    feed_url: str, calendar: WorkingCalendar, *, watch: Watch = NOBODY, go_on: Callable[[], None] = lambda: None
) -> int:
    """Makes the page say what the feed says; how many files had to change.

    Style and scripts go first and `index.html` last, so that whoever opens a page finds all that it names. What no
    page names any more goes, but the style and scripts of the page that stood there before: it may still be open.
    Versions are immutable, so a first page that says it was made of this `index.json` by this code is done at once.

    Args:
        feed_url: fsspec URL of the feed's root; a version is published there.
        calendar: of the working days in which handling is measured.
        watch: knows what was planted to be found.
        go_on: asked before each file; raises where another has taken over.

    Raises:
        PublicationRefused: the feed has no version, or one that lacks a file; or a page names a person.
    """
    store = FeedStore(feed_url)
    made_of = _made_of(required(store, "index.json"))
    before = store.read(FIRST_PAGE) or b""
    if made_of.encode() in before:
        return 0
    content = read_content(store, calendar)
    shared = shared_files()
    go_on()
    written = {path for path, body in shared.values() if _write(store, path, body)}
    kept = {path for path, _ in shared.values()}
    for path, body in pages(content, {name: path for name, (path, _) in shared.items()}, made_of):
        kept.add(path)
        watch.refuse(path, body.encode())
        go_on()
        if _write(store, path, body.encode()):
            written.add(path)
    _remove_the_rest(store, kept, before)
    LOG.info("public page of version %d: %d files, %d changed", content.version.seq, len(kept), len(written))
    return len(written)


def _made_of(index: bytes) -> str:
    """Digest of all that the page depends on: the version that is pointed to, and every file of this package."""
    digest = hashlib.sha256(index)
    for folder in ("", "static", "templates"):
        files = [file for file in (resources.files(__package__) / folder).iterdir() if file.is_file()]
        for file in sorted(files, key=lambda file: file.name):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _write(store: FeedStore, path: str, body: bytes) -> bool:
    if store.read(path) == body:
        return False
    # not flushed one by one: 800 flushes cost seconds, and the next version mends what a power cut takes
    store.replace(path, body, flush=path == FIRST_PAGE)
    return True


def _remove_the_rest(store: FeedStore, kept: set[str], before: bytes) -> None:
    for folder in FOLDERS:
        for name in store.names(folder):
            path = f"{folder}/{name}"
            is_open = folder == STATIC and path.encode() in before
            if path not in kept and not is_open:
                store.remove(path)
