"""Records of the platform `lgsp`: contract page `source-platforms`, section 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motcua.mapping.spec import Field, Kind, Record, Spec


def _texts(record: Record, key: str) -> Sequence[Mapping[str, str]]:
    value = record.get(key)
    if not isinstance(value, list):
        return []
    return [
        {name: "" if text is None else str(text) for name, text in item.items()}
        for item in value
        if isinstance(item, dict)
    ]


LGSP = Spec(
    platform="lgsp",
    record=(
        Field("MaHoSo", "code", Kind.CODE),
        Field("MaTTHC", "procedure_code", Kind.PROCEDURE),
        Field("MaDonViTiepNhan", "agency_code", Kind.AGENCY),
        Field("KenhThucHien", "channel", Kind.CODED, codes="channel", absent=1),
        Field("LoaiDoiTuong", "applicant_kind", Kind.CODED, codes="applicant_kind"),
        Field("LoaiDoiTuong", "applicant_kind_given", Kind.WORD),
        Field("TrangThaiHoSo", "status", Kind.CODED, codes="status"),
        Field("HinhThuc", "result_delivery", Kind.CODED, codes="result_delivery"),
        Field("DuocThanhToanTrucTuyen", "paid_online", Kind.FLAG),
        Field("HoSoCoThanhPhanSoHoa", "digitised", Kind.FLAG),
        Field("NgayNopHoSo", "submitted_at", Kind.TIME),
        Field("NgayTiepNhan", "received_at", Kind.TIME),
        Field("NgayHenTra", "due_given_at", Kind.TIME),
        Field("NgayKetThucXuLy", "finished_given_at", Kind.TIME),
        Field("NgayTra", "returned_at", Kind.TIME),
        Field("NgayTuChoi", "refused_given_at", Kind.TIME),
        Field("DaXoa", "deleted", Kind.FLAG),
        Field("NgayCapNhat", "source_changed_at", Kind.TIME),
        Field("ChuHoSo", "name", Kind.TEXT),
        Field("DinhDanhCHS.LoaiDinhDanh", "identity_kind", Kind.CODED, codes="identity_kind"),
        Field("SoGiayToChuHoSo", "identity_number", Kind.TEXT),
        Field("SoDienThoai", "phone", Kind.TEXT),
        Field("Email", "email", Kind.TEXT),
        Field("TrichYeuHoSo", "summary", Kind.TEXT),
    ),
    steps="QuaTrinhXuLy",
    step=(
        Field("ThoiDiemXuLy", "at", Kind.TIME),
        Field("TrangThai", "status", Kind.CODED, codes="status"),
        Field("PhongBanXuLy", "department", Kind.TEXT),
        Field("NoiDungXuLy", "note", Kind.TEXT),
        Field("NgayBatDau", "started_at", Kind.TIME),
        Field("NgayKetThucTheoQuyDinh", "due_at", Kind.TIME),
    ),
    supplements="DanhSachHoSoBoSung",
    supplement=(
        Field("HoSoBoSungId", "external_id", Kind.TEXT),
        Field("NgayBoSung", "requested_at", Kind.TIME),
        Field("NoiDungBoSung", "note", Kind.TEXT),
        Field("NgayTiepNhanBoSung", "answered_at", Kind.TIME),
        Field("NgayHenTraMoi", "due_at", Kind.TIME),
    ),
    # the portal's record carries more than a dossier's progress needs; names come from the registry, officials are
    # never kept, and the two lists of papers and fees are read by their functions
    ignored=frozenset(
        {
            "TenTTHC",
            "MaLinhVuc",
            "TenLinhVuc",
            "MaDoiTuong",
            "ThongTinKhac",
            "Fax",
            "ThongTinTra",
            "DonViXuLy",
            "GhiChu",
            "TaiLieuNop",
            "DanhSachLePhi",
            "DanhSachTepDinhKemKhac",
            "DanhSachGiayToKetQua",
            "NoiNopHoSo",
            "TaiKhoanDuocXacThucVoiVNeID",
            "DSKetNoiCSDL",
            "NguoiXuLy",
            "ChucDanh",
            "NguoiYeuCauBoSung",
            "NguoiTiepNhanBoSung",
            "ThongTinTiepNhan",
            "TrangThaiBoSung",
            "DanhSachGiayToBoSung",
            "DanhSachLePhiBoSung",
            "NgayHenTraTruoc",
            "DinhDanhCHS.SoDinhDanh",
        }
    ),
    time_formats=("%Y%m%d%H%M%S",),
    fees=lambda record: _texts(record, "DanhSachLePhi"),
    components=lambda record: _texts(record, "TaiLieuNop"),
)
