"""What a source is asked for: from when, up to when, in full or not, and by whom at a time; cycles that overlap."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from motcua import steps, warehouse
from motcua.errors import ConfigError
from motcua.warehouse import Role
from motcua.warehouse.standing import reading

from tests.igate_records import record
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

OTHER_WARD, OTHER_UNIT = "le_chan.cat_dai", "000.01.33.H24"
NIGHT = datetime.fromisoformat("2018-12-26T02:00:00+07:00")
WINDOWS = "SELECT kind, window_from, window_to FROM api.batch ORDER BY cycle_id"


@pytest.fixture
def read_once(pipeline: Pipeline, city: CityClient) -> Pipeline:
    """A ward that has been read in full."""
    pipeline.cycle([WARD])
    return pipeline


def read(pipeline: Pipeline, as_of: datetime, **asked: object) -> tuple[object, ...]:
    """The window of one more cycle of the ward."""
    planned = steps.plan(settings=pipeline.settings, run_key=str(as_of), as_of=as_of, sources=[WARD], **asked)
    pipeline.collect(planned["cycle_id"], [WARD])
    pipeline.load(planned["cycle_id"])
    return pipeline.rows(WINDOWS)[-1]


@pytest.mark.parametrize(
    ("as_of", "kind"),
    [
        (NIGHT, "window"),
        (NIGHT + timedelta(days=6), "window"),
        (NIGHT + timedelta(days=7), "full"),
        (NIGHT + timedelta(days=7, hours=9), "window"),
    ],
    ids=["the night after", "six nights later", "a week later at night", "a week later at work"],
)
def test_a_source_is_listed_in_full_once_a_week_at_night(read_once: Pipeline, as_of: datetime, kind: str) -> None:
    assert read(read_once, as_of)[0] == kind


def test_a_source_that_may_only_be_read_by_day_is_listed_in_full_by_day(read_once: Pipeline) -> None:
    a_week_later_at_work = NIGHT + timedelta(days=7, hours=9)
    steps.change_schedule(
        settings=read_once.settings, scope="source", subject=WARD, values={"allowed": ["07:00-17:00"]}, by="lan",
        reason="máy chủ tắt ban đêm", via="cli", at=AS_OF,
    )  # fmt: skip
    assert read(read_once, a_week_later_at_work)[0] == "full"


def test_a_sync_reads_from_where_it_is_asked_and_moves_no_watermark_back(read_once: Pipeline) -> None:
    watermark = read_once.rows("SELECT watermark FROM api.source_state")
    since = AS_OF - timedelta(days=60)
    assert read(read_once, AS_OF + timedelta(hours=1), since=since, reason="đọc lại", requested_by="lan") == (
        "window", since, AS_OF + timedelta(hours=1),
    )  # fmt: skip
    assert read_once.rows("SELECT watermark FROM api.source_state") == watermark
    asked = "SELECT since, reason, requested_by FROM api.cycle ORDER BY cycle_id"
    assert read_once.rows(asked) == [(None, None, None), (since, "đọc lại", "lan")]


@pytest.mark.parametrize("asked", [{"since": AS_OF}, {"since": AS_OF - timedelta(days=1), "full": True}])
def test_a_sync_that_contradicts_itself_is_refused(pipeline: Pipeline, asked: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected a time before as_of, and no full listing beside it"):
        steps.plan(settings=pipeline.settings, run_key="1", as_of=AS_OF, sources=[WARD], **asked)


def test_a_source_that_another_cycle_reads_is_left_to_it(read_once: Pipeline) -> None:
    cycle_id = read_once.plan(as_of=AS_OF + timedelta(hours=1), sources=[WARD])
    engine = warehouse.engine(read_once.settings, Role.PIPELINE)
    with engine.connect() as connection, reading(connection, WARD) as is_ours:
        assert is_ours
        read_once.collect(cycle_id, [WARD])
    engine.dispose()
    batch = "SELECT state, error_kind, error FROM api.batch WHERE cycle_id = :id"
    assert read_once.rows(batch, id=cycle_id) == [
        ("failed", "BUSY", f"{WARD}: another cycle is reading it; the next one does")
    ]
    assert read_once.rows("SELECT state, failures FROM api.source_state") == [("ok", 0)]
    assert steps.report(settings=read_once.settings, cycle_id=cycle_id) == {
        "sources": 1, "ok": 0, "down": 0, "held": 0, "skipped": 1, "changed": 0,
    }  # fmt: skip


def test_a_batch_that_a_newer_cycle_has_overtaken_says_so(pipeline: Pipeline) -> None:
    older, newer = pipeline.plan(sources=[WARD]), pipeline.plan(sources=[WARD])
    for cycle_id in (newer, older):
        pipeline.land(cycle_id, [record()])
        pipeline.load(cycle_id)
    assert pipeline.rows("SELECT cycle_id, state, error_kind FROM api.batch ORDER BY cycle_id") == [
        (older, "failed", "OVERTAKEN"),
        (newer, "merged", None),
    ]
    assert steps.report(settings=pipeline.settings, cycle_id=older)["skipped"] == 1
    assert steps.summary(settings=pipeline.settings, cycle_id=older)["sources"] == {
        "total": 1, "ok": 0, "down": 0, "held": 0,
    }  # fmt: skip


def other_ward_is_read(pipeline: Pipeline) -> None:
    """A whole cycle, from beginning to end."""
    cycle_id = pipeline.plan(sources=[OTHER_WARD])
    pipeline.land(cycle_id, [record(MaDonViTiepNhan=OTHER_UNIT)], source=OTHER_WARD)
    pipeline.load(cycle_id)
    steps.report(settings=pipeline.settings, cycle_id=cycle_id)


def test_a_cycle_that_ends_leaves_the_frames_of_another_one_alone(pipeline: Pipeline) -> None:
    older = pipeline.plan(sources=[WARD])
    pipeline.land(older, [record()])
    [chunk] = pipeline.chunks(older)
    pipeline.judge(older, chunk)
    other_ward_is_read(pipeline)
    assert pipeline.consolidate(older, chunk)["changed"] == 1
    steps.report(settings=pipeline.settings, cycle_id=older)
    assert not list((pipeline.settings.home / "staging").iterdir())


def test_frames_of_a_cycle_that_was_cut_off_are_forgotten_after_a_day(pipeline: Pipeline) -> None:
    cut_off = pipeline.plan(sources=[WARD])
    pipeline.land(cut_off, [record()])
    pipeline.judge(cut_off, *pipeline.chunks(cut_off))
    with pipeline.warehouse() as connection:
        connection.exec_driver_sql("UPDATE core.cycle SET started_at = started_at - interval '25 hours'")
    other_ward_is_read(pipeline)
    assert not list((pipeline.settings.home / "staging").iterdir())


def test_frames_of_an_old_cycle_whose_hold_was_just_accepted_stay(read_once: Pipeline) -> None:
    held = read_once.land_and_load([], full=True)
    [hold] = steps.holds(settings=read_once.settings)
    with read_once.warehouse() as connection:
        connection.exec_driver_sql("UPDATE core.cycle SET started_at = started_at - interval '25 hours'")
    chunk = steps.decide_hold(settings=read_once.settings, hold_id=hold["hold_id"], accept=True, by="lan", reason="x")
    assert chunk is not None
    read_once.judge(held, chunk)
    other_ward_is_read(read_once)
    assert read_once.consolidate(held, chunk)["deleted"] > 0


def test_versions_are_recorded_in_their_order_whichever_cycle_ends_first(pipeline: Pipeline) -> None:
    told = record()
    older = pipeline.plan(sources=[WARD], as_of=AS_OF)
    newer = pipeline.plan(sources=[OTHER_WARD], as_of=AS_OF + timedelta(minutes=15))
    pipeline.land(newer, [told | {"MaDonViTiepNhan": OTHER_UNIT}], source=OTHER_WARD)
    pipeline.load(newer)
    pipeline.land(older, [told | {"NgayCapNhat": "2018-10-15T11:00:00.000"}])
    pipeline.load(older)
    assert pipeline.rows("SELECT version, cycle_id, recorded_at FROM api.dossier_version ORDER BY version") == [
        (1, newer, AS_OF + timedelta(minutes=15)), (2, older, AS_OF + timedelta(minutes=15)),
    ]  # fmt: skip
