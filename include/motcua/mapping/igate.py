"""Records of the platform `igate`: contract page `source-platforms`, section 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motcua.mapping.spec import Field, Kind, Record, Spec


def _fees(record: Record) -> Sequence[Mapping[str, str]]:
    return [
        {
            "TenPhiLePhi": str(fee.get("Ten") or ""),
            "MaPhiLePhi": "",
            "HinhThucThu": "1",
            "Gia": str(fee.get("SoTien") if fee.get("SoTien") is not None else ""),
            "LoaiPhiLePhi": "1",
        }
        for fee in _objects(record.get("LePhi"))
    ]


def _paid_online(record: Record) -> bool | None:
    """Whether any fee was; a dossier without fees, or whose fees do not say, is neither."""
    told = [
        fee["ThanhToanTrucTuyen"] for fee in _objects(record.get("LePhi")) if fee.get("ThanhToanTrucTuyen") is not None
    ]
    return any(flag is True for flag in told) if told else None


def _components(record: Record) -> Sequence[Mapping[str, str]]:
    return [
        {
            "TepDinhKemId": "",
            "TenTepDinhKem": str(paper.get("Ten") or ""),
            "IsDeleted": "False",
            "MaThanhPhanHoSo": str(paper.get("Ma") or ""),
            "DuongDanTaiTepTin": "",
            "DuocSoHoa": "1" if paper.get("DuocSoHoa") else "0",
            "DuocTaiSuDung": "1" if paper.get("DuocTaiSuDung") else "0",
            "DuocLayTuKhoDMQG": "0",
            "MaKetQuaThayThe": "",
        }
        for paper in _objects(record.get("ThanhPhan"))
    ]


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


IGATE = Spec(
    platform="igate",
    record=(
        Field("MaHoSo", "code", Kind.CODE),
        Field("MaTTHC", "procedure_code", Kind.PROCEDURE),
        Field("MaDonViTiepNhan", "agency_code", Kind.AGENCY),
        Field("MaDonViXuLy", "handling_agency_code", Kind.AGENCY),
        Field("HinhThucNop", "channel", Kind.CODED, codes="igate_channel", absent=1),
        Field("MucDo", "service_level", Kind.CODED, codes="service_level"),
        Field("LoaiDoiTuong", "applicant_kind", Kind.CODED, codes="igate_applicant_kind"),
        Field("LoaiDoiTuong", "applicant_kind_given", Kind.WORD),
        Field("TrangThai", "status", Kind.CODED, codes="status"),
        Field("HinhThucTra", "result_delivery", Kind.CODED, codes="result_delivery"),
        Field("NgayNop", "submitted_at", Kind.TIME),
        Field("NgayTiepNhan", "received_at", Kind.TIME),
        Field("NgayHenTra", "due_given_at", Kind.TIME),
        Field("NgayKetThucXuLy", "finished_given_at", Kind.TIME),
        Field("NgayTraKetQua", "returned_at", Kind.TIME),
        Field("DaXoa", "deleted", Kind.FLAG),
        Field("NgayCapNhat", "source_changed_at", Kind.TIME),
        Field("ChuHoSo.HoTen", "name", Kind.TEXT),
        Field("ChuHoSo.LoaiGiayTo", "identity_kind", Kind.CODED, codes="identity_kind"),
        Field("ChuHoSo.SoGiayTo", "identity_number", Kind.TEXT),
        Field("ChuHoSo.DiaChi", "address", Kind.TEXT),
        Field("ChuHoSo.SoDienThoai", "phone", Kind.TEXT),
        Field("ChuHoSo.Email", "email", Kind.TEXT),
        Field("TrichYeu", "summary", Kind.TEXT),
    ),
    steps="TienTrinh",
    step=(
        Field("ThoiDiemXuLy", "at", Kind.TIME),
        Field("TrangThai", "status", Kind.CODED, codes="status"),
        Field("PhongBanXuLy", "department", Kind.TEXT),
        Field("NoiDungXuLy", "note", Kind.TEXT),
        Field("NgayBatDau", "started_at", Kind.TIME),
        Field("NgayKetThucTheoQuyDinh", "due_at", Kind.TIME),
    ),
    supplements="BoSung",
    supplement=(
        Field("MaBoSung", "external_id", Kind.TEXT),
        Field("NgayYeuCau", "requested_at", Kind.TIME),
        Field("NoiDung", "note", Kind.TEXT),
        Field("NgayTiepNhanBoSung", "answered_at", Kind.TIME),
        Field("NgayHenTraMoi", "due_at", Kind.TIME),
    ),
    # names come from the registry; officials are never kept; LePhi and ThanhPhan are read by the two functions
    ignored=frozenset(
        {"TenTTHC", "MaLinhVuc", "TenLinhVuc", "TenDonViXuLy", "NguoiXuLy", "ChucDanh", "LePhi", "ThanhPhan"}
    ),
    time_formats=("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S"),
    fees=_fees,
    components=_components,
    paid_online=_paid_online,
)
