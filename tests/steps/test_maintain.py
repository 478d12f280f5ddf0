"""The night's upkeep: what leaves, what stays, what is closed, and when it refuses to begin."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.errors import ConfigError
from motcua.files import Files
from motcua.landing import StoredPages
from motcua.settings import Settings

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, LOCAL, WARD, Pipeline

pytestmark = pytest.mark.slow

SOON = AS_OF + timedelta(hours=12)
LONG_AFTER = datetime(2021, 1, 25, 17, tzinfo=LOCAL)


def maintain(pipeline: Pipeline, as_of: datetime = SOON, **more: bool) -> dict[str, object]:
    return dict(steps.maintain(settings=pipeline.settings, as_of=as_of, now=as_of, **more))


def execute(settings: Settings, *statements: str) -> None:
    engine = warehouse.engine(settings, None)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def stored(pipeline: Pipeline) -> int:
    return sum(len(some.pages) for some in StoredPages(pipeline.settings.archive_url).slices())


def test_an_ordinary_night_removes_nothing_and_says_so(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record()])
    facts = pipeline.everything()
    done = maintain(pipeline)
    assert done["removed"] == {
        "drafts": 0, "core.stage_failure": 0, "core.stage_run": 0, "core.missed_deadline": 0, "core.quarantine": 0,
        "core.issue": 0, "core.notice": 0,
    }  # fmt: skip
    assert (done["closed"], done["given_up"], done["rebuilt"]) == (0, 0, [])
    assert pipeline.everything() == facts
    assert pipeline.rows("SELECT as_of, removed, vacuumed FROM api.upkeep") == [
        (SOON, done["removed"], done["vacuumed"])
    ]  # fmt: skip


def test_what_ended_long_ago_and_is_no_trail_goes(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(), record(TrangThai=44)])
    execute(
        pipeline.settings,
        "UPDATE core.stage_run SET ended_at = '2018-12-25T17:00+07'",
        "UPDATE core.quarantine SET settled_at = '2018-12-25T17:00+07'",
        """INSERT INTO core.notice (subscriber, seq, state, queued_at, settled_at) VALUES
           ('a', 1, 'accepted', '2018-12-25', '2018-12-25'), ('a', 2, 'accepted', '2018-12-25', '2018-12-25')""",
        "INSERT INTO core.stage_failure (stage, error_class, failed_at) VALUES ('notify', 'OSError', '2018-12-25')",
        "INSERT INTO core.missed_deadline VALUES ('collect_dossiers', 'scheduled 1', '2018-12-25')",
    )
    stages = pipeline.rows("SELECT count(*) FROM core.stage_run")[0][0]
    trail = (
        "SELECT (SELECT count(*) FROM core.batch), (SELECT count(*) FROM core.claim), (SELECT count(*) FROM core.cycle)"
    )
    kept = pipeline.rows(trail)
    settings = replace(pipeline.settings, archive_months=60)
    done = steps.maintain(settings=settings, as_of=LONG_AFTER, now=LONG_AFTER, anyway=True)
    assert done["removed"] == {
        "drafts": 0, "core.stage_failure": 1, "core.stage_run": stages, "core.missed_deadline": 1,
        "core.quarantine": 1, "core.issue": 0, "core.notice": 1,
    }  # fmt: skip
    assert pipeline.rows(trail) == kept


def test_tables_that_need_it_are_swept_and_of_people_nothing_deleted_stays(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record()])
    execute(pipeline.settings, "DELETE FROM private.applicant")
    assert "private.applicant" in maintain(pipeline)["vacuumed"]
    execute(pipeline.settings, "SELECT pg_stat_force_next_flush()")
    dead = "SELECT n_dead_tup, vacuum_count > 0 FROM pg_stat_user_tables WHERE relname = 'applicant'"
    assert pipeline.rows(dead) == [(0, True)]


def test_a_cycle_that_was_cut_off_is_closed_and_its_frames_go(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [record()])
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    pipeline.land_and_load([record()])  # the next cycle is well
    long_ago = "clock_timestamp() - interval '2 days'"
    execute(
        pipeline.settings,
        f"UPDATE core.cycle SET started_at = {long_ago} WHERE cycle_id = {cycle_id}",  # noqa: S608
        f"UPDATE core.batch SET started_at = {long_ago} WHERE cycle_id = {cycle_id}",  # noqa: S608
        f"UPDATE core.stage_run SET ended_at = {long_ago} WHERE cycle_id = {cycle_id}",  # noqa: S608
    )
    done = maintain(pipeline)
    assert (done["closed"], done["given_up"]) == (1, 1)
    assert pipeline.rows(f"SELECT state, error_kind FROM api.batch WHERE cycle_id = {cycle_id}") == [  # noqa: S608
        ("failed", "CUT_OFF")
    ]
    assert not [name for name in Files(pipeline.settings.staging_url).names("") if name.startswith(f"{cycle_id}.")]


def test_drafts_of_writers_that_were_cut_off_go_after_a_day(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record()])
    feed = pipeline.settings.home / "feeds" / "v1"
    feed.mkdir(parents=True)
    for name, age in ((".index.json.0123abcd", 2), (".status.json.0123abcd", 0), (".hidden", 2), ("index.json", 2)):
        (feed / name).touch()
        moment = (SOON - timedelta(days=age)).timestamp()
        os.utime(feed / name, (moment, moment))
    assert maintain(pipeline)["removed"]["drafts"] == 1
    assert {file.name for file in feed.iterdir()} == {".status.json.0123abcd", ".hidden", "index.json"}


@pytest.mark.parametrize("moment", [AS_OF + timedelta(days=46), AS_OF - timedelta(days=2)], ids=["future", "past"])
def test_a_moment_far_from_the_newest_reading_is_refused_unless_a_person_says_so(
    pipeline: Pipeline, moment: datetime
) -> None:
    pipeline.land_and_load([record()])
    with pytest.raises(ConfigError, match=r"lies far from the newest reading.*--anyway"):
        maintain(pipeline, moment)
    assert stored(pipeline) == 1
    assert pipeline.rows("SELECT count(*) FROM api.pruning") == [(0,)]
    maintain(pipeline, moment, anyway=True)
    assert pipeline.rows("SELECT count(*) FROM api.pruning") == [(1,)]


def test_an_archive_beside_an_empty_warehouse_is_not_emptied(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [record()])
    execute(pipeline.settings, "DELETE FROM core.batch")
    with pytest.raises(ConfigError, match="the archive has pages, and the warehouse has merged nothing"):
        maintain(pipeline)
    assert stored(pipeline) == 1
