"""What the portal takes, to the letter of its contract: a record that it would refuse is found out before it leaves.

The shapes are compiled by Pydantic when they are first needed; what depends on the status is asked afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from motcua.domain.codes import DOSSIER_CODE, PROCEDURE_CODE

LONGEST_SUMMARY = 1000
LONGEST_OFFICER = 50
DELETED_NOTE = "Hồ sơ đã xóa tại nguồn"
# what the registry or this package writes into a record is ours to mend; the rest is its office's
_OURS = frozenset(
    ("MaTTHC", "TenTTHC", "MaLinhVuc", "TenLinhVuc", "DonViXuLy", "NoiNopHoSo", "GhiChu", "NguoiXuLy", "PhongBanXuLy")
)

# 29 February only in leap years of these two centuries
_LEAP = "(?:19(?:0[48]|[2468][048]|[13579][26])|20(?:[02468][048]|[13579][26]))"
_DAY = (
    "(?:(?:19|20)[0-9]{2}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    f"|02(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}0229)"
)
_TIME = f"{_DAY}(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_LONG_PROCEDURE = PROCEDURE_CODE.removesuffix("$") + r"(?:\.[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2})?$"

Words = Annotated[str, Field(min_length=1)]
Moment = Annotated[str, Field(pattern=f"^{_TIME}$")]
MomentOrEmpty = Annotated[str, Field(pattern=f"^(?:{_TIME})?$")]
Code = Annotated[str, Field(pattern=DOSSIER_CODE)]
StatusText = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
Flag = Literal["", "0", "1"]
_exact = with_config(ConfigDict(extra="forbid", strict=True))


@_exact
class Paper(TypedDict):
    """One of `TaiLieuNop`."""

    TepDinhKemId: str
    TenTepDinhKem: str
    IsDeleted: str
    MaThanhPhanHoSo: str
    DuongDanTaiTepTin: str
    DuocSoHoa: str
    DuocTaiSuDung: str
    DuocLayTuKhoDMQG: str
    MaKetQuaThayThe: str


@_exact
class Fee(TypedDict):
    """One of `DanhSachLePhi`."""

    TenPhiLePhi: str
    MaPhiLePhi: str
    HinhThucThu: str
    Gia: str
    LoaiPhiLePhi: str


@_exact
class Supplement(TypedDict):
    """One of `DanhSachHoSoBoSung`: the request, and its answer."""

    HoSoBoSungId: str
    NguoiYeuCauBoSung: str
    NoiDungBoSung: str
    NgayBoSung: MomentOrEmpty
    NguoiTiepNhanBoSung: str
    ThongTinTiepNhan: str
    NgayTiepNhanBoSung: MomentOrEmpty
    TrangThaiBoSung: str
    DanhSachGiayToBoSung: list[object]
    DanhSachLePhiBoSung: list[object]
    NgayHenTraTruoc: MomentOrEmpty
    NgayHenTraMoi: MomentOrEmpty


@_exact
class OtherPaper(TypedDict):
    """One of `DanhSachTepDinhKemKhac`."""

    TenGiayTo: str
    SoLuong: str
    LoaiGiayTo: str


@_exact
class Result(TypedDict):
    """One of `DanhSachGiayToKetQua`."""

    TenGiayTo: str
    MaThanhPhanHoSo: str
    GiayToId: str
    DuongDanTepTinKetQua: str
    MaGiayToKetQua: str


@_exact
class Identity(TypedDict):
    """One of `DinhDanhCHS`."""

    LoaiDinhDanh: Words
    SoDinhDanh: Words


@_exact
class Register(TypedDict):
    """One of `DSKetNoiCSDL`."""

    MaCSDL: str


@_exact
class Dossier(TypedDict):
    """A record of `DongBoHoSoMC`."""

    MaHoSo: Code
    MaTTHC: Annotated[str, Field(pattern=_LONG_PROCEDURE)]
    TenTTHC: Words
    MaLinhVuc: Words
    TenLinhVuc: str
    KenhThucHien: Literal["1", "2", "3"]
    SoGiayToChuHoSo: str
    ChuHoSo: str
    LoaiDoiTuong: Literal["", "1", "2", "3", "4"]
    MaDoiTuong: str
    ThongTinKhac: str
    Email: str
    Fax: str
    SoDienThoai: str
    TrichYeuHoSo: Annotated[str, Field(max_length=LONGEST_SUMMARY)]
    NgayTiepNhan: MomentOrEmpty
    NgayHenTra: MomentOrEmpty
    TrangThaiHoSo: StatusText
    NgayTra: MomentOrEmpty
    ThongTinTra: str
    HinhThuc: Flag
    NgayKetThucXuLy: MomentOrEmpty
    DonViXuLy: Words
    GhiChu: str
    TaiLieuNop: list[Paper]
    DanhSachLePhi: list[Fee]
    DanhSachTepDinhKemKhac: list[OtherPaper]
    DanhSachHoSoBoSung: list[Supplement]
    DanhSachGiayToKetQua: list[Result]
    NoiNopHoSo: Literal["1", "2"]
    HoSoCoThanhPhanSoHoa: Flag
    TaiKhoanDuocXacThucVoiVNeID: Flag
    DuocThanhToanTrucTuyen: Flag
    NgayTuChoi: MomentOrEmpty
    DinhDanhCHS: list[Identity]
    NgayNopHoSo: Moment
    DSKetNoiCSDL: list[Register]


@_exact
class Step(TypedDict):
    """A record of `CapNhatTienDoHoSoMC`."""

    MaHoSo: Code
    NguoiXuLy: Annotated[str, Field(max_length=LONGEST_OFFICER)]
    ChucDanh: str
    ThoiDiemXuLy: Moment
    PhongBanXuLy: str
    NoiDungXuLy: str
    TrangThai: StatusText
    NgayBatDau: MomentOrEmpty
    NgayKetThucTheoQuyDinh: MomentOrEmpty


# beside what every dossier needs
_NEEDED_BY_STATUS: Mapping[str, tuple[str, ...]] = {
    "1": (),
    "3": ("NgayTuChoi",),
    "9": ("NgayTiepNhan", "NgayKetThucXuLy"),
    "10": ("NgayTiepNhan", "NgayKetThucXuLy", "NgayTra"),
}
_NEEDED_ONCE_RECEIVED = ("NgayTiepNhan",)
_EXPECTED: Mapping[str, str] = {
    "missing": "the contract's key is missing",
    "extra_forbidden": "has a key that the contract does not know",
    "literal_error": "is not one of the contract's codes",
    "string_too_long": "is longer than the contract allows",
    "string_too_short": "is required, and is empty",
    "string_pattern_mismatch": "is not of the contract's shape (a code, or a real moment yyyyMMddHHmmss)",
    "string_type": "is no text",
    "list_type": "is no list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a record would be refused; never with a value of it.

    Attributes:
        field: the contract's name; inside a list `List.Name`.
        owner: who mends it: `office` or `motcua`.
        reason: in words for the ledger; names the field.
    """

    field: str
    owner: Literal["office", "motcua"]
    reason: str

    @classmethod
    def of(cls, field: str, reason: str) -> Fault:
        """A fault of a field, with its owner."""
        return cls(field=field, owner="motcua" if field in _OURS else "office", reason=f"{field}: {reason}")


def dossier_fault(record: Mapping[str, object]) -> Fault | None:
    """The first thing for which the portal would refuse a record of `DongBoHoSoMC`; None when there is nothing."""
    try:
        _dossier().validate_python(record)
    except ValidationError as error:
        return _fault(error)
    return _missing_for_its_status(record)


def steps_fault(records: Sequence[Mapping[str, object]]) -> Fault | None:
    """The first thing for which the portal would refuse the steps of one dossier; None when there is nothing."""
    try:
        _steps().validate_python(records)
    except ValidationError as error:
        return _fault(error)
    if any(str(later["ThoiDiemXuLy"]) < str(earlier["ThoiDiemXuLy"]) for earlier, later in pairwise(records)):
        return Fault(field="ThoiDiemXuLy", owner="motcua", reason="ThoiDiemXuLy: steps must go in time order")
    return None


def _missing_for_its_status(record: Mapping[str, object]) -> Fault | None:
    status = str(record["TrangThaiHoSo"])
    # what is deleted need not have been received
    is_deleted = (status, record["GhiChu"]) == ("8", DELETED_NOTE)
    for name in () if is_deleted else _NEEDED_BY_STATUS.get(status, _NEEDED_ONCE_RECEIVED):
        if not record[name]:
            return Fault.of(name, f"the portal requires it for status {status}, and the source has not given it")
    if status == "5" and not _has_requests(record["DanhSachHoSoBoSung"]):
        return Fault.of(
            "DanhSachHoSoBoSung",
            "the portal requires time and content of the supplement request for status 5, and the source has not given"
            " them",
        )
    return None


# Any: checked by its shape before
def _has_requests(supplements: Any) -> bool:
    return bool(supplements) and all(one["NgayBoSung"] and one["NoiDungBoSung"] for one in supplements)


def _fault(error: ValidationError) -> Fault:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    names = [part for part in found["loc"] if isinstance(part, str)]
    if found["type"] == "extra_forbidden":  # the key itself may be anything that a source wrote
        names = names[:-1]
    field = ".".join(names)
    expected = _EXPECTED.get(found["type"], found["type"])
    if not field:
        return Fault(field="", owner="motcua", reason=expected)
    return Fault.of(field, expected)


@cache
def _dossier() -> TypeAdapter[Dossier]:
    return TypeAdapter(Dossier)


@cache
def _steps() -> TypeAdapter[list[Step]]:
    return TypeAdapter(list[Step])
