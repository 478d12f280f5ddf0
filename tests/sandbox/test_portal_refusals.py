"""What the stand-in portal refuses, one line a refusal, to the letter of the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.city.portal import PortalState
from sandbox.city.registry import Registry
from tests.sandbox.portal_server import CODE, PASSWORD, USER, PortalCaller, dossier, serve_portal, step

KNOWN, UNKNOWN = "000.05.33.H24-181012-0003", "000.05.33.H24-181012-0004"
REQUEST = {
    "HoSoBoSungId": "", "NguoiYeuCauBoSung": "", "NoiDungBoSung": "Thiếu giấy tờ", "NgayBoSung": "20181013080000",
    "NguoiTiepNhanBoSung": "", "ThongTinTiepNhan": "", "NgayTiepNhanBoSung": "", "TrangThaiBoSung": "0",
    "DanhSachGiayToBoSung": [], "DanhSachLePhiBoSung": [], "NgayHenTraTruoc": "", "NgayHenTraMoi": "",
}  # fmt: skip
MANY = [dossier(f"000.05.33.H24-181012-{n:05}") for n in range(101)]


@pytest.fixture(scope="module")
def portal(registry: Registry) -> Iterator[PortalCaller]:
    """A portal that holds one dossier; what it refuses leaves it as it was."""
    with serve_portal(PortalState(registry, user=USER, password=PASSWORD, rate_per_second=1e6)) as caller:
        assert caller.create(dossier(KNOWN)) == "0"
        yield caller


def without(record: dict, key: str) -> dict:
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ("code", "records"),
    [
        pytest.param("-4", [], id="no record"),
        pytest.param("-4", MANY, id="more than a hundred"),
        pytest.param("-4", [dossier(), dossier()], id="same code twice"),
        pytest.param("-4", ["hồ sơ"], id="no object"),
        pytest.param("-4", [dossier(Khac="")], id="unknown key"),
        pytest.param("-4", [without(dossier(), "Fax")], id="missing key"),
        pytest.param("-4", [dossier(TrangThaiHoSo=4)], id="number instead of text"),
        pytest.param("-4", [dossier(ChuHoSo=None)], id="null instead of text"),
        pytest.param("-4", [dossier(TaiLieuNop="")], id="text instead of list"),
        pytest.param("-4", [dossier(DanhSachLePhi=[{"Gia": "1"}])], id="other keys in a list"),
        pytest.param("-4", [dossier(DinhDanhCHS=[{"LoaiDinhDanh": 1, "SoDinhDanh": "1"}])], id="number in a list"),
        pytest.param("-4", [dossier(NgayNopHoSo="2018-10-12T08:00:00")], id="time in another form"),
        pytest.param("-4", [dossier(NgayHenTra="20180230170000")], id="day that no calendar has"),
        pytest.param("-4", [dossier(NgayHenTra="20181015240000")], id="hour that no day has"),
        pytest.param("-4", [dossier(MaHoSo="1")], id="code of another shape"),
        pytest.param("-4", [dossier(MaTTHC="1193")], id="procedure of another shape"),
        pytest.param("-4", [dossier(MaLinhVuc="G99")], id="field that does not exist"),
        pytest.param("-4", [dossier(TrangThaiHoSo="11")], id="status that does not exist"),
        pytest.param("-4", [dossier(KenhThucHien="4")], id="channel that does not exist"),
        pytest.param("-4", [dossier(LoaiDoiTuong="5")], id="applicant kind that does not exist"),
        pytest.param("-4", [dossier(TrichYeuHoSo="a" * 1001)], id="summary too long"),
        pytest.param("-4", [dossier(TrangThaiHoSo="3", NgayTiepNhan="")], id="3 without refusal"),
        pytest.param("-4", [dossier(TrangThaiHoSo="9")], id="9 without end of handling"),
        pytest.param("-4", [dossier(TrangThaiHoSo="10", NgayTra="20181015080000")], id="10 without end of handling"),
        pytest.param("-4", [dossier(TrangThaiHoSo="10", NgayKetThucXuLy="20181015080000")], id="10 without return"),
        pytest.param("-4", [dossier(TrangThaiHoSo="5")], id="5 without supplement request"),
        pytest.param(
            "-4", [dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[REQUEST | {"NgayBoSung": ""}])], id="5 undated"
        ),
        pytest.param(
            "-4", [dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[REQUEST | {"NoiDungBoSung": ""}])], id="5 empty"
        ),
        pytest.param("-3", [dossier(KNOWN)], id="known code"),
        *(
            pytest.param("-4", [dossier(**{name: ""})], id=f"{name} is empty")
            for name in ("MaHoSo", "MaTTHC", "TenTTHC", "MaLinhVuc", "KenhThucHien", "NgayNopHoSo", "TrangThaiHoSo",
                         "DonViXuLy", "NgayTiepNhan")
        ),
    ],
)  # fmt: skip
def test_create_is_refused(portal: PortalCaller, code: str, records: list) -> None:
    assert portal.create(*records) == code
    assert portal.look_up(CODE) == []


@pytest.mark.parametrize(
    "record",
    [
        dossier(TrichYeuHoSo="a" * 1000),
        dossier(TrangThaiHoSo="1", NgayTiepNhan="", NgayHenTra=""),
        dossier(TrangThaiHoSo="3", NgayTiepNhan="", NgayTuChoi="20181013080000"),
        dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[REQUEST]),
        dossier(TrangThaiHoSo="8", NgayTiepNhan="", GhiChu="Hồ sơ đã xóa tại nguồn"),
        dossier(TrangThaiHoSo="10", NgayKetThucXuLy="20181015080000", NgayTra="20181015090000"),
        dossier(MaTTHC="1.001193.000.00.00.H24", NgayHenTra="20200229170000"),
    ],
)
def test_record_at_the_edge_is_accepted(portal: PortalCaller, record: dict) -> None:
    assert portal.update(record | {"MaHoSo": KNOWN}) == "0"


@pytest.mark.parametrize(
    ("code", "body"),
    [
        pytest.param("-2", {"isUpdating": "True", "data": [dossier(UNKNOWN)]}, id="update of an unknown code"),
        pytest.param("-4", {"isUpdating": True, "data": [dossier()]}, id="isUpdating is no text"),
        pytest.param("-4", {"data": [dossier()]}, id="isUpdating is missing"),
        pytest.param("-4", {"isUpdating": "False", "data": dossier()}, id="data is no list"),
        pytest.param("-4", {"isUpdating": "False", "data": [dossier()], "madonvi": ""}, id="madonvi is missing"),
        pytest.param("-4", {"service": "XoaHoSo"}, id="service that does not exist"),
        pytest.param("-1", {"isUpdating": "False", "data": [dossier()], "session": "x"}, id="session of nobody"),
    ],
)
def test_call_is_refused(portal: PortalCaller, code: str, body: dict) -> None:
    assert portal.call(**({"service": "DongBoHoSoMC"} | body))[0] == code


@pytest.mark.parametrize(
    ("code", "records"),
    [
        pytest.param("-4", [], id="no record"),
        pytest.param("-4", [step(KNOWN)] * 101, id="more than a hundred"),
        pytest.param("-2", [step(UNKNOWN)], id="unknown dossier"),
        pytest.param("-4", [step(KNOWN, Khac="")], id="unknown key"),
        pytest.param("-4", [without(step(KNOWN), "ChucDanh")], id="missing key"),
        pytest.param("-4", [step(KNOWN, TrangThai=2)], id="number instead of text"),
        pytest.param("-4", [step(KNOWN, ThoiDiemXuLy="")], id="no time"),
        pytest.param("-4", [step(KNOWN, NgayBatDau="12/10/2018")], id="time in another form"),
        pytest.param("-4", [step(KNOWN, TrangThai="0")], id="status that does not exist"),
        pytest.param("-4", [step(KNOWN, NguoiXuLy="a" * 51)], id="officer too long"),
    ],
)  # fmt: skip
def test_steps_are_refused(portal: PortalCaller, code: str, records: list) -> None:
    assert portal.put_steps(*records) == code
