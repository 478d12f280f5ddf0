"""Pages go when no listing has had them for so long, with what belongs to no batch; what needs them then says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.errors import ConfigError, PageGone
from motcua.landing import StoredPages
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse.standing import nobody_reading, reading

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, LOCAL, WARD, Pipeline

pytestmark = pytest.mark.slow

LATER = AS_OF + timedelta(days=1)
TWO_YEARS_LATER = datetime(2020, 12, 25, 17, tzinfo=LOCAL)


def stored(pipeline: Pipeline) -> set[str]:
    return {sha256 for some in StoredPages(pipeline.settings.archive_url).slices() for sha256 in some.pages}


def land(pipeline: Pipeline, *records: dict[str, object], as_of: datetime = AS_OF) -> str:
    cycle_id = pipeline.plan(as_of=as_of, sources=[WARD])
    sha256 = pipeline.land(cycle_id, list(records))
    pipeline.load(cycle_id)
    return sha256


def replay(pipeline: Pipeline) -> dict[str, object]:
    opened = steps.replay_quarantine(
        settings=pipeline.settings, run_key="again", as_of=TWO_YEARS_LATER, reason="thử lại", requested_by="người trực"
    )
    pipeline.load(opened["cycle_id"])
    return dict(opened)


def test_pages_go_when_no_listing_has_had_them_for_two_years(pipeline: Pipeline) -> None:
    old, again, young = record(), record(), record()
    pages = [land(pipeline, old), land(pipeline, again), land(pipeline, young, as_of=LATER)]
    assert land(pipeline, again, as_of=LATER) == pages[1]
    assert steps.prune(settings=pipeline.settings, as_of=TWO_YEARS_LATER)["expired"] == 0
    assert stored(pipeline) == set(pages)
    moment_after = TWO_YEARS_LATER + timedelta(seconds=1)
    assert steps.prune(settings=pipeline.settings, as_of=moment_after) == {
        "kept_since": "2018-12-25T17:00:01+07:00", "expired": 1, "orphans": 0, "kept": 2,
    }  # fmt: skip
    assert stored(pipeline) == set(pages[1:])
    with pytest.raises(PageGone, match=f"page {pages[0]} is no longer in the archive: past its time"):
        place.archive(pipeline.settings, pipeline.connections).get(pages[0])
    assert pipeline.rows("SELECT as_of, expired, orphans, kept FROM api.pruning ORDER BY 1") == [
        (TWO_YEARS_LATER, 0, 0, 3), (moment_after, 1, 0, 2),
    ]  # fmt: skip


def test_the_time_is_a_setting(pipeline: Pipeline) -> None:
    page = land(pipeline, record())
    steps.prune(settings=replace(pipeline.settings, archive_months=36), as_of=datetime(2021, 12, 25, tzinfo=LOCAL))
    assert stored(pipeline) == {page}
    steps.prune(settings=replace(pipeline.settings, archive_months=1), as_of=datetime(2019, 1, 26, tzinfo=LOCAL))
    assert stored(pipeline) == set()


def test_what_belongs_to_no_batch_goes_at_once(pipeline: Pipeline) -> None:
    page = land(pipeline, record())
    orphan = place.archive(pipeline.settings, pipeline.connections).put(b"of a reading that failed")
    folder = pipeline.settings.home / "archive" / "pages" / orphan[:2] / orphan[2:4]
    (folder / f".{orphan}.zst.0a1b2c3d").write_bytes(b"cut off while it was written")
    assert steps.prune(settings=pipeline.settings, as_of=LATER)["orphans"] == 2
    assert stored(pipeline) == {page}
    assert list(folder.iterdir()) == []


def test_a_replay_prolongs_nothing(pipeline: Pipeline) -> None:
    land(pipeline, record(HinhThucNop=7))
    replay(pipeline)
    steps.prune(settings=pipeline.settings, as_of=TWO_YEARS_LATER + timedelta(days=1))
    assert stored(pipeline) == set()


def test_a_replay_leaves_out_what_is_past_its_time_and_says_so(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    land(pipeline, record(HinhThucNop=7))
    land(pipeline, record(HinhThucNop=7), as_of=LATER)
    steps.prune(settings=pipeline.settings, as_of=TWO_YEARS_LATER + timedelta(hours=1))
    with caplog.at_level(logging.WARNING):
        assert replay(pipeline)["dossiers"] == 1
    assert "1 dossiers stay as they are: pages of their listings are past their time" in caplog.text
    assert pipeline.rows("SELECT attempts FROM core.quarantine ORDER BY first_seen") == [(1,), (2,)]


def test_a_page_that_is_lost_is_not_taken_for_one_that_is_past_its_time(pipeline: Pipeline) -> None:
    pages = [land(pipeline, record(HinhThucNop=7)), land(pipeline, record(HinhThucNop=7), as_of=LATER)]
    steps.prune(settings=pipeline.settings, as_of=TWO_YEARS_LATER)
    StoredPages(pipeline.settings.archive_url).forget(pages[0])
    with pytest.raises(ConfigError, match=f"1 pages are not in the archive, and not past their time .*{pages[0]}"):
        replay(pipeline)


@pytest.fixture
def engine(pipeline: Pipeline) -> Iterator[sa.Engine]:
    engine = warehouse.engine(pipeline.settings, Role.PIPELINE)
    yield engine
    engine.dispose()


def test_nothing_is_removed_while_a_source_is_read(pipeline: Pipeline, engine: sa.Engine) -> None:
    """A page that is just being read is no batch's yet."""
    archive = place.archive(pipeline.settings, pipeline.connections)
    with ThreadPoolExecutor(1) as pool, engine.connect() as connection:
        with reading(connection, WARD) as is_ours:
            sha256 = archive.put(b"read, and not yet recorded")
            pruning = pool.submit(steps.prune, settings=pipeline.settings, as_of=LATER)
            with pytest.raises(TimeoutError):
                pruning.result(timeout=2)
            assert (is_ours, stored(pipeline)) == (True, {sha256})
        assert pruning.result(timeout=60)["orphans"] == 1


def test_a_reading_waits_until_what_is_past_its_time_is_gone(engine: sa.Engine) -> None:
    def read() -> bool:
        with engine.connect() as connection, reading(connection, WARD) as is_ours:
            return is_ours

    with ThreadPoolExecutor(1) as pool, engine.connect() as connection:
        with nobody_reading(connection):
            waiting = pool.submit(read)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=2)
        assert waiting.result(timeout=60)


def test_a_moment_without_a_zone_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError, match="expected a time with its zone"):
        steps.prune(settings=pipeline.settings, as_of=AS_OF.replace(tzinfo=None))
