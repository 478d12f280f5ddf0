"""A publication that was killed half-way: readers see whole versions only, and the next one takes up what was left."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua.errors import StaleWrite
from motcua.publishing.city_feed import Outcome

from sandbox.city.city_portal import CityPortal, FeedRefused
from tests.publishing.city_feed.feed import Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

LATER, LATEST = (AS_OF + timedelta(minutes=minutes) for minutes in (15, 30))
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the server is gone'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON core.publication FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def changed(feed: Feed) -> Feed:
    """One version is published, and the warehouse has moved on since."""
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    feed.load(row(code=code(21)))
    return feed


def stop_before_the_record(feed: Feed) -> None:
    """The version's directory and the look-ups are written, the ledger does not know of them."""
    feed.execute(REFUSE)
    with pytest.raises(sa.exc.DatabaseError, match="the server is gone"):
        feed.publish(LATER)
    feed.execute("DROP TRIGGER refuse ON core.publication")


def stop_before_the_pointer(feed: Feed) -> None:
    """The ledger knows of the version, readers do not."""
    kept = {name: (feed.folder / name).read_bytes() for name in ("index.json", "index.jws", "status.json")}
    feed.publish(LATER)
    for name, body in kept.items():
        (feed.folder / name).write_bytes(body)


def followed(feed: Feed) -> int:
    return CityPortal().follow(feed.folder.as_uri())


def test_version_without_a_record_is_made_again_under_its_number(changed: Feed) -> None:
    stop_before_the_record(changed)
    assert (changed.folder / "versions" / "00000002").is_dir()
    assert (changed.json("index.json")["seq"], followed(changed)) == (1, 1)
    changed.load(row(code=code(22)))
    assert changed.publish(LATEST) == Outcome(seq=2, rows=22, changed=2, is_new=True)
    assert (len(changed.rows()), followed(changed)) == (22, 2)


def test_failure_between_version_and_record_is_told(changed: Feed) -> None:
    stop_before_the_record(changed)
    status = changed.json("status.json")
    assert (status["state"], status["reason"]) == ("failed", "ProgrammingError")


def test_recorded_version_gets_its_pointer_from_the_next_cycle(changed: Feed) -> None:
    stop_before_the_pointer(changed)
    assert followed(changed) == 1
    assert changed.publish(LATEST) == Outcome(seq=2, rows=21, changed=0, is_new=False)
    assert followed(changed) == 2
    assert changed.json("status.json")["state"] == "unchanged"


def test_signature_that_ran_ahead_of_its_pointer_is_mended_by_the_next_cycle(changed: Feed) -> None:
    index = (changed.folder / "index.json").read_bytes()
    changed.publish(LATER)
    (changed.folder / "index.json").write_bytes(index)
    with pytest.raises(FeedRefused, match="signature does not fit"):
        followed(changed)
    assert changed.publish(LATEST) == Outcome(seq=2, rows=21, changed=0, is_new=False)
    assert followed(changed) == 2


def test_pointer_that_comes_late_says_what_its_version_says(changed: Feed) -> None:
    stop_before_the_pointer(changed)
    changed.publish(LATEST)
    index, manifest = changed.json("index.json"), changed.json("versions/00000002/manifest.json")
    told = ("seq", "as_of", "expires_at")
    assert [index[key] for key in told] == [manifest[key] for key in told]


def test_recorded_version_is_passed_over_when_there_is_a_newer_one(changed: Feed) -> None:
    stop_before_the_pointer(changed)
    changed.load(row(code=code(22)))
    assert changed.publish(LATEST) == Outcome(seq=3, rows=22, changed=1, is_new=True)
    assert followed(changed) == 3
    assert changed.json("versions/00000003/manifest.json")["previous"] == 2


def test_recorded_version_that_is_lost_is_made_anew(changed: Feed) -> None:
    stop_before_the_pointer(changed)
    (changed.folder / "versions" / "00000002" / "manifest.json").unlink()
    assert changed.publish(LATEST) == Outcome(seq=3, rows=21, changed=1, is_new=True)
    assert followed(changed) == 3


def test_what_a_killed_publication_was_building_is_cleared_away(changed: Feed) -> None:
    left = changed.folder / "versions" / ".building.0123abcd"
    left.mkdir()
    (left / "half.parquet").write_bytes(b"PAR1")
    assert changed.publish(LATER).seq == 2
    assert sorted(path.name for path in (changed.folder / "versions").iterdir()) == ["00000001", "00000002"]
    assert "half.parquet" not in {path.name for path in changed.version().iterdir()}


def is_installed(feed: Feed) -> bool:
    return (feed.folder / "versions" / "00000002" / "manifest.json").exists()


def is_recorded(feed: Feed) -> bool:
    with feed.owner.begin() as connection:
        return bool(connection.execute(sa.text("SELECT count(*) = 2 FROM core.publication")).scalar_one())


def is_pointed_to(feed: Feed) -> bool:
    return bool(feed.json("index.json")["seq"] == 2)


@pytest.mark.parametrize(
    ("when", "is_there"),
    [("after_install", is_installed), ("after_record", is_recorded), ("after_pointer", is_pointed_to)],
)
def test_who_has_lost_the_lock_writes_nothing_more_and_says_nothing(
    changed: Feed, monkeypatch: pytest.MonkeyPatch, when: str, is_there: Callable[[Feed], bool]
) -> None:
    """The session of the lock ends while the publication waits at a failpoint, as that of one who sleeps."""
    monkeypatch.setenv("MOTCUA_FAILPOINT", f"publish.{when}:sleep 5")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(changed.publish, LATER)
        while not is_there(changed):
            assert not late.done(), late.exception()
            time.sleep(0.01)
        end_lock_session(changed)
        with pytest.raises(StaleWrite, match="the publication lock is lost"):
            late.result()
    assert changed.json("status.json")["state"] == "ok"
    assert changed.json("index.json")["seq"] == (2 if when == "after_pointer" else 1)
    monkeypatch.delenv("MOTCUA_FAILPOINT")
    changed.publish(LATEST)
    assert (changed.json("index.json")["seq"], followed(changed)) == (2, 2)


def end_lock_session(feed: Feed) -> None:
    with feed.owner.begin() as connection:
        ended = connection.execute(sa.text("""
            SELECT count(pg_terminate_backend(pid)) FROM pg_locks
            WHERE locktype = 'advisory' AND objid = 7315002
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """)).scalar_one()  # fmt: skip
    assert ended == 1
