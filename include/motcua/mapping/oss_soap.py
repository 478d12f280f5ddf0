"""Records of the platform `oss_soap`: contract page `source-platforms`, section 3."""

from __future__ import annotations

from motcua.mapping.spec import Field, Kind, Spec

OSS_SOAP = Spec(
    platform="oss_soap",
    record=(
        Field("maSoHoSo", "code", Kind.CODE),
        Field("maLoaiHoSo", "procedure_code", Kind.PROCEDURE),
        Field("maDonViTiepNhan", "agency_code", Kind.AGENCY),
        Field("hinhThucNop", "channel", Kind.CODED, codes="oss_soap_channel", absent=1),
        Field("loaiNguoiNop", "applicant_kind", Kind.CODED, codes="oss_soap_applicant_kind"),
        Field("loaiNguoiNop", "applicant_kind_given", Kind.WORD),
        Field("trangThai", "status", Kind.CODED, codes="oss_soap_status"),
        Field("ngayNopHoSo", "submitted_at", Kind.TIME),
        Field("ngayTiepNhan", "received_at", Kind.TIME),
        Field("ngayHenTra", "due_given_at", Kind.TIME),
        Field("ngayHoanThanh", "finished_given_at", Kind.TIME),
        Field("ngayTraKetQua", "returned_at", Kind.TIME),
        Field("daXoa", "deleted", Kind.FLAG),
        Field("ngayCapNhat", "source_changed_at", Kind.TIME),
        Field("hoTenNguoiNop", "name", Kind.TEXT),
        Field("soGiayTo", "identity_number", Kind.TEXT),  # of which kind, it does not say
        Field("dienThoai", "phone", Kind.TEXT),
    ),
    steps="lichSu",
    step=(
        Field("thoiDiem", "at", Kind.TIME),
        Field("trangThai", "status", Kind.CODED, codes="oss_soap_status"),
        Field("phong", "department", Kind.TEXT),
        Field("noiDung", "note", Kind.TEXT),
    ),
    supplements=None,
    supplement=(),
    # names come from the registry, and officials are never kept
    ignored=frozenset({"tenLoaiHoSo", "canBo"}),
    time_formats=("%d/%m/%Y %H:%M:%S",),
)
