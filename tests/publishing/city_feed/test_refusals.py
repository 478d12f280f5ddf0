"""A publication that must not be: readers keep the last good version, and `status.json` says why."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from motcua.errors import PublicationRefused
from motcua.publishing.city_feed import Outcome

from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow


@pytest.fixture
def published(feed: Feed) -> Feed:
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    return feed


def assert_readers_see_the_first_version(feed: Feed, before: dict[str, bytes], *, state: str, reason: str) -> None:
    after = feed.files()
    assert {path for path in before | after if before.get(path) != after.get(path)} == {"status.json"}
    status = feed.json("status.json")
    assert {key: status[key] for key in ("state", "last_attempt", "last_success", "failed_stage", "reason")} == {
        "state": state,
        "last_attempt": "2018-12-26T17:05:00+07:00",
        "last_success": "2018-12-25T17:05:00+07:00",
        "failed_stage": "publish",
        "reason": reason,
    }


def test_large_drop_stays_unpublished_until_it_is_let_pass(published: Feed) -> None:
    published.load(*(row(code=code(number), deleted=True) for number in (1, 2, 3)))
    before = published.files()
    reason = "feed version 2 stays unpublished: no_large_drop: 17 rows after 20; at most 10% may vanish"
    with pytest.raises(PublicationRefused, match=reason):
        published.publish(NEXT_DAY)
    assert_readers_see_the_first_version(published, before, state="gate_failed", reason=reason)
    assert not (published.folder / "versions" / ".building").exists()
    assert published.publish(NEXT_DAY, max_drop_share=0.15) == Outcome(seq=2, rows=17, changed=3, is_new=True)


def test_drop_of_just_the_allowed_share_passes(published: Feed) -> None:
    published.load(*(row(code=code(number), deleted=True) for number in (1, 2)))
    assert published.publish(NEXT_DAY).rows == 18


def test_our_own_failure_is_told_by_its_kind_alone(published: Feed) -> None:
    before = published.files()
    published.load(row(code=code(1), status=None, source_changed_at=AS_OF))
    with pytest.raises(ValueError, match="status without a progress class"):
        published.publish(NEXT_DAY)
    assert_readers_see_the_first_version(published, before, state="failed", reason="ValueError")


def test_place_that_cannot_be_built_in_is_named(published: Feed) -> None:
    published.load(row(code=code(21)))
    (published.folder / "versions").rename(published.folder / "kept")
    (published.folder / "versions").write_bytes(b"")
    before = published.files()
    with pytest.raises(PublicationRefused, match=f"DISK: {published.folder.as_uri()} cannot be"):
        published.publish(NEXT_DAY)
    assert_readers_see_the_first_version(published, before, state="failed", reason="DISK: Not a directory")


def test_folder_that_is_no_folder_is_named(feed: Feed) -> None:
    feed.folder.parent.mkdir(parents=True)
    feed.folder.write_bytes(b"")
    with pytest.raises(PublicationRefused, match=f"DISK: {feed.folder.as_uri()} cannot be read or written: Not a dir"):
        feed.publish()


def test_disk_that_fills_up_leaves_the_last_version(published: Feed) -> None:
    published.load(row(code=code(21)))
    before = published.files()
    with files_of_at_most(2000), pytest.raises(PublicationRefused, match="DISK: "):
        published.publish(NEXT_DAY)
    assert_readers_see_the_first_version(published, before, state="failed", reason="DISK: File too large")
    assert published.publish(NEXT_DAY).seq == 2


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond a size: as good as a full disk, for root too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_next_good_cycle_ends_the_failure(published: Feed) -> None:
    published.load(*(row(code=code(number), deleted=True) for number in (1, 2, 3)))
    with pytest.raises(PublicationRefused):
        published.publish(AS_OF + timedelta(minutes=15))
    published.load(*(row(code=code(number), source_changed_at=AS_OF) for number in (1, 2, 3)))
    assert published.publish(AS_OF + timedelta(minutes=30)).seq == 2
    assert published.json("status.json")["state"] == "ok"
