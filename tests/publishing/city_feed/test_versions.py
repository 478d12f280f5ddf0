"""When a feed gets another version, what that version says has changed, and that equal data give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import fsspec
import pytest
from motcua.errors import PublicationRefused
from motcua.publishing.city_feed import Outcome
from motcua.publishing.city_feed.publisher import EXPIRES_AFTER

from sandbox.city.city_portal import CityPortal
from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

LATER = AS_OF + timedelta(minutes=15)


@pytest.fixture
def published(feed: Feed) -> Feed:
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    return feed


@pytest.fixture
def memory() -> Iterator[str]:
    """URL of a feed that is not on a disk."""
    url = f"memory://{uuid4().hex}"
    yield url
    files, root = fsspec.core.url_to_fs(url)
    files.rm(root, recursive=True)


def test_cycle_without_a_change_makes_no_version(published: Feed) -> None:
    before = published.files()
    published.load(row(code=code(1)), as_of=LATER)
    assert published.publish(LATER) == Outcome(seq=1, rows=20, changed=0, is_new=False)
    after = published.files()
    assert {path for path in after if after[path] != before.get(path)} == {"status.json"}
    status = published.json("status.json")
    assert (status["state"], status["last_success"]) == ("unchanged", "2018-12-25T17:20:00+07:00")


def test_first_cycle_of_a_day_makes_a_version(published: Feed) -> None:
    assert published.publish(NEXT_DAY) == Outcome(seq=2, rows=20, changed=0, is_new=True)
    assert published.json("versions/00000002/manifest.json")["previous"] == 1
    assert published.json("index.json")["as_of"] == "2018-12-26T17:00:00+07:00"


def test_day_begins_at_midnight_in_the_city(published: Feed) -> None:
    midnight = AS_OF + timedelta(hours=7)
    assert not published.publish(midnight - timedelta(seconds=1)).is_new
    assert published.publish(midnight).is_new


def test_class_that_moves_with_the_day_is_a_change_without_a_date(published: Feed) -> None:
    due = AS_OF + timedelta(hours=1)
    published.load(row(code=code(1), due_at=due, source_changed_at=AS_OF))
    published.publish(LATER)
    before = published.rows()[0]
    outcome = published.publish(NEXT_DAY)
    assert outcome == Outcome(seq=3, rows=20, changed=1, is_new=True)
    assert published.rows()[0] == before | {"progress": "open_overdue"}
    assert before["progress"] == "due_soon"


def test_created_updated_and_gone_dossiers_count_as_changed(published: Feed) -> None:
    published.load(
        row(code=code(1), deleted=True),
        row(code=code(2), status=9, finished_at=AS_OF, source_changed_at=AS_OF),
        row(code=code(21)),
    )
    assert published.publish(LATER) == Outcome(seq=2, rows=20, changed=3, is_new=True)
    assert published.json("versions/00000002/manifest.json")["changed"] == 3
    assert [dossier["code"] for dossier in published.rows()] == [code(number) for number in range(2, 22)]


def test_older_versions_stay_as_they_were(published: Feed) -> None:
    before = published.files("versions/00000001")
    published.load(row(code=code(1), status=9, source_changed_at=AS_OF))
    published.publish(LATER)
    published.publish(NEXT_DAY)
    assert published.files("versions/00000001") == before


def test_procedure_that_is_named_anew_makes_a_version(published: Feed) -> None:
    renamed = replace(published.registry.procedures["1.000049"], name="Tên mới")
    assert "1.000049" not in {dossier["procedure_code"] for dossier in published.rows()}
    procedures = {**published.registry.procedures, "1.000049": renamed}
    published.registry = replace(published.registry, procedures=procedures, fingerprint="another")
    assert published.publish(LATER) == Outcome(seq=2, rows=20, changed=0, is_new=True)


def test_moment_before_the_published_one_is_refused(published: Feed) -> None:
    published.publish(LATER)
    before = published.files()
    with pytest.raises(PublicationRefused, match=r"as_of 2018-12-25T16:59:59.* is older than 2018-12-25T17:00:00"):
        published.publish(AS_OF - timedelta(seconds=1))
    assert published.files() == before


def test_feed_without_its_ledger_does_not_go_back_either(published: Feed) -> None:
    published.execute("DELETE FROM core.publication")
    with pytest.raises(PublicationRefused, match="the feed never goes backwards"):
        published.publish(AS_OF - timedelta(seconds=1))
    assert published.publish() == Outcome(seq=2, rows=20, changed=0, is_new=True)


def test_pointer_ahead_of_a_restored_ledger_is_not_moved_back(published: Feed) -> None:
    published.load(row(code=code(21)))
    published.publish(LATER)
    published.load(row(code=code(21), deleted=True))
    published.execute("DELETE FROM core.publication WHERE seq = 2")
    assert published.publish(LATER) == Outcome(seq=3, rows=20, changed=1, is_new=True)
    assert published.json("index.json")["seq"] == 3


def test_version_expires_a_set_time_after_its_moment(published: Feed) -> None:
    published.publish(NEXT_DAY, expires_after=timedelta(hours=3))
    until = "2018-12-26T20:00:00+07:00"
    assert published.json("index.json")["expires_at"] == until
    assert published.json("versions/00000002/manifest.json")["expires_at"] == until
    assert timedelta(days=1) < EXPIRES_AFTER < timedelta(days=2)


def test_same_data_give_the_same_bytes_in_another_place(published: Feed) -> None:
    first = published.files()
    published.execute("DELETE FROM core.publication")
    published.folder = published.folder.with_name("again")
    published.publish()
    assert published.files() == first


def test_store_that_is_no_disk_holds_the_same_files(published: Feed, memory: str) -> None:
    published.execute("DELETE FROM core.publication")
    published.publish(url=memory)
    files, root = fsspec.core.url_to_fs(memory)
    assert {path.removeprefix(f"{root}/"): files.cat_file(path) for path in files.find(root)} == published.files()
    published.load(row(code=code(1), deleted=True))
    assert published.publish(LATER, url=memory) == Outcome(seq=2, rows=19, changed=1, is_new=True)
    assert json.loads(files.cat_file(f"{root}/index.json"))["seq"] == 2
    assert len(files.ls(f"{root}/lookup")) == 19


def test_two_publishers_at_once_make_one_version(feed: Feed) -> None:
    feed.load(row(code=code(1)))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(feed.publish, [AS_OF, AS_OF]))
    assert sorted(outcome.is_new for outcome in outcomes) == [False, True]
    assert {outcome.seq for outcome in outcomes} == {1}


def test_portal_that_follows_every_version_holds_the_same_rows(published: Feed) -> None:
    portal = CityPortal()
    for as_of in (LATER, NEXT_DAY):
        published.load(row(code=code(1), status=9, finished_at=as_of, source_changed_at=as_of), as_of=as_of)
        published.publish(as_of)
        portal.follow(published.folder.as_uri())
        assert list(portal.rows.values()) == published.rows()
    assert portal.seq == 3
