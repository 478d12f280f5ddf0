"""Row 41: fifty readers loop while two hundred versions are published: none ever sees a version that is not whole."""

from __future__ import annotations

import gzip
import hashlib
import json
import multiprocessing
import threading
import time
from collections import Counter
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.publishing.city_feed.feed import Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

READERS, PUBLICATIONS = 50, 200
PAUSE_SECONDS = 0.25
# four a day, so that snapshots, deltas and, at the end, removals are met
BETWEEN = timedelta(hours=6)


def read_once(feed: Path) -> tuple[int, str | None]:
    """Follows the pointer: its number, and what is wrong with the version that it names."""
    index = json.loads((feed / "index.json").read_bytes())
    manifest_path = feed / index["manifest"]
    manifest = json.loads(manifest_path.read_bytes())
    if (manifest["seq"], manifest["as_of"]) != (index["seq"], index["as_of"]):
        return index["seq"], "the manifest is of another version"
    for entry in manifest["files"]:
        body = (manifest_path.parent / entry["name"]).read_bytes()
        if len(body) != entry["bytes"] or hashlib.sha256(body).hexdigest() != entry["sha256"]:
            return index["seq"], f"{entry['name']} is not what the manifest says"
    delta = gzip.decompress((manifest_path.parent / "delta.jsonl.gz").read_bytes()).splitlines()
    if manifest["previous"] is not None and len(delta) != manifest["changed"]:
        return index["seq"], "the delta has another number of changes"
    if not (feed / f"versions/{index['snapshot']:08d}" / "dossiers.parquet").exists():
        return index["seq"], "the snapshot is not there"
    return index["seq"], None


def loop(feed: Path, over: Event, told: list[tuple[int, str | None]]) -> None:
    """One reader; it never sees an older version after a newer one."""
    newest = 0
    while not over.is_set():
        try:
            seq, wrong = read_once(feed)
        except (OSError, ValueError, KeyError) as error:
            seq, wrong = newest, f"{type(error).__name__}: {error}"
        if seq < newest:
            wrong = f"version {seq} after version {newest}"
        newest = max(newest, seq)
        told.append((seq, wrong))
        time.sleep(PAUSE_SECONDS)


def readers(feed: Path, over: Event, results: multiprocessing.Queue) -> None:
    """Fifty of them, in a process of their own."""
    told: list[tuple[int, str | None]] = []
    threads = [threading.Thread(target=loop, args=(feed, over, told)) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((len(told), len({seq for seq, _ in told}), Counter(wrong for _, wrong in told if wrong)))


def test_row_41_no_reader_sees_a_mixed_version(feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 31)))
    feed.publish()
    context = multiprocessing.get_context("fork")
    over, results = context.Event(), context.Queue()
    process = context.Process(target=readers, args=(feed.folder, over, results), daemon=True)
    process.start()
    try:
        for number in range(1, PUBLICATIONS):
            as_of = AS_OF + number * BETWEEN
            changed = row(code=code(1 + number % 30), supplements=number % 7, source_changed_at=as_of)
            feed.load(changed, row(code=code(100 + number)), as_of=as_of)
            assert feed.publish(as_of).seq == number + 1
    finally:
        over.set()
        reads, versions, wrongs = results.get(timeout=60)
        process.join(timeout=60)
    assert wrongs == {}
    assert reads > 10 * READERS
    assert versions > PUBLICATIONS / 4
