"""From the page that an office sent to the page that it reads: through the whole pipeline."""

from __future__ import annotations

from datetime import timedelta

import pytest
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings

from tests.igate_records import AS_OF, record
from tests.publishing.office_reports.offices import Offices
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

CANARY = "Hoàng Yến"
BAD = "000.05.33.H24-181012-9001"


@pytest.fixture
def pipeline(settings: Settings) -> Pipeline:
    return Pipeline(settings, EnvironmentConnections({}))


@pytest.fixture
def offices(settings: Settings) -> Offices:
    return Offices(settings, {})


def test_a_bad_record_is_told_where_it_stands_and_no_more_when_it_is_mended(
    pipeline: Pipeline, offices: Offices
) -> None:
    pipeline.land_and_load([record(), record(), record(MaHoSo=BAD, TrangThai=77), record()])
    built = offices.build(as_of=AS_OF)
    assert (built["refused"], built["reports"]) == (1, 258)
    refused = [line for line in offices.table() if line[0] == "Từ chối"]
    assert [line[1:5] for line in refused] == [
        [BAD, "Trang 1, hồ sơ thứ 3", "Trạng thái hồ sơ", "Trạng thái không có trong danh mục"]
    ]
    mended = record(MaHoSo=BAD, NgayCapNhat="2018-12-25T18:00:00.000")
    later = AS_OF + timedelta(hours=2)
    pipeline.land_and_load([mended], as_of=later)
    assert offices.build(as_of=later)["refused"] == 0
    assert [line for line in offices.table() if line[0] == "Từ chối"] == []


def test_nothing_that_an_office_wrote_about_people_comes_back_to_it(pipeline: Pipeline, offices: Offices) -> None:
    person = {"HoTen": CANARY, "SoGiayTo": "031090000001", "DiaChi": CANARY, "SoDienThoai": "0912345678",
              "Email": "yen@example.vn", "LoaiGiayTo": 1}  # fmt: skip
    told = {"ChuHoSo": person, "TrichYeu": CANARY, f"Ghi chú của {CANARY}": CANARY, "TenTTHC": CANARY}
    records = [
        record(**told),
        record(**told | {"MaHoSo": f"{CANARY} 0912345678"}),
        record(**told | {"MaHoSo": "0912.345.678"}),
        record(**told | {"MaHoSo": "031-090-000001"}),
        record(**told | {"TrangThai": CANARY}),
        record(**told | {"NgayNop": CANARY}),
        record(**told | {"MaTTHC": f"{CANARY}\ufffd"}),
        record(**told | {"MaDonViTiepNhan": CANARY}),
    ]
    pipeline.land_and_load(records)
    assert offices.build(as_of=AS_OF)["refused"] == 7
    files = {str(file): file.read_text(encoding="utf-8") for file in offices.shelf.rglob("*.*")}
    private = (CANARY, "0912345678", "0912.345.678", "031-090-000001", "031090000001", "yen@example.vn")
    assert [(file, text) for file, body in files.items() for text in private if text in body] == []
    assert len([line for line in offices.table() if line[0] == "Từ chối"]) >= 7
