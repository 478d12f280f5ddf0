"""How long versions can be had, that any of them can be rebuilt, and what is left of one that was taken down."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import timedelta

import pytest
from motcua.errors import ConfigError
from motcua.publishing.city_feed import Asked
from motcua.publishing.city_feed.reading import NotInFeed, rows_of
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.takedown import versions_that_show, withhold

from sandbox.city.city_portal import CityPortal
from tests.publishing.city_feed.feed import Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow


def versions(feed: Feed) -> list[int]:
    return sorted(int(path.name) for path in (feed.folder / "versions").iterdir())


def test_any_version_of_the_last_days_can_be_rebuilt(feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 31)))
    seen = {}
    for cycle in range(9):  # three days of three cycles
        as_of = AS_OF + timedelta(days=cycle // 3, minutes=15 * (cycle % 3))
        feed.load(
            row(code=code(cycle + 1), status=9, finished_at=as_of, source_changed_at=as_of),
            row(code=code(cycle + 11), deleted=True, source_changed_at=as_of),
            row(code=code(cycle + 101), source_changed_at=as_of),
            as_of=as_of,
        )
        outcome = feed.publish(as_of)
        seen[outcome.seq] = feed.rows()
    store = FeedStore(feed.folder.as_uri())
    assert feed.json("index.json")["deltas"] == list(range(2, 10))
    snapshots = [seq for seq in seen if (feed.folder / f"versions/{seq:08d}/dossiers.parquet").exists()]
    assert snapshots == [1, 4, 7]
    for seq, rows in seen.items():
        dated = [{key: value if value is None or key[-3:] != "_on" else str(value) for key, value in one.items()}
                 for one in rows_of(store, seq).to_pylist()]  # fmt: skip
        assert dated == rows
    for seq in snapshots:
        body = gzip.decompress((feed.folder / f"versions/{seq:08d}/dossiers.csv.gz").read_bytes()).decode()
        assert [one["code"] for one in csv.DictReader(io.StringIO(body))] == [one["code"] for one in seen[seq]]


def test_versions_are_kept_for_35_days(feed: Feed) -> None:
    feed.load(row(code=code(1)))
    for day in (0, 5, 35, 36):
        feed.publish(AS_OF + timedelta(days=day))
    assert versions(feed) == [2, 3, 4]
    # of 30 days the delta is promised
    assert feed.json("index.json")["deltas"] == [3, 4]
    feed.publish(AS_OF + timedelta(days=400))
    assert versions(feed) == [5]
    assert len(feed.rows()) == 1


def take_down(feed: Feed, dossier: str, minutes: int) -> list[int]:
    as_of = AS_OF + timedelta(minutes=minutes)
    with feed.publisher.begin() as connection:
        withhold(connection, [dossier], reason="theo yêu cầu", by="an", since=as_of)
    removed = versions_that_show(FeedStore(feed.folder.as_uri()), [dossier])
    feed.publish(as_of, asked=Asked(snapshot=True, remove=dict.fromkeys(removed, "theo yêu cầu"), by="an"))
    return removed


def test_dossier_that_is_taken_down_is_in_no_file_any_more(feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    portal = CityPortal()
    portal.follow(feed.folder.as_uri())
    feed.load(row(code=code(21)))
    feed.publish(AS_OF + timedelta(minutes=15))
    feed.load(row(code=code(3), status=9, finished_at=AS_OF, source_changed_at=AS_OF))
    feed.publish(AS_OF + timedelta(minutes=30))
    assert take_down(feed, code(3), 45) == [1, 3]
    left = {path for path, body in feed.files().items() if code(3).encode() in _plain(path, body)}
    assert left == {"versions/00000004/delta.jsonl.gz"}  # which says that it is deleted
    assert feed.json("versions/00000003/tombstone.json") == {
        "seq": 3, "removed_at": "2018-12-25T17:45:00+07:00", "reason": "theo yêu cầu", "replaced_by": 4,
    }  # fmt: skip
    assert sorted(feed.files("versions/00000003")) == ["tombstone.json"]
    assert (feed.json("index.json")["snapshot"], feed.json("index.json")["deltas"]) == (4, [2, 4])
    assert code(3) not in {one["code"] for one in feed.rows()}
    with pytest.raises(NotInFeed):
        rows_of(FeedStore(feed.folder.as_uri()), 3)
    assert portal.follow(feed.folder.as_uri()) == 4


def test_dossier_that_was_taken_down_never_comes_back(feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    take_down(feed, code(3), 15)
    feed.load(row(code=code(3), status=10, finished_at=AS_OF, returned_at=AS_OF, source_changed_at=AS_OF))
    feed.publish(AS_OF + timedelta(days=1))
    assert code(3) not in {one["code"] for one in feed.rows()}
    assert all(code(3).encode() not in body for body in feed.files("lookup").values())


def test_reason_that_names_a_person_is_refused(feed: Feed) -> None:
    with feed.publisher.begin() as connection, pytest.raises(ConfigError, match="leave out numbers"):
        withhold(connection, [code(3)], reason="ông 031088001234 yêu cầu", by="an", since=AS_OF)


def _plain(path: str, body: bytes) -> bytes:
    return gzip.decompress(body) if path.endswith(".gz") else body
