"""Each field of each platform: where its value goes, and what becomes of it."""

from __future__ import annotations

from itertools import chain

import pytest
from motcua.mapping import SPECS
from motcua.registry import Registry

from tests.mapping.records import STEPS, SUPPLEMENTS, local, map_all, place, values

Cases = list[tuple[object, object]]
ABSENT: Cases = [(None, None), ("", None)]
TEXT: Cases = [
    *ABSENT, (" ", None), ("   ", None), ("\t\n", None), ("<br/>", None), ("&nbsp;", None),
    ("Đỗ Thanh Nga", "Đỗ Thanh Nga"), ("  Đỗ   Thanh\u00a0Nga ", "Đỗ Thanh Nga"), ("dòng một\r\ndòng hai",
     "dòng một dòng hai"),
    ("Nguye\u0302\u0303n Thi\u0323 Hoa\u0300", "Nguyễn Thị Hoà"), ("Nguye&#x302;&#x303;n", "Nguyễn"),
    ("Thuỷ", "Thuỷ"), ("Thủy", "Thủy"),
    ("<b>Khai</b> sinh &amp; nhận con", "Khai sinh & nhận con"), ("<p class='a'>Khai sinh</p><!-- x -->", "Khai sinh"),
    ("&lt;b&gt;Khai sinh&lt;/b&gt;", "Khai sinh"), ("dưới &lt; 100 m2, trên &gt; 50 m2", "dưới < 100 m2, trên > 50 m2"),
    ("1 < 2 > 0", "1 < 2 > 0"), ("Khai\x00 si\x07nh\x9f", "Khai sinh"), ("c\ufffd con", "c\ufffd con"),
    (12, "12"), (0, "0"), (False, "False"),
]  # fmt: skip
CODE: Cases = [
    *ABSENT, ("  ", None), ("000.05.33.H24-181012-0001", "000.05.33.H24-181012-0001"),
    (" 000.05.33.h24-181012-0001\r\n", "000.05.33.H24-181012-0001"),
    ("H24.33-181012-\x070001", "H24.33-181012-\x070001"), ("<b>H24</b>", "<B>H24</B>"), ("H24 33", "H24 33"), (7, "7"),
]  # fmt: skip
PROCEDURE: Cases = [
    *ABSENT, ("1.001193", "1.001193"), ("1.001193.000.00.00.H24", "1.001193"), (" 1.001193.000.00.00.h24 ", "1.001193"),
    ("1.00119", "1.00119"), ("TTHC-17", "TTHC-17"), ("1.001193.000", "1.001193.000"),
]  # fmt: skip
AGENCY: Cases = [
    *ABSENT, ("000.05.33.H24", "H24.33.05"), ("H24.33.05", "H24.33.05"), (" h24.33.05 ", "H24.33.05"),
    ("000.00.33.H24", "H24.33"), ("000.00.00.H24", "H24"), ("H24.33.00", "H24.33"), ("H24.99.9", "H24.99.9"),
    ("UBND phường", "UBND phường"), ("000.99.99.H24", "H24.99.99"),
]  # fmt: skip
FLAG: Cases = [
    *ABSENT, (True, True), (False, False), ("1", True), ("0", False), ("true", True), ("False", False), (1, True),
    (0, False), ("2", None), ("có", None), (2, None), ([], None),
]  # fmt: skip
DELETED: Cases = [(given, bool(expected)) for given, expected in FLAG]
WORD: Cases = [*ABSENT, ("1", "1"), (0, "0"), (" TO_CHUC ", " TO_CHUC "), ("Hộ kinh doanh", "Hộ kinh doanh")]
TIMES: dict[str, Cases] = {
    "igate": [
        *ABSENT, (" ", None), ("2018-10-12T08:15:00.123", local("2018-10-12T08:15:00.123")),
        ("2018-10-12T08:15:00", local("2018-10-12T08:15")), (" 2018-10-12T08:15:00.000 ", local("2018-10-12T08:15")),
        ("2018-12-31T23:59:59.999", local("2018-12-31T23:59:59.999")), ("2018-10-12T06:59:59.999",
         local("2018-10-12T06:59:59.999")),
        ("1990-01-01T06:59:59.999", None), ("1990-01-01T07:00:00.000", local("1990-01-01T07:00")),
        ("2100-01-01T07:00:00.000", None), ("0001-01-01T00:00:00.000", None), ("9999-12-31T00:00:00.000", None),
        ("2018-02-29T08:00:00.000", None), ("2018-10-12T24:00:00.000", None), ("2018-10-12T08:60:00.000", None),
        ("2018-10-12", None), ("2018-10-12 08:15:00", None), ("12/10/2018 08:15:00", None), ("20181012081500", None),
        ("2018-10-12T08:15:00.000Z", None), ("2018-10-12T08:15:00.000+07:00", None), ("2018-10-12T8:15:00.000", None),
        ("٢٠١٨-10-12T08:15:00.000", None), ("now", None), ("today", None), ("NaT", None), (0, None), (True, None),
    ],
    "sql_view": [
        *ABSENT, ("2018-10-12 08:15:00", local("2018-10-12T08:15")), ("2018-10-12 08:15:00.5",
         local("2018-10-12T08:15:00.5")),
        ("2018-10-12 08:15:00.123456", local("2018-10-12T08:15:00.123456")), ("2018-10-12 08:15:00.000",
         local("2018-10-12T08:15")),
        ("infinity", None), ("-infinity", None), ("0000-00-00 00:00:00", None), ("2018-02-00 00:00:00.000", None),
        ("2999-12-31 08:15:00", None), ("2018-10-12", None), ("2018-10-12 08:15:00+07", None),
        ("2018-10-12T08:15:00", None), ("0044-03-15 00:00:00 BC", None), (0, None), (True, None),
    ],
    "lgsp": [
        *ABSENT, ("20181012081500", local("2018-10-12T08:15")), (" 20181012081500 ", local("2018-10-12T08:15")),
        (20181012081500, local("2018-10-12T08:15")), ("20181012000000", local("2018-10-12")),
        ("20180229080000", None), ("20181012240000", None), ("00010101000000", None), ("20181012", None),
        ("201810120815", None), ("2018101208150", None), ("201810120815000", None), ("2018-10-12T08:15:00.000", None),
        ("now", None), ("0", None),
    ],
    "oss_soap": [
        *ABSENT, ("12/10/2018 08:15:00", local("2018-10-12T08:15")),
        (" 12/10/2018 08:15:00\n", local("2018-10-12T08:15")),
        ("29/02/2016 23:59:59", local("2016-02-29T23:59:59")), ("30/02/2018 08:15:00", None),
        ("10/13/2018 08:15:00", None), ("12/10/2018 24:00:00", None), ("12/10/2018 08:15", None),
        ("12/10/2018", None), ("12/10/18 08:15:00", None), ("1/10/2018 08:15:00", None),
        ("2018-10-12T08:15:00", None),
        (["12/10/2018 08:15:00", "13/10/2018 08:15:00"], None), ("now", None), ("0", None),
    ],
    "sftp_register": [
        *ABSENT, ("12/10/2018", local("2018-10-12")), ("12/10/2018 08:15", local("2018-10-12T08:15")),
        (" 12/10/2018 08:15:30 ", local("2018-10-12T08:15:30")), ("1-2-18", local("2018-02-01")),
        ("12-10-18", local("2018-10-12")), ("31-12-69", local("2069-12-31")), ("29-2-16", local("2016-02-29")),
        ("29-2-18", None), ("30/02/2018", None), ("13/13/2018", None), ("1/2/2018", None), ("12/10/18", None),
        ("12-10-2018", None), ("2018-10-12", None), ("12/10/2018 24:00", None), ("12/10/2018 8:15", None),
        ("12/10/2018 08:15:00.000", None), ("43385", None), ("12-10-18 08:15", None), ("now", None), ("0", None),
        ("1-١-18", None),
    ],
}  # fmt: skip
STATUS: Cases = [*ABSENT, *[(n, n) for n in range(1, 11)], *[(str(n), n) for n in range(1, 11)], (" 4 ", 4), (0, -1),
                 (11, -1), ("01", -1), ("Đang xử lý", -1), (True, -1), (1.0, -1), (4.5, -1), ([4], -1)]  # fmt: skip
CHANNEL_IGATE: Cases = [(None, 1), ("", 1), (0, 1), (1, 2), (2, 3), ("2", 3), (3, -1), (9, -1)]
CHANNEL_LGSP: Cases = [(None, 1), ("", 1), ("1", 1), ("2", 2), ("3", 3), ("0", -1), ("4", -1)]
KIND_IGATE: Cases = [*ABSENT, (0, 1), (1, 2), (2, 2), (3, -1), ("TO_CHUC", -1)]
KIND_LGSP: Cases = [*ABSENT, ("1", 1), ("2", 2), ("3", 3), ("4", 4), ("0", -1), ("5", -1)]
SOAP_STATUSES = ["MOI", "TIEP_NHAN", "TU_CHOI", "DANG_XU_LY", "BO_SUNG", "TAI_CHINH", "RUT", "DUNG", "XONG", "DA_TRA"]
STATUS_SOAP: Cases = [
    *ABSENT, *[(word, number) for number, word in enumerate(SOAP_STATUSES, start=1)], (" XONG ", 9), ("xong", -1),
    ("9", -1), ("MA_11", -1), (["MOI", "XONG"], -1),
]  # fmt: skip
CHANNEL_SOAP: Cases = [(None, 1), ("", 1), ("TRUC_TIEP", 1), ("TRUC_TUYEN", 2), ("BUU_CHINH", 3), ("2", -1)]
KIND_SOAP: Cases = [
    *ABSENT, ("CONG_DAN", 1), ("DOANH_NGHIEP", 2), ("CO_QUAN", 3), ("TO_CHUC", 4), ("HO_KINH_DOANH", -1), ("1", -1)
]  # fmt: skip
WORDS = {
    "Mới đăng ký": 1,
    "Đã tiếp nhận": 2,
    "Tiếp nhận": 2,
    "Từ chối": 3,
    "Không tiếp nhận": 3,
    "Đang giải quyết": 4,
    "Đang xử lý": 4,
    "Chờ bổ sung": 5,
    "Yêu cầu bổ sung": 5,
    "Chờ nộp phí": 6,
    "Rút hồ sơ": 7,
    "Công dân rút": 7,
    "Dừng giải quyết": 8,
    "Đã giải quyết": 9,
    "Đã xử lý xong": 9,
    "Đã trả kết quả": 10,
    "Đã trả": 10,
}
STATUS_WORDS: Cases = [
    *ABSENT, (" ", None), *WORDS.items(), *[(word.upper(), code) for word, code in WORDS.items()],
    ("da tra ket qua", 10), (" ĐÃ  TRẢ kết quả\n", 10), ("ĐÃ TRẢ KếT QUả", 10), ("Đã trả kq", -1),
    ("Trả", -1), ("10", -1), (10, -1), ("Trực tiếp", -1),
]  # fmt: skip
CHANNEL_WORDS: Cases = [
    (None, 1), ("", 1), ("Trực tiếp", 1), ("Trực tuyến", 2), ("Qua mạng", 2), ("Bưu chính", 3), ("BCCI", 3),
    ("bcci", 3), ("qua mang", 2), ("Fax", -1), ("1", -1),
]  # fmt: skip
DELIVERY: Cases = [*ABSENT, (0, 0), (1, 1), ("1", 1), (2, -1), (True, -1)]
IDENTITY: Cases = [*ABSENT, (1, 1), ("2", 2), (3, -1)]
LEVEL: Cases = [*ABSENT, (2, 2), (3, 3), (4, 4), (1, -1)]

STEP = {
    "ThoiDiemXuLy": {"at": "TIME"}, "TrangThai": {"status": STATUS}, "PhongBanXuLy": {"department": TEXT},
    "NoiDungXuLy": {"note": TEXT}, "NgayBatDau": {"started_at": "TIME"}, "NgayKetThucTheoQuyDinh": {"due_at": "TIME"},
}  # fmt: skip
# platform → level → key → column → what becomes of its values
FIELDS: dict[str, dict[str, dict[str, dict[str, Cases | str]]]] = {
    "igate": {
        "record": {
            "MaHoSo": {"code": CODE}, "MaTTHC": {"procedure_code": PROCEDURE},
            "MaDonViTiepNhan": {"agency_code": AGENCY}, "MaDonViXuLy": {"handling_agency_code": AGENCY},
            "HinhThucNop": {"channel": CHANNEL_IGATE}, "MucDo": {"service_level": LEVEL},
            "LoaiDoiTuong": {"applicant_kind": KIND_IGATE, "applicant_kind_given": WORD},
            "TrangThai": {"status": STATUS}, "HinhThucTra": {"result_delivery": DELIVERY},
            "NgayNop": {"submitted_at": "TIME"}, "NgayTiepNhan": {"received_at": "TIME"},
            "NgayHenTra": {"due_given_at": "TIME"}, "NgayKetThucXuLy": {"finished_given_at": "TIME"},
            "NgayTraKetQua": {"returned_at": "TIME"}, "DaXoa": {"deleted": DELETED},
            "NgayCapNhat": {"source_changed_at": "TIME"}, "ChuHoSo.HoTen": {"name": TEXT},
            "ChuHoSo.LoaiGiayTo": {"identity_kind": IDENTITY}, "ChuHoSo.SoGiayTo": {"identity_number": TEXT},
            "ChuHoSo.DiaChi": {"address": TEXT}, "ChuHoSo.SoDienThoai": {"phone": TEXT},
            "ChuHoSo.Email": {"email": TEXT}, "TrichYeu": {"summary": TEXT},
        },
        "step": STEP,
        "supplement": {
            "MaBoSung": {"external_id": TEXT}, "NgayYeuCau": {"requested_at": "TIME"}, "NoiDung": {"note": TEXT},
            "NgayTiepNhanBoSung": {"answered_at": "TIME"}, "NgayHenTraMoi": {"due_at": "TIME"},
        },
    },
    "lgsp": {
        "record": {
            "MaHoSo": {"code": CODE}, "MaTTHC": {"procedure_code": PROCEDURE},
            "MaDonViTiepNhan": {"agency_code": AGENCY}, "KenhThucHien": {"channel": CHANNEL_LGSP},
            "LoaiDoiTuong": {"applicant_kind": KIND_LGSP, "applicant_kind_given": WORD},
            "TrangThaiHoSo": {"status": STATUS}, "HinhThuc": {"result_delivery": DELIVERY},
            "DuocThanhToanTrucTuyen": {"paid_online": FLAG}, "HoSoCoThanhPhanSoHoa": {"digitised": FLAG},
            "NgayNopHoSo": {"submitted_at": "TIME"}, "NgayTiepNhan": {"received_at": "TIME"},
            "NgayHenTra": {"due_given_at": "TIME"}, "NgayKetThucXuLy": {"finished_given_at": "TIME"},
            "NgayTra": {"returned_at": "TIME"}, "NgayTuChoi": {"refused_given_at": "TIME"},
            "DaXoa": {"deleted": DELETED}, "NgayCapNhat": {"source_changed_at": "TIME"}, "ChuHoSo": {"name": TEXT},
            "DinhDanhCHS.LoaiDinhDanh": {"identity_kind": IDENTITY}, "SoGiayToChuHoSo": {"identity_number": TEXT},
            "SoDienThoai": {"phone": TEXT}, "Email": {"email": TEXT}, "TrichYeuHoSo": {"summary": TEXT},
        },
        "step": STEP,
        "supplement": {
            "HoSoBoSungId": {"external_id": TEXT}, "NgayBoSung": {"requested_at": "TIME"},
            "NoiDungBoSung": {"note": TEXT}, "NgayTiepNhanBoSung": {"answered_at": "TIME"},
            "NgayHenTraMoi": {"due_at": "TIME"},
        },
    },
    "oss_soap": {
        "record": {
            "maSoHoSo": {"code": CODE}, "maLoaiHoSo": {"procedure_code": PROCEDURE},
            "maDonViTiepNhan": {"agency_code": AGENCY}, "hinhThucNop": {"channel": CHANNEL_SOAP},
            "loaiNguoiNop": {"applicant_kind": KIND_SOAP, "applicant_kind_given": WORD},
            "trangThai": {"status": STATUS_SOAP}, "ngayNopHoSo": {"submitted_at": "TIME"},
            "ngayTiepNhan": {"received_at": "TIME"}, "ngayHenTra": {"due_given_at": "TIME"},
            "ngayHoanThanh": {"finished_given_at": "TIME"}, "ngayTraKetQua": {"returned_at": "TIME"},
            "daXoa": {"deleted": DELETED}, "ngayCapNhat": {"source_changed_at": "TIME"},
            "hoTenNguoiNop": {"name": TEXT}, "soGiayTo": {"identity_number": TEXT}, "dienThoai": {"phone": TEXT},
        },
        "step": {
            "thoiDiem": {"at": "TIME"}, "trangThai": {"status": STATUS_SOAP}, "phong": {"department": TEXT},
            "noiDung": {"note": TEXT},
        },
        "supplement": {},  # its steps are the requests
    },
    "sql_view": {
        "record": {
            "ma_ho_so": {"code": CODE}, "ma_tthc": {"procedure_code": PROCEDURE}, "ma_don_vi": {"agency_code": AGENCY},
            "kenh_thuc_hien": {"channel": CHANNEL_LGSP},
            "loai_doi_tuong": {"applicant_kind": KIND_LGSP, "applicant_kind_given": WORD},
            "trang_thai": {"status": STATUS}, "ngay_nop": {"submitted_at": "TIME"},
            "ngay_tiep_nhan": {"received_at": "TIME"}, "ngay_hen_tra": {"due_given_at": "TIME"},
            "ngay_ket_thuc": {"finished_given_at": "TIME"}, "ngay_tra": {"returned_at": "TIME"},
            "da_xoa": {"deleted": DELETED}, "ngay_cap_nhat": {"source_changed_at": "TIME"},
            "ten_chu_ho_so": {"name": TEXT}, "so_giay_to": {"identity_number": TEXT},
        },
        "step": {
            "thoi_diem": {"at": "TIME"}, "trang_thai": {"status": STATUS}, "phong_ban": {"department": TEXT},
            "noi_dung": {"note": TEXT},
        },
        "supplement": {},  # its steps are the requests
    },
    "sftp_register": {
        "record": {
            "Mã hồ sơ": {"code": CODE}, "Mã TTHC": {"procedure_code": PROCEDURE},
            "Hình thức nộp": {"channel": CHANNEL_WORDS}, "Trạng thái": {"status": STATUS_WORDS},
            "Ngày nộp": {"submitted_at": "TIME"}, "Ngày tiếp nhận": {"received_at": "TIME"},
            "Ngày hẹn trả": {"due_given_at": "TIME"}, "Ngày hoàn thành": {"finished_given_at": "TIME"},
            "Ngày trả kết quả": {"returned_at": "TIME"}, "Họ tên người nộp": {"name": TEXT},
            "Số giấy tờ": {"identity_number": TEXT}, "Địa chỉ": {"address": TEXT}, "Số điện thoại": {"phone": TEXT},
            "_đơn vị": {"agency_code": AGENCY}, "_tải lên lúc": {"source_changed_at": "TIME"},
        },
        "step": {},  # worked out from the dates
        "supplement": {},
    },
}  # fmt: skip
ALL = [
    (platform, level, key, column)
    for platform, levels in FIELDS.items()
    for level, keys in levels.items()
    for key, targets in keys.items()
    for column in targets
]


@pytest.mark.parametrize(("platform", "level", "key", "column"), ALL, ids=lambda part: part)
def test_value_becomes(registry: Registry, platform: str, level: str, key: str, column: str) -> None:
    cases = FIELDS[platform][level][key][column]
    cases = TIMES[platform] if isinstance(cases, str) else cases
    some = [place(key, given) for given, _ in cases]
    if level == "record":
        frame = map_all(platform, some, registry).dossiers
    elif level == "step":
        frame = map_all(platform, [{STEPS[platform]: some}], registry).steps
    else:
        frame = map_all(platform, [{SUPPLEMENTS[platform]: some}], registry).supplements
    found = list(zip([given for given, _ in cases], values(frame[column]), strict=True))
    assert found == cases


@pytest.mark.parametrize("platform", FIELDS)
def test_every_field_of_the_spec_stands_in_the_table(platform: str) -> None:
    spec = SPECS[platform]
    levels = {"record": spec.record, "step": spec.step, "supplement": spec.supplement}
    mapped = [(platform, level, field.path, field.column) for level, fields in levels.items() for field in fields]
    assert sorted(mapped) == sorted(one for one in ALL if one[0] == platform)


@pytest.mark.parametrize("platform", FIELDS)
def test_missing_key_is_like_null(registry: Registry, platform: str) -> None:
    lists = filter(None, [STEPS.get(platform), SUPPLEMENTS.get(platform)])
    keys = chain(FIELDS[platform]["record"], lists)
    nulls = {key.partition(".")[0]: None for key in keys}
    frame = map_all(platform, [{}, nulls], registry).dossiers.drop(columns=["page_row", "content_sha256"])
    missing, null = frame.to_dict("records")
    assert str(missing) == str(null)


def test_one_records_odd_code_does_not_change_its_neighbours(registry: Registry) -> None:
    given = [True, 1, "1", 1.0, 10, "10", False, 0]
    for some in (given, given[::-1]):
        statuses = values(map_all("igate", [{"TrangThai": value} for value in some], registry).dossiers["status"])
        assert dict(zip(map(repr, some), statuses, strict=True)) == {
            "True": -1, "1": 1, "'1'": 1, "1.0": -1, "10": 10, "'10'": 10, "False": -1, "0": -1,
        }  # fmt: skip
