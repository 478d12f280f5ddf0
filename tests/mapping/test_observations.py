"""What is noticed of a record while it is mapped: names of fields, for the rule book to judge."""

from __future__ import annotations

from typing import Any  # records are JSON: any value may stand anywhere

import pytest
from motcua.registry import Registry

from tests.igate_records import record, step
from tests.mapping.records import STEPS, SUPPLEMENTS, map_all, observed, values

TOMBSTONE: dict[str, Any] = {
    "MaHoSo": "000.05.33.H24-181012-0001", "MaDonViTiepNhan": "000.05.33.H24", "DaXoa": True,
    "NgayCapNhat": "2018-10-15T10:00:00.000",
}  # fmt: skip
ALL_NULL = dict.fromkeys(record()) | TOMBSTONE
LGSP: dict[str, Any] = {
    "MaHoSo": "000.00.74.H24-181012-0001", "MaTTHC": "1.001193", "MaDonViTiepNhan": "000.00.74.H24",
    "TrangThaiHoSo": "4", "NgayTiepNhan": "20181012081500", "NgayCapNhat": "20181012081500", "DaXoa": "0",
}  # fmt: skip
LGSP_TOMBSTONE = dict.fromkeys(LGSP, "") | {
    key: LGSP[key] for key in ("MaHoSo", "MaDonViTiepNhan", "NgayCapNhat")
} | {"DaXoa": "1", "QuaTrinhXuLy": [], "DinhDanhCHS": []}  # fmt: skip

IGATE_CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("missing", record(), None),
    ("missing", {}, "code,agency_code,source_changed_at,procedure_code,status,received_at"),
    ("missing", record(MaHoSo=" "), "code"),
    ("missing", record(NgayCapNhat=None), "source_changed_at"),
    ("missing", record(TrangThai="", MaTTHC=None), "procedure_code,status"),
    ("missing", record(NgayTiepNhan=None), "received_at"),
    ("missing", record(NgayTiepNhan=None, TrangThai=1), None),
    ("missing", record(NgayTiepNhan=None, TrangThai=3), None),
    ("missing", record(NgayTiepNhan=None, TrangThai=44), "received_at"),
    ("missing", record(NgayTiepNhan="hôm qua", NgayCapNhat="hôm nay"), None),
    ("missing", record(TienTrinh=[step(), step(ThoiDiemXuLy=None)]), "steps"),
    ("missing", record(TienTrinh=[step(TrangThai=None)]), "steps"),
    ("missing", record(TienTrinh=[step(ThoiDiemXuLy="hôm qua")]), None),
    ("missing", record(TienTrinh=[], BoSung=None), None),
    ("missing", TOMBSTONE, None),
    ("missing", ALL_NULL, None),
    ("missing", TOMBSTONE | {"TienTrinh": [step(ThoiDiemXuLy=None)]}, None),
    ("missing", ALL_NULL | {"MaHoSo": None, "NgayCapNhat": ""}, "code,source_changed_at"),
    ("impossible", record(), None),
    ("impossible", record(NgayTiepNhan="2018-02-30T08:00:00.000"), "received_at"),
    ("impossible", record(NgayNop="now", NgayHenTra="2018-10-15"), "submitted_at,due_given_at"),
    ("impossible", record(TienTrinh=[step(), step(NgayBatDau="?")]), "steps"),
    ("impossible", record(BoSung=[{"NgayHenTraMoi": "20181015"}]), "supplements"),
    ("damaged", record(), None),
    ("damaged", record(TrichYeu="c\ufffd con"), "summary"),
    ("damaged", record(TrichYeu="Khai\x01 sinh"), None),
    ("damaged", record(MaHoSo="000.05.33.H24-181012-\x070001"), "code"),
    ("damaged", record(MaTTHC="1.00\x1f1193"), "procedure_code"),
    ("damaged", record(MaDonViTiepNhan="000.05\x85.33.H24"), "agency_code"),
    ("damaged", record(TienTrinh=[step(NoiDungXuLy="\ufffd")]), "TienTrinh.NoiDungXuLy"),
    ("damaged", record(ChuHoSo={"HoTen": "Nga\ufffd", "Email": "\ufffd"}), "email,name"),
    ("damaged", record(TenTTHC="\ufffd", SoBienNhan="\ufffd"), "SoBienNhan,TenTTHC"),
    ("cleaned", record(), None),
    ("cleaned", record(TrichYeu="dòng\r\n\thai\u00a0ba"), None),
    ("cleaned", record(TrichYeu="Khai\x01 sinh"), "summary"),
    ("cleaned", record(TrichYeu="\x7f", ChuHoSo={"HoTen": "Nga\x85"}), "name,summary"),
    ("cleaned", record(MaHoSo="000.05.33.H24-181012-\x070001"), None),
    ("cleaned", record(TienTrinh=[step(NoiDungXuLy="a\x08b")]), "TienTrinh.NoiDungXuLy"),
    ("cleaned", record(TrichYeu="\\u0001 và \\b"), None),
    ("mistyped", record(), None),
    ("mistyped", record(TienTrinh=None, BoSung=[], ChuHoSo=None), None),
    ("mistyped", record(TienTrinh="không"), "TienTrinh"),
    ("mistyped", record(TienTrinh=5, BoSung={"MaBoSung": "1"}), "TienTrinh,BoSung"),
    ("mistyped", record(TienTrinh=True), "TienTrinh"),
    ("mistyped", record(BoSung=[{}, "không"]), "BoSung"),
    ("mistyped", record(ChuHoSo="Đỗ Thanh Nga"), "ChuHoSo"),
    ("mistyped", record(DaXoa="có"), "deleted"),
    ("mistyped", record(DaXoa=2), "deleted"),
]  # fmt: skip
LGSP_CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("missing", LGSP, None),
    ("missing", LGSP | {"NgayTiepNhan": "", "MaTTHC": ""}, "procedure_code,received_at"),
    ("missing", LGSP_TOMBSTONE, None),
    ("missing", LGSP_TOMBSTONE | {"MaDonViTiepNhan": ""}, "agency_code"),
    ("impossible", LGSP | {"NgayHenTra": "2018101217"}, "due_given_at"),
    ("impossible", LGSP_TOMBSTONE, None),
    ("damaged", LGSP | {"ChuHoSo": "Nga\ufffd"}, "name"),
    ("cleaned", LGSP | {"TrichYeuHoSo": "a\x01"}, "summary"),
    ("mistyped", LGSP | {"QuaTrinhXuLy": "", "DinhDanhCHS": "", "DanhSachHoSoBoSung": ""}, None),
    ("mistyped", LGSP | {"QuaTrinhXuLy": "4", "DinhDanhCHS": "012"}, "QuaTrinhXuLy,DinhDanhCHS"),
    ("mistyped", LGSP | {"DaXoa": "x", "HoSoCoThanhPhanSoHoa": "2"}, "digitised,deleted"),
]  # fmt: skip


def _name(part: object) -> str | None:
    return str(part) if isinstance(part, str) else None


@pytest.mark.parametrize(("observation", "given", "fields"), IGATE_CASES, ids=_name)
def test_igate_record_is_noticed(
    registry: Registry, observation: str, given: dict[str, Any], fields: str | None
) -> None:
    assert observed("igate", given, registry, observation) == fields


@pytest.mark.parametrize(("observation", "given", "fields"), LGSP_CASES, ids=_name)
def test_lgsp_record_is_noticed(
    registry: Registry, observation: str, given: dict[str, Any], fields: str | None
) -> None:
    assert observed("lgsp", given, registry, observation) == fields


def test_each_record_is_noticed_on_its_own(registry: Registry) -> None:
    frame = map_all("igate", [given for _, given, _ in IGATE_CASES], registry).dossiers
    for observation in ("missing", "impossible", "damaged", "cleaned", "mistyped"):
        expected = {row: fields for row, (name, _, fields) in enumerate(IGATE_CASES) if name == observation}
        found = values(frame[observation])
        assert {row: found[row] for row in expected} == expected


@pytest.mark.parametrize("platform", ["igate", "lgsp"])
def test_list_that_is_none_leaves_no_steps_and_no_supplements(registry: Registry, platform: str) -> None:
    for wrong in (5, True, "không", {"TrangThai": 4}, ["không", None, 5]):
        batch = map_all(platform, [{STEPS[platform]: wrong, SUPPLEMENTS[platform]: wrong}], registry)
        assert (len(batch.dossiers), len(batch.steps), len(batch.supplements)) == (1, 0, 0)


@pytest.mark.parametrize(("status", "known"), [(4, True), (None, True), (77, False), ("", True), ("bốn", False)])
def test_status_of_a_step_is_known_or_not(registry: Registry, status: object, known: bool) -> None:
    batch = map_all("igate", [record(TienTrinh=[step(), step(TrangThai=status)]), record()], registry)
    assert batch.dossiers["steps_known"].tolist() == [known, True]
