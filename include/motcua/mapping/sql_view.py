"""Records of the platform `sql_view`: contract page `source-platforms`, section 4."""

from __future__ import annotations

from motcua.mapping.spec import Field, Kind, Spec

SQL_VIEW = Spec(
    platform="sql_view",
    record=(
        Field("ma_ho_so", "code", Kind.CODE),
        Field("ma_tthc", "procedure_code", Kind.PROCEDURE),
        Field("ma_don_vi", "agency_code", Kind.AGENCY),
        Field("kenh_thuc_hien", "channel", Kind.CODED, codes="channel", absent=1),
        Field("loai_doi_tuong", "applicant_kind", Kind.CODED, codes="applicant_kind"),
        Field("loai_doi_tuong", "applicant_kind_given", Kind.WORD),
        Field("trang_thai", "status", Kind.CODED, codes="status"),
        Field("ngay_nop", "submitted_at", Kind.TIME),
        Field("ngay_tiep_nhan", "received_at", Kind.TIME),
        Field("ngay_hen_tra", "due_given_at", Kind.TIME),
        Field("ngay_ket_thuc", "finished_given_at", Kind.TIME),
        Field("ngay_tra", "returned_at", Kind.TIME),
        Field("da_xoa", "deleted", Kind.FLAG),
        Field("ngay_cap_nhat", "source_changed_at", Kind.TIME),
        Field("ten_chu_ho_so", "name", Kind.TEXT),
        Field("so_giay_to", "identity_number", Kind.TEXT),
    ),
    steps="v_qua_trinh",
    step=(
        Field("thoi_diem", "at", Kind.TIME),
        Field("trang_thai", "status", Kind.CODED, codes="status"),
        Field("phong_ban", "department", Kind.TEXT),
        Field("noi_dung", "note", Kind.TEXT),
    ),
    supplements=None,
    supplement=(),
    # names come from the registry, officials are never kept, the order of steps is that of the list, and don_vi_xu_ly
    # is a name where a handling agency is a code
    ignored=frozenset({"ten_tthc", "ma_linh_vuc", "don_vi_xu_ly", "nguoi_xu_ly", "thu_tu"}),
    # as both databases write a timestamp: a fraction of a second where there is one
    time_formats=("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"),
)
