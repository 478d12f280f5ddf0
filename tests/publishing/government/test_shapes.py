"""What the portal would refuse is found out here: as the contract's payload has it, and as the stand-in refuses it."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from motcua.publishing.government import shapes
from motcua.publishing.government.records import dossier_record, step_records
from motcua.publishing.government.shapes import dossier_fault, steps_fault
from motcua.registry import Registry
from pydantic import TypeAdapter, ValidationError

from sandbox.city import portal_rules
from tests.publishing.government.recorded import read_recorded
from tests.publishing.government.test_records import RECEIVED, ROW, STEP

FEE = dict.fromkeys(("TenPhiLePhi", "MaPhiLePhi", "HinhThucThu", "Gia", "LoaiPhiLePhi"), "1")
PAPER = dict.fromkeys(portal_rules.LIST_KEYS["TaiLieuNop"].split(), "")
SUPPLEMENT = {"external_id": None, "note": "Bổ sung bản sao", "requested_at": RECEIVED, "answered_at": None,
              "due_at": None}  # fmt: skip
DELETED = {"TrangThaiHoSo": "8", "GhiChu": shapes.DELETED_NOTE, "NgayTiepNhan": ""}


@pytest.fixture
def record(registry: Registry) -> dict[str, object]:
    """A whole record that the portal takes."""
    found = dossier_record(ROW | {"supplements_list": [SUPPLEMENT]}, registry)
    return found | {"DanhSachLePhi": [FEE], "TaiLieuNop": [PAPER]}


@pytest.fixture
def step(registry: Registry) -> dict[str, object]:
    (found,) = step_records(ROW | {"steps_list": [STEP]}, [], registry)
    return dict(found)


def test_shapes_have_the_keys_of_the_contract() -> None:
    assert shapes.Dossier.__annotations__.keys() == portal_rules.DOSSIER_KEYS
    assert shapes.Step.__annotations__.keys() == portal_rules.STEP_KEYS
    lists = {
        "TaiLieuNop": shapes.Paper, "DanhSachLePhi": shapes.Fee, "DanhSachTepDinhKemKhac": shapes.OtherPaper,
        "DanhSachHoSoBoSung": shapes.Supplement, "DanhSachGiayToKetQua": shapes.Result,
        "DinhDanhCHS": shapes.Identity, "DSKetNoiCSDL": shapes.Register,
    }  # fmt: skip
    assert {name: set(shape.__annotations__) for name, shape in lists.items()} == {
        name: set(keys.split()) for name, keys in portal_rules.LIST_KEYS.items()
    }


def test_whole_record_and_step_pass(record: dict[str, object], step: dict[str, object], registry: Registry) -> None:
    assert (dossier_fault(record), steps_fault([step])) == (None, None)
    assert portal_rules.dossier_fault(record, frozenset(registry.fields)) is None
    assert portal_rules.step_fault(step) is None


BAD = [
    ({"MaHoSo": "H24 1"}, "MaHoSo", "office"),
    ({"MaTTHC": "1.00119"}, "MaTTHC", "motcua"),
    ({"MaTTHC": "1.001193.000.00.00.H24x"}, "MaTTHC", "motcua"),
    ({"TenTTHC": ""}, "TenTTHC", "motcua"),
    ({"MaLinhVuc": ""}, "MaLinhVuc", "motcua"),
    ({"DonViXuLy": ""}, "DonViXuLy", "motcua"),
    ({"KenhThucHien": ""}, "KenhThucHien", "office"),
    ({"KenhThucHien": 2}, "KenhThucHien", "office"),
    ({"TrangThaiHoSo": "11"}, "TrangThaiHoSo", "office"),
    ({"LoaiDoiTuong": "9"}, "LoaiDoiTuong", "office"),
    ({"HinhThuc": "2"}, "HinhThuc", "office"),
    ({"ChuHoSo": None}, "ChuHoSo", "office"),
    ({"TrichYeuHoSo": "ả" * 1001}, "TrichYeuHoSo", "office"),
    ({"NgayNopHoSo": ""}, "NgayNopHoSo", "office"),
    ({"NgayTiepNhan": ""}, "NgayTiepNhan", "office"),
    ({"NgayTiepNhan": "20180229081500"}, "NgayTiepNhan", "office"),
    ({"NgayHenTra": "20181015"}, "NgayHenTra", "office"),
    ({"NgayHenTra": "20181015240000"}, "NgayHenTra", "office"),
    ({"NgayHenTra": "２０１８1015170000"}, "NgayHenTra", "office"),  # digits of another script
    ({"TrangThaiHoSo": "3"}, "NgayTuChoi", "office"),
    ({"TrangThaiHoSo": "9"}, "NgayKetThucXuLy", "office"),
    ({"TrangThaiHoSo": "10", "NgayKetThucXuLy": RECEIVED}, "NgayTra", "office"),
    ({"TrangThaiHoSo": "5", "DanhSachHoSoBoSung": []}, "DanhSachHoSoBoSung", "office"),
    ({"DanhSachLePhi": [FEE | {"Gia": 5000}]}, "DanhSachLePhi.Gia", "office"),
    ({"DanhSachLePhi": [FEE, FEE | {"0912345678": ""}]}, "DanhSachLePhi", "office"),
    ({"TaiLieuNop": [{}]}, "TaiLieuNop.TepDinhKemId", "office"),
    ({"TaiLieuNop": ""}, "TaiLieuNop", "office"),
    (DELETED | {"GhiChu": ""}, "NgayTiepNhan", "office"),
]


@pytest.mark.parametrize(("differs", "field", "owner"), BAD, ids=[f"{n}-{one[1]}" for n, one in enumerate(BAD)])
def test_what_the_portal_refuses_is_found_with_its_field_and_owner(
    record: dict[str, object], registry: Registry, differs: dict[str, object], field: str, owner: str
) -> None:
    """And the stand-in, which was written from the same contract, refuses it too."""
    fault = dossier_fault(record | differs)
    assert fault is not None
    assert (fault.field, fault.owner) == (field, owner)
    assert fault.reason.startswith(f"{field}: ")
    assert "0912345678" not in fault.reason
    assert portal_rules.dossier_fault(record | differs, frozenset(registry.fields)) is not None


@pytest.mark.parametrize(
    "differs",
    [
        DELETED,
        {"MaTTHC": "1.001193.000.00.00.H24"},
        {"TrangThaiHoSo": "1", "NgayTiepNhan": ""},
        {"TrangThaiHoSo": "3", "NgayTuChoi": RECEIVED, "NgayTiepNhan": ""},
        {"TrangThaiHoSo": "5"},
        {"NgayHenTra": "", "LoaiDoiTuong": "", "HinhThuc": ""},
        {"NgayHenTra": "20200229170000"},
        {"TrichYeuHoSo": "ả" * 1000},
    ],
)
def test_what_the_portal_takes_passes(
    record: dict[str, object], registry: Registry, differs: dict[str, object]
) -> None:
    assert dossier_fault(record | differs) is None
    assert portal_rules.dossier_fault(record | differs, frozenset(registry.fields)) is None


def test_key_that_is_missing_or_too_many_is_found_without_repeating_it(record: dict[str, object]) -> None:
    fault = dossier_fault({name: value for name, value in record.items() if name != "Fax"})
    assert fault is not None
    assert fault.field == "Fax"
    fault = dossier_fault(record | {"0912345678": ""})
    assert fault is not None
    assert (fault.field, fault.owner) == ("", "motcua")
    assert "0912345678" not in fault.reason


@pytest.mark.parametrize(
    ("differs", "field", "owner"),
    [
        ({"NguoiXuLy": "x" * 51}, "NguoiXuLy", "motcua"),
        ({"ThoiDiemXuLy": ""}, "ThoiDiemXuLy", "office"),
        ({"ThoiDiemXuLy": "20181131081500"}, "ThoiDiemXuLy", "office"),
        ({"NgayBatDau": "20181012"}, "NgayBatDau", "office"),
        ({"TrangThai": "0"}, "TrangThai", "office"),
        ({"NoiDungXuLy": None}, "NoiDungXuLy", "office"),
    ],
)
def test_bad_step_is_found(step: dict[str, object], differs: dict[str, object], field: str, owner: str) -> None:
    fault = steps_fault([step, step | differs])
    assert fault is not None
    assert (fault.field, fault.owner) == (field, owner)
    assert portal_rules.step_fault(step | differs) is not None


def test_steps_out_of_time_order_do_not_leave(step: dict[str, object]) -> None:
    earlier = step | {"ThoiDiemXuLy": "20181012081459"}
    assert steps_fault([earlier, step, step]) is None
    fault = steps_fault([step, earlier])
    assert fault is not None
    assert (fault.field, fault.owner) == ("ThoiDiemXuLy", "motcua")


def test_every_day_of_two_centuries_that_exists_and_no_other() -> None:
    moment = TypeAdapter(shapes.Moment)
    real = {f"{date(1900, 1, 1) + timedelta(days=n):%Y%m%d}" for n in range((date(2100, 1, 1) - date(1900, 1, 1)).days)}
    for year in range(1900, 2100):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}{month:02}{day:02}"
                try:
                    moment.validate_python(f"{text}235959")
                except ValidationError:
                    assert text not in real, text
                else:
                    assert text in real, text


def test_recorded_records_and_steps_pass() -> None:
    for name in ("create", "create-again"):
        (record,) = json.loads(read_recorded(name).body)["data"]
        assert dossier_fault(record) is None
    assert steps_fault(json.loads(read_recorded("step").body)["data"]) is None
