"""Records as the contract wants them: every key, only text, the registry's public names, nothing invented."""

from __future__ import annotations

from typing import Any

import pytest
from motcua.publishing.government.records import dossier_record, obstacle, step_records, without_personal
from motcua.publishing.government.shapes import dossier_fault
from motcua.registry import Registry

from tests.publishing.government.outbox_setting import code

RECEIVED = "20181012081500"
ROW: dict[str, Any] = {
    "code": code(1), "version": 1, "procedure_code": "1.001193", "field_code": "G15-TP01", "agency_code": "H24.33.05",
    "channel": 2, "applicant_kind": 1, "status": 4, "result_delivery": 0, "paid_online": None, "digitised": False,
    "deleted": False, "submitted_at": "20181012080000", "received_at": RECEIVED, "due_at": "20181015170000",
    "finished_at": "", "returned_at": "", "refused_at": "", "name": None, "identity_kind": None,
    "identity_number": None, "phone": None, "email": None, "summary": "Đăng ký khai sinh", "fees": None,
    "components": None, "steps_list": [], "supplements_list": [],
}  # fmt: skip
STEP = {"at": RECEIVED, "status": 2, "department": "bo phan mot cua", "note": None, "started_at": None, "due_at": None,
        "agency_code": "H24.33.05"}  # fmt: skip


def test_whole_record(registry: Registry) -> None:
    record = dossier_record(ROW, registry)
    lists = ("TaiLieuNop", "DanhSachLePhi", "DanhSachTepDinhKemKhac", "DanhSachHoSoBoSung", "DanhSachGiayToKetQua",
             "DinhDanhCHS", "DSKetNoiCSDL")  # fmt: skip
    empty = ("SoGiayToChuHoSo", "ChuHoSo", "MaDoiTuong", "ThongTinKhac", "Email", "Fax", "SoDienThoai", "NgayTra",
             "ThongTinTra", "NgayKetThucXuLy", "GhiChu", "NgayTuChoi")  # fmt: skip
    procedure = registry.procedures["1.001193"]
    assert record == dict.fromkeys(empty, "") | {name: [] for name in lists} | {
        "MaHoSo": code(1), "MaTTHC": "1.001193", "TenTTHC": procedure.name, "MaLinhVuc": procedure.field_code,
        "TenLinhVuc": procedure.field_name, "KenhThucHien": "2", "LoaiDoiTuong": "1",
        "TrichYeuHoSo": "Đăng ký khai sinh", "NgayTiepNhan": RECEIVED, "NgayHenTra": "20181015170000",
        "TrangThaiHoSo": "4", "HinhThuc": "0", "DonViXuLy": registry.units["H24.33.05"].name, "NoiNopHoSo": "2",
        "HoSoCoThanhPhanSoHoa": "0", "TaiKhoanDuocXacThucVoiVNeID": "", "DuocThanhToanTrucTuyen": "",
        "NgayNopHoSo": "20181012080000",
    }  # fmt: skip


def test_applicant_is_told_when_known(registry: Registry) -> None:
    record = dossier_record(ROW | {"name": "A", "identity_kind": 2, "identity_number": "031099001"}, registry)
    assert record["DinhDanhCHS"] == [{"LoaiDinhDanh": "2", "SoDinhDanh": "031099001"}]
    assert (record["ChuHoSo"], record["SoGiayToChuHoSo"]) == ("A", "031099001")


def test_summary_is_cut_to_what_the_portal_takes(registry: Registry) -> None:
    assert len(str(dossier_record(ROW | {"summary": "ả" * 1001}, registry)["TrichYeuHoSo"])) == 1000


def test_department_is_public_or_the_agency_and_never_the_sources_words(registry: Registry) -> None:
    steps = [STEP, STEP | {"department": "Ông Nguyễn Văn A", "status": 4}, STEP | {"department": None, "status": 9}]
    records = step_records(ROW | {"steps_list": steps}, [], registry)
    agency = registry.units["H24.33.05"].name
    assert [(one["NguoiXuLy"], one["PhongBanXuLy"]) for one in records] == [
        ("Bộ phận Một cửa", "Bộ phận Một cửa"),
        (agency[:50], agency),
        (agency[:50], agency),
    ]


needed = "the portal requires it for status {}, and the source has not given it"
shape = "is not of the contract's shape (a code, or a real moment yyyyMMddHHmmss)"


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({}, None),
        ({"status": 1, "received_at": ""}, None),
        ({"field_code": None}, "motcua MaLinhVuc: the field code of procedure 1.001193 is not known yet"),
        ({"procedure_code": "9.999999"}, "motcua MaLinhVuc: the field code of procedure 9.999999 is not known yet"),
        ({"agency_code": "H24.99"}, "motcua DonViXuLy: agency H24.99 is not in the registry"),
        ({"submitted_at": ""}, f"office NgayNopHoSo: {shape}"),
        ({"received_at": ""}, f"office NgayTiepNhan: {needed.format(4)}"),
        ({"status": 3}, f"office NgayTuChoi: {needed.format(3)}"),
        ({"status": 9}, f"office NgayKetThucXuLy: {needed.format(9)}"),
        ({"status": 10, "finished_at": RECEIVED}, f"office NgayTra: {needed.format(10)}"),
        (
            {"status": 5},
            "office DanhSachHoSoBoSung: the portal requires time and content of the supplement request for status 5, "
            "and the source has not given them",
        ),
        ({"status": 10, "deleted": True}, None),
        ({"status": 5, "deleted": True}, None),
    ],
)
def test_what_keeps_a_dossier_from_being_told(registry: Registry, differs: dict, reason: str | None) -> None:
    row = ROW | differs
    fault = obstacle(row, registry) or dossier_fault(dossier_record(row, registry))
    assert (f"{fault.owner} {fault.reason}" if fault else None) == reason


def test_words_about_a_dossier_lose_what_is_personal() -> None:
    row = ROW | {"name": "Lê A", "phone": "0912", "steps_list": [STEP | {"note": "ốm (nặng)"}]}
    words = f"Hồ sơ {code(1)}: LÊ A, 0912, đăng ký khai sinh, ốm (nặng): không hợp lệ"
    assert without_personal(words, row) == f"Hồ sơ {code(1)}: …, …, …, …: không hợp lệ"
