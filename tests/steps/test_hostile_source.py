"""What one office sends, whatever it is, stops no other office and tells nobody a name."""

from __future__ import annotations

import random

import pytest
from motcua.steps.cycles import Unmerged, report
from motcua.warehouse import Role

from tests.igate_records import record
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

NEIGHBOUR, OTHER_UNIT = "le_chan.cat_dai", "000.01.33.H24"
NAME = "NGUYEN VAN KIN 031099887766"
HOSTILE = {
    "a name for a code": {"MaHoSo": NAME},
    "a number for a code": {"MaHoSo": "031099887766"},
    "a long code": {"MaHoSo": "7" * 9_000},
    "a name for a unit": {"MaDonViTiepNhan": NAME},
    "a name for a key": {NAME: "x"},
    "a control character in a key": {"a\x00b": "x"},
    "a long key": {"k" * 9_000: "x"},
    "forty thousand supplements": {"BoSung": [{"MaBoSung": "1", "NgayYeuCau": "2018-10-12T10:00:00.000"}] * 40_000},
    "thirty thousand steps in one second": {"TienTrinh": record()["TienTrinh"][:1] * 40_000},
    "a tombstone with as many": {"DaXoa": True, "TienTrinh": record()["TienTrinh"][:1] * 40_000},
    "somebody else's unit": {"MaDonViTiepNhan": OTHER_UNIT},
    "a tombstone with NUL for a code": {"DaXoa": True, "MaHoSo": "000.05.33.H24-181012-\x00001"},
    "a tombstone with a long code": {
        "DaXoa": True,
        "MaHoSo": "".join(random.Random(1).choices("0123456789", k=20_000)),
    },
    "a tombstone with a name for a code": {"DaXoa": True, "MaHoSo": NAME},
    "a tombstone with NUL in its kind": {"DaXoa": True, "LoaiDoiTuong": "\x00"},
    "a tombstone of somebody else's unit": {"DaXoa": True, "MaDonViTiepNhan": OTHER_UNIT},
}


@pytest.mark.parametrize("differs", HOSTILE.values(), ids=HOSTILE)
def test_a_row_of_one_office_stops_no_other_and_tells_no_name(pipeline: Pipeline, differs: dict[str, object]) -> None:
    cycle_id = pipeline.plan(sources=[NEIGHBOUR, "le_chan.an_bien"])
    pipeline.land(cycle_id, [record(**differs), record()])
    pipeline.land(cycle_id, [record(MaDonViTiepNhan=OTHER_UNIT)], source=NEIGHBOUR)
    pipeline.load(cycle_id)
    assert pipeline.rows("SELECT count(*) FROM api.dossier WHERE agency_code = 'H24.33.01'") == [(1,)]
    assert pipeline.rows("SELECT count(*) >= 1 FROM api.dossier WHERE agency_code = 'H24.33.05'") == [(True,)]
    assert pipeline.rows("SELECT state FROM api.batch") == [("merged",)] * 2
    with pipeline.warehouse(Role.PIPELINE) as connection:
        views = connection.exec_driver_sql("SELECT table_name FROM information_schema.views WHERE table_schema = 'api'")
        for (view,) in views.all():
            told = connection.exec_driver_sql(f"SELECT string_agg(v::text, ' ') FROM api.{view} v").scalar()  # noqa: S608
            assert "031099887766" not in (told or ""), view


def test_an_office_cannot_tell_of_anothers_dossier(pipeline: Pipeline) -> None:
    honest = record(MaDonViTiepNhan=OTHER_UNIT)
    cycle_id = pipeline.plan(sources=[NEIGHBOUR, "le_chan.an_bien"])
    pipeline.land(cycle_id, [honest], source=NEIGHBOUR)
    stolen = honest | {"TrangThai": 7, "NgayCapNhat": "2031-01-01T00:00:00.000"}
    pipeline.land(cycle_id, [stolen])
    pipeline.load(cycle_id)
    assert pipeline.rows("SELECT lead_source_id, status FROM core.dossier") == [(NEIGHBOUR, 10)]
    assert pipeline.rows("SELECT source_id, rule FROM api.quarantine") == [("le_chan.an_bien", "foreign_unit")]


def test_a_tombstone_adds_nothing_to_a_dossier_that_lives(pipeline: Pipeline) -> None:
    honest = record(MaDonViTiepNhan=OTHER_UNIT, NgayHenTra=None, MucDo=None)
    cycle_id = pipeline.plan(sources=[NEIGHBOUR, "le_chan.an_bien"])
    pipeline.land(cycle_id, [honest], source=NEIGHBOUR)
    pipeline.land(
        cycle_id, [record(MaHoSo=honest["MaHoSo"], DaXoa=True, NgayHenTra="2018-01-05T17:00:00.000", MucDo=4)]
    )
    pipeline.load(cycle_id)
    assert pipeline.rows("SELECT lead_source_id, service_level FROM core.dossier") == [(NEIGHBOUR, None)]
    assert pipeline.rows("SELECT due_at FROM core.dossier WHERE due_source = 'source'") == []


def test_a_cycle_that_left_something_unmerged_is_red(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[NEIGHBOUR, "le_chan.an_bien"])
    pipeline.land(cycle_id, [record()])
    with pytest.raises(Unmerged, match="1 sources were read and not merged, 1 were not read"):
        report(settings=pipeline.settings, cycle_id=cycle_id)
