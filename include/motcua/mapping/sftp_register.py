"""Records of the platform `sftp_register`: contract page `source-platforms`, section 5."""

from __future__ import annotations

from motcua.mapping.spec import Field, Kind, Spec

SFTP_REGISTER = Spec(
    platform="sftp_register",
    record=(
        Field("Mã hồ sơ", "code", Kind.CODE),
        Field("Mã TTHC", "procedure_code", Kind.PROCEDURE),
        Field("Hình thức nộp", "channel", Kind.CODED_WORD, codes="register_words.channel", absent=1),
        Field("Trạng thái", "status", Kind.CODED_WORD, codes="register_words.status"),
        Field("Ngày nộp", "submitted_at", Kind.TIME),
        Field("Ngày tiếp nhận", "received_at", Kind.TIME),
        Field("Ngày hẹn trả", "due_given_at", Kind.TIME),
        Field("Ngày hoàn thành", "finished_given_at", Kind.TIME),
        Field("Ngày trả kết quả", "returned_at", Kind.TIME),
        Field("Họ tên người nộp", "name", Kind.TEXT),
        Field("Số giấy tờ", "identity_number", Kind.TEXT),  # of which kind, it does not say
        Field("Địa chỉ", "address", Kind.TEXT),
        Field("Số điện thoại", "phone", Kind.TEXT),
        # facts of the file, which `platforms.register` adds to each of its rows
        Field("_đơn vị", "agency_code", Kind.AGENCY),
        Field("_tải lên lúc", "source_changed_at", Kind.TIME),
    ),
    steps=None,
    step=(),
    supplements=None,
    supplement=(),
    # names come from the registry, and remarks may say anything
    ignored=frozenset({"Tên TTHC", "Cơ quan chủ trì giải quyết", "Ghi chú"}),
    aside=frozenset({"STT"}),  # a row keeps its facts when others move it
    odd="_lệch cột",
    time_formats=("%d/%m/%Y %H:%M", "%d/%m/%Y", "%-d-%-m-%y", "%d/%m/%Y %H:%M:%S"),
    dated_by_file=True,
)
