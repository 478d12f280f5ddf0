"""What the Government portal refuses in a record, to the letter of its contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DOSSIER_KEYS = frozenset(
    [
        "MaHoSo",
        "MaTTHC",
        "TenTTHC",
        "MaLinhVuc",
        "TenLinhVuc",
        "KenhThucHien",
        "SoGiayToChuHoSo",
        "ChuHoSo",
        "LoaiDoiTuong",
        "MaDoiTuong",
        "ThongTinKhac",
        "Email",
        "Fax",
        "SoDienThoai",
        "TrichYeuHoSo",
        "NgayTiepNhan",
        "NgayHenTra",
        "TrangThaiHoSo",
        "NgayTra",
        "ThongTinTra",
        "HinhThuc",
        "NgayKetThucXuLy",
        "DonViXuLy",
        "GhiChu",
        "TaiLieuNop",
        "DanhSachLePhi",
        "DanhSachTepDinhKemKhac",
        "DanhSachHoSoBoSung",
        "DanhSachGiayToKetQua",
        "NoiNopHoSo",
        "HoSoCoThanhPhanSoHoa",
        "TaiKhoanDuocXacThucVoiVNeID",
        "DuocThanhToanTrucTuyen",
        "NgayTuChoi",
        "DinhDanhCHS",
        "NgayNopHoSo",
        "DSKetNoiCSDL",
    ]
)
LIST_KEYS = {
    "TaiLieuNop": "TepDinhKemId TenTepDinhKem IsDeleted MaThanhPhanHoSo DuongDanTaiTepTin DuocSoHoa DuocTaiSuDung"
    " DuocLayTuKhoDMQG MaKetQuaThayThe",
    "DanhSachLePhi": "TenPhiLePhi MaPhiLePhi HinhThucThu Gia LoaiPhiLePhi",
    "DanhSachTepDinhKemKhac": "TenGiayTo SoLuong LoaiGiayTo",
    "DanhSachHoSoBoSung": "HoSoBoSungId NguoiYeuCauBoSung NoiDungBoSung NgayBoSung NguoiTiepNhanBoSung ThongTinTiepNhan"
    " NgayTiepNhanBoSung TrangThaiBoSung DanhSachGiayToBoSung DanhSachLePhiBoSung NgayHenTraTruoc NgayHenTraMoi",
    "DanhSachGiayToKetQua": "TenGiayTo MaThanhPhanHoSo GiayToId DuongDanTepTinKetQua MaGiayToKetQua",
    "DinhDanhCHS": "LoaiDinhDanh SoDinhDanh",
    "DSKetNoiCSDL": "MaCSDL",
}
_LISTS = {name: frozenset(keys.split()) for name, keys in LIST_KEYS.items()}
_INNER_LISTS = {"DanhSachGiayToBoSung", "DanhSachLePhiBoSung"}
_TEXTS = DOSSIER_KEYS - _LISTS.keys()
STEP_KEYS = frozenset(
    [
        "MaHoSo",
        "NguoiXuLy",
        "ChucDanh",
        "ThoiDiemXuLy",
        "PhongBanXuLy",
        "NoiDungXuLy",
        "TrangThai",
        "NgayBatDau",
        "NgayKetThucTheoQuyDinh",
    ]
)

REQUIRED = ("MaHoSo", "MaTTHC", "TenTTHC", "MaLinhVuc", "KenhThucHien", "NgayNopHoSo", "TrangThaiHoSo", "DonViXuLy")
REQUIRED_BY_STATUS = {
    "3": ("NgayTuChoi",),
    "9": ("NgayKetThucXuLy",),
    "10": ("NgayKetThucXuLy", "NgayTra"),
}
NOT_RECEIVED = {"1", "3"}
# how a deletion is told; what is deleted need not have been received
DELETED = ("8", "Hồ sơ đã xóa tại nguồn")
TIMES = ("NgayNopHoSo", "NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTra", "NgayTuChoi")
STEP_TIMES = ("ThoiDiemXuLy", "NgayBatDau", "NgayKetThucTheoQuyDinh")
CODES = {
    "TrangThaiHoSo": {str(code) for code in range(1, 11)},
    "KenhThucHien": {"1", "2", "3"},
    "LoaiDoiTuong": {"", "1", "2", "3", "4"},
    "HinhThuc": {"", "0", "1"},
}
LONGEST_SUMMARY, LONGEST_OFFICER = 1000, 50

_TIME = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d").fullmatch
_PROCEDURE = re.compile(r"\d\.\d{6}(\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?").fullmatch
_CODE = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.[0-9A-Z]{1,4}){0,4})-\d{6}-\d{4,6}").fullmatch
_SHORT_MONTHS = {"0230", "0231", "0431", "0631", "0931", "1131"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is refused: `reason` is for the ledger, the answer only says that it is not valid."""

    code: str
    reason: str


def dossier_fault(record: object, fields: frozenset[str]) -> Fault | None:
    """The first thing wrong with a record of `DongBoHoSoMC`; `fields` are the field codes that exist."""
    if not isinstance(record, dict):
        return Fault("", "no object")
    code = str(record.get("MaHoSo", ""))
    for check in (_shape_fault, _required_fault, _time_fault, _code_fault):
        reason = check(record)
        if reason:
            return Fault(code, reason)
    if record["MaLinhVuc"] not in fields:
        return Fault(code, f"MaLinhVuc {record['MaLinhVuc']} does not exist")
    return None


def step_fault(record: object) -> Fault | None:
    """The first thing wrong with a record of `CapNhatTienDoHoSoMC`."""
    if not isinstance(record, dict) or record.keys() != STEP_KEYS:
        return Fault("", "keys differ from the contract's")
    code = str(record["MaHoSo"])
    if not all(isinstance(value, str) for value in record.values()):
        return Fault(code, "a value is no text")
    if not code or not record["ThoiDiemXuLy"]:
        return Fault(code, "MaHoSo or ThoiDiemXuLy is empty")
    for name in STEP_TIMES:
        if record[name] and not _is_time(record[name]):
            return Fault(code, f"{name} is no time")
    if record["TrangThai"] not in CODES["TrangThaiHoSo"]:
        return Fault(code, "TrangThai does not exist")
    if len(record["NguoiXuLy"]) > LONGEST_OFFICER:
        return Fault(code, "NguoiXuLy is too long")
    return None


def _shape_fault(record: Mapping[str, object]) -> str | None:
    if record.keys() != DOSSIER_KEYS:
        return "keys differ from the contract's"
    for name in _TEXTS:
        if not isinstance(record[name], str):
            return f"{name} is no text"
    for name, keys in _LISTS.items():
        items = record[name]
        if not isinstance(items, list):
            return f"{name} is no list"
        for item in items:
            if not isinstance(item, dict) or item.keys() != keys:
                return f"{name}: keys differ from the contract's"
            if not all(isinstance(value, list if key in _INNER_LISTS else str) for key, value in item.items()):
                return f"{name}: a value is no text"
    return None


def _required_fault(record: Mapping[str, object]) -> str | None:
    status = str(record["TrangThaiHoSo"])
    required = (*REQUIRED, *REQUIRED_BY_STATUS.get(status, ()))
    if status not in NOT_RECEIVED and (status, record["GhiChu"]) != DELETED:
        required = (*required, "NgayTiepNhan")
    for name in required:
        if not record[name]:
            return f"{name} is empty"
    if status == "5":
        supplements = record["DanhSachHoSoBoSung"]
        if not supplements or not all(item["NgayBoSung"] and item["NoiDungBoSung"] for item in supplements):  # type: ignore[attr-defined]
            return "status 5 without a supplement request"
    return None


def _time_fault(record: Mapping[str, object]) -> str | None:
    for name in TIMES:
        value = record[name]
        if value and not _is_time(str(value)):
            return f"{name} is no time"
    for item in record["DanhSachHoSoBoSung"]:  # type: ignore[attr-defined]
        for name in ("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraTruoc", "NgayHenTraMoi"):
            if item[name] and not _is_time(item[name]):
                return f"DanhSachHoSoBoSung.{name} is no time"
    return None


def _code_fault(record: Mapping[str, object]) -> str | None:
    if not _CODE(str(record["MaHoSo"])):
        return "MaHoSo has another shape"
    if not _PROCEDURE(str(record["MaTTHC"])):
        return "MaTTHC has another shape"
    for name, codes in CODES.items():
        if record[name] not in codes:
            return f"{name} does not exist"
    if len(str(record["TrichYeuHoSo"])) > LONGEST_SUMMARY:
        return "TrichYeuHoSo is too long"
    return None


def _is_time(text: str) -> bool:
    if not _TIME(text):
        return False
    day = text[4:8]
    if day in _SHORT_MONTHS:
        return False
    year = int(text[:4])
    return day != "0229" or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
