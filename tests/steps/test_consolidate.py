from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from motcua.registry import load_registry
from motcua.steps.cycles import Chunk
from motcua.warehouse import engine

from tests.igate_records import record
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, LOCAL, WARD, Pipeline

OWN_UNIT, OTHER_UNIT, ABOVE = "000.05.33.H24", "000.01.33.H24", "000.00.33.H24"

pytestmark = pytest.mark.slow

CODE = "000.05.33.H24-181012-0001"
DEPARTMENT, OTHER = "so_nganh.ke_hoach_va_dau_tu", "so_nganh.cong_thuong"
COUNTS = ("accepted", "quarantined", "unchanged", "deleted", "changed")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def _open(**differs: Any) -> dict[str, Any]:
    """A dossier in handling, changed on 12 October."""
    ordinary = {
        "MaHoSo": CODE, "TrangThai": 4, "NgayKetThucXuLy": None, "NgayTraKetQua": None, "TienTrinh": [],
        "NgayCapNhat": "2018-10-12T09:00:00.000",
    }  # fmt: skip
    return record(**(ordinary | differs))


def _done(**differs: Any) -> dict[str, Any]:
    """The same dossier, done on 15 October."""
    done = {"TrangThai": 9, "NgayKetThucXuLy": "2018-10-15T09:00:00.000", "NgayCapNhat": "2018-10-15T09:00:00.000"}
    return _open(**(done | differs))


def _deliveries(pipeline: Pipeline) -> list[tuple[object, ...]]:
    return pipeline.rows("SELECT version, service, state FROM api.delivery ORDER BY version, service DESC")


def test_changed_dossier_gets_a_second_version_with_both_times_and_one_pair_of_outbox_rows(pipeline: Pipeline) -> None:
    earlier = AS_OF - timedelta(days=60)
    pipeline.land_and_load([record(**_open() | {"TienTrinh": record()["TienTrinh"][:1]})], as_of=earlier)
    pipeline.land_and_load([record(**_done() | {"TienTrinh": record()["TienTrinh"][:1]})])
    assert pipeline.rows(
        "SELECT version, status, source_changed_at, recorded_at FROM api.dossier_version ORDER BY version"
    ) == [(1, 4, _at("2018-10-12T09:00"), earlier), (2, 9, _at("2018-10-15T09:00"), AS_OF)]
    assert pipeline.rows("SELECT version, status, recorded_at FROM api.dossier") == [(2, 9, AS_OF)]
    assert _deliveries(pipeline) == [
        (1, "DongBoHoSoMC", "superseded"), (1, "CapNhatTienDoHoSoMC", "superseded"),
        (2, "DongBoHoSoMC", "queued"), (2, "CapNhatTienDoHoSoMC", "queued"),
    ]  # fmt: skip


def test_reading_again_without_a_change_makes_no_version_and_no_outbox_row(
    pipeline: Pipeline, city: CityClient
) -> None:
    sources = [DEPARTMENT, OTHER, "so_nganh.tai_chinh"]
    pipeline.cycle(sources)
    before = pipeline.everything()
    again = pipeline.cycle(sources)
    assert pipeline.rows("SELECT sum(changed), sum(deleted) FROM api.batch WHERE cycle_id = :id", id=again) == [(0, 0)]
    full = pipeline.cycle(sources, full=True)
    [(fetched, unchanged)] = pipeline.rows(
        "SELECT sum(accepted), sum(unchanged) FROM api.batch WHERE cycle_id = :id", id=full
    )
    assert fetched == unchanged == len(before["core.source_dossier"])
    after = pipeline.everything()
    for table in before.keys() - {"core.quarantine", "core.issue"}:
        assert after[table] == before[table], table
    kept = "SELECT identity, rule, first_seen, settled_at, attempts FROM core.quarantine"
    assert {one[2:4] for one in pipeline.rows(kept)} <= {(AS_OF, None)}


def test_merging_a_part_again_does_nothing(pipeline: Pipeline, city: CityClient) -> None:
    cycle_id = pipeline.plan(sources=[DEPARTMENT, OTHER])
    pipeline.collect(cycle_id, [DEPARTMENT, OTHER])
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    first = pipeline.consolidate(cycle_id, chunk)
    before = pipeline.everything(), pipeline.rows("SELECT * FROM core.batch ORDER BY 1")
    again = pipeline.consolidate(cycle_id, chunk)
    assert first["changed"] > 0
    assert again == {"batches": 2, "held": 0, "refused": 0, "stale": 0, **dict.fromkeys(COUNTS, 0)}
    assert (pipeline.everything(), pipeline.rows("SELECT * FROM core.batch ORDER BY 1")) == before


@pytest.mark.slow
def test_city_that_moves_on_changes_exactly_the_dossiers_that_changed(pipeline: Pipeline, city: CityClient) -> None:
    earlier = AS_OF - timedelta(days=10)
    city.move_clock("2018-12-15T17:00:00")
    pipeline.cycle(city.sources, as_of=earlier)
    city.move_clock("2018-12-25T17:00:00")
    lines = [line for line in city.ledger() if not line["fault"]]
    moved = {line["code"] for line in lines if datetime.fromisoformat(line["changed_at"]) >= earlier}
    cycle_id = pipeline.cycle(city.sources)
    written = pipeline.rows("SELECT code FROM api.dossier_version WHERE cycle_id = :id", id=cycle_id)
    assert {code for (code,) in written} == moved
    passed_on = sum(line["filed_with"] != line["source_id"] for line in lines)
    assert 20 < len(moved) <= len(written) <= len(moved) + passed_on  # a word of each office may make a version
    tombstones = {line["code"] for line in lines if line["deleted"]} - {
        line["code"] for line in lines if not line["deleted"]
    }
    assert {code for (code,) in pipeline.rows("SELECT code FROM api.dossier WHERE deleted")} == tombstones
    queued = pipeline.rows("SELECT code FROM api.delivery WHERE service = 'DongBoHoSoMC' AND state = 'queued'")
    assert {code for (code,) in queued} == {line["code"] for line in lines}


def test_bad_new_version_is_quarantined_while_the_last_good_one_stays_and_a_mended_one_settles_it(
    pipeline: Pipeline,
) -> None:
    pipeline.land_and_load([_open()], as_of=AS_OF - timedelta(days=60))
    pipeline.land_and_load([_done(HinhThucNop=9)], as_of=AS_OF - timedelta(days=30))
    quarantine = "SELECT code, rule, attempts, settled_at FROM api.quarantine"
    assert pipeline.rows(quarantine) == [(CODE, "unknown_channel", 1, None)]
    assert pipeline.rows("SELECT status, version FROM api.dossier") == [(4, 1)]
    pipeline.land_and_load([_done()])
    assert pipeline.rows(quarantine) == [(CODE, "unknown_channel", 1, AS_OF)]
    assert pipeline.rows("SELECT status, version FROM api.dossier") == [(9, 2)]


def test_full_listing_settles_what_it_no_longer_has(pipeline: Pipeline) -> None:
    spoilt = _open(MaHoSo="000.05.33.H24/181012/0001")
    pipeline.land_and_load([spoilt], as_of=AS_OF - timedelta(days=2))
    open_rows = "SELECT count(*) FROM api.quarantine WHERE settled_at IS NULL"
    pipeline.land_and_load([_done()], as_of=AS_OF - timedelta(days=1))
    assert pipeline.rows(open_rows) == [(1,)]
    pipeline.land_and_load([_done()], full=True)
    assert pipeline.rows(open_rows) == [(0,)]


def test_watermark_counts_refused_rows_and_stays_where_nothing_is_listed(pipeline: Pipeline) -> None:
    pipeline.land_and_load([_open(), _done(MaHoSo=CODE[:-1] + "2", TrangThai=44)], as_of=AS_OF - timedelta(days=1))
    watermark = pipeline.rows("SELECT watermark FROM api.source_state")
    assert watermark == [(_at("2018-10-15T09:00"),)]
    pipeline.land_and_load([])
    assert pipeline.rows("SELECT watermark FROM api.source_state") == watermark


def test_older_cycle_is_left_alone_once_a_newer_one_has_merged(pipeline: Pipeline) -> None:
    older = pipeline.plan(sources=[WARD])
    pipeline.land(older, [_open()])
    [chunk] = pipeline.chunks(older)
    pipeline.judge(older, chunk)
    pipeline.land_and_load([_done()])
    assert pipeline.consolidate(older, chunk) == {
        "batches": 1,
        "held": 0,
        "refused": 0,
        "stale": 1,
        **dict.fromkeys(COUNTS, 0),
    }
    assert pipeline.rows("SELECT status, version FROM api.dossier") == [(9, 1)]


def test_batch_that_breaks_off_leaves_nothing_and_is_whole_at_the_second_try(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [_open(), _done(MaHoSo=CODE[:-1] + "2"), record(TrangThai=44)])
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    before = pipeline.everything()
    admin = engine(pipeline.settings, None)
    with admin.begin() as connection:  # the last table that a merge writes refuses
        connection.exec_driver_sql("ALTER TABLE core.source_state ADD CONSTRAINT broken CHECK (fence < 0)")
    with pytest.raises(sa.exc.IntegrityError, match="broken"):
        pipeline.consolidate(cycle_id, chunk)
    assert (pipeline.everything(), pipeline.rows("SELECT state FROM api.batch")) == (before, [("judged",)])
    with admin.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE core.source_state DROP CONSTRAINT broken")
    admin.dispose()
    assert pipeline.consolidate(cycle_id, chunk)["changed"] == 2
    assert pipeline.rows("SELECT state, accepted, quarantined FROM api.batch") == [("merged", 2, 1)]


def test_two_offices_that_tell_of_one_dossier_at_once_are_merged_one_after_the_other(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan()
    newer = _done(MucDo=None, MaDonViTiepNhan=ABOVE)  # is further, and has no service level of its own
    parts = [_part(pipeline, cycle_id, WARD, _open(MucDo=3)), _part(pipeline, cycle_id, "le_chan.quan", newer)]
    admin = engine(pipeline.settings, None)
    with ThreadPoolExecutor(2) as pool:
        with admin.begin() as holder:
            # the first has written its rows and waits for its watermark, the second comes meanwhile
            holder.exec_driver_sql("LOCK TABLE core.source_state IN EXCLUSIVE MODE")
            merging = []
            for waiting, part in enumerate(parts, start=1):
                merging.append(pool.submit(pipeline.consolidate, cycle_id, part))
                while len(pipeline.rows("SELECT 1 FROM pg_locks WHERE NOT granted")) < waiting:
                    assert not merging[-1].done(), merging[-1].result()
        assert [one.result()["changed"] for one in merging] == [1, 1]
    admin.dispose()
    assert pipeline.rows("SELECT lead_source_id, status, service_level, version FROM core.dossier") == [(WARD, 9, 3, 2)]


def test_batch_that_the_database_will_not_have_stops_no_other(pipeline: Pipeline) -> None:
    wards = {name: source for name, source in load_registry().sources.items() if name.startswith("le_chan.")}
    some = [name for name, source in wards.items() if source.platform == "igate"][:5]
    cycle_id = pipeline.plan(sources=some)
    for number, name in enumerate(some):
        code = f"000.05.33.H24-181012-{number:04d}"
        pipeline.land(cycle_id, [_open(MaHoSo=code, MaDonViTiepNhan=wards[name].units[0])], source=name)
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    admin = engine(pipeline.settings, None)
    with admin.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER TABLE core.source_dossier ADD CONSTRAINT full_up CHECK (source_id <> '{some[1]}')"
        )
    with pytest.raises(sa.exc.IntegrityError):
        pipeline.consolidate(cycle_id, chunk)
    states = "SELECT source_id, state FROM api.batch ORDER BY source_id"
    assert dict(pipeline.rows(states)) == dict.fromkeys(some, "merged") | {some[1]: "judged"}  # type: ignore[arg-type]
    with admin.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE core.source_dossier DROP CONSTRAINT full_up")
    admin.dispose()
    pipeline.consolidate(cycle_id, chunk)
    assert dict(pipeline.rows(states)) == dict.fromkeys(some, "merged")  # type: ignore[arg-type]


def test_two_offices_that_tell_of_many_dossiers_at_once_do_not_lock_each_other_out(pipeline: Pipeline) -> None:
    codes = [f"000.{ward:02d}.33.H24-181012-{number:04d}" for ward in range(1, 9) for number in range(20)]
    cycle_id = pipeline.plan()
    parts = [
        _part(pipeline, cycle_id, source, *[_open(MaHoSo=code, MaDonViTiepNhan=unit) for code in codes[::order]])
        for source, unit, order in ((WARD, OWN_UNIT, 1), ("le_chan.cat_dai", OTHER_UNIT, -1))
    ]
    with ThreadPoolExecutor(2) as pool:
        merged = list(pool.map(lambda part: pipeline.consolidate(cycle_id, part)["accepted"], parts))
    assert merged == [len(codes), len(codes)]
    assert pipeline.rows("SELECT count(*) FROM api.dossier") == [(len(codes),)]
    assert pipeline.rows("SELECT count(*) FROM api.source_dossier") == [(2 * len(codes),)]


def _part(pipeline: Pipeline, cycle_id: int, source: str, *records: dict[str, Any]) -> Chunk:
    """A part of the cycle that holds one judged source."""
    pipeline.land(cycle_id, records, source=source)
    part: Chunk = {"label": source, "part": f"{cycle_id}.{source}", "batches": [f"{cycle_id}.{source}"]}
    pipeline.judge(cycle_id, part)
    return part


def test_source_waits_for_whoever_merges_it_already(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [_open()])
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: pipeline.consolidate(cycle_id, chunk)["changed"], range(2)))
    assert sorted(outcomes) == [0, 1]
    assert pipeline.rows("SELECT count(*) FROM api.dossier_version") == [(1,)]
