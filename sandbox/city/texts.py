"""What people and officials write, made from a dossier's random bits; every person in it is invented."""

from __future__ import annotations

import unicodedata

from sandbox.city.faults import Oddity

SURNAMES = ("Nguyễn", "Trần", "Phạm", "Lê", "Vũ", "Hoàng", "Bùi", "Đỗ", "Đặng", "Ngô", "Đào", "Lương", "Phan", "Hồ",
            "Dương", "Lý", "Đoàn", "Trịnh", "Mai", "Tô", "Cao", "Khúc")  # fmt: skip
MIDDLE = ("Văn", "Thị", "Đức", "Minh", "Thanh", "Quốc", "Hữu", "Ngọc", "Thu", "Xuân", "Bảo", "Công", "Hải", "Khánh",
          "Thuỳ", "Thị Thu")  # fmt: skip
GIVEN = ("An", "Bình", "Chi", "Cường", "Dũng", "Đạt", "Giang", "Hà", "Hạnh", "Hiếu", "Hoà", "Hòa", "Hùng", "Hương",
         "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Oanh", "Phúc", "Phương", "Quỳnh", "Sơn", "Tâm", "Thảo",
         "Thuỷ", "Thủy", "Trang", "Trường", "Tuấn", "Vượng", "Yến", "Mỹ")  # fmt: skip
STREETS = ("Lạch Tray", "Cầu Đất", "Hai Bà Trưng", "Tô Hiệu", "Điện Biên Phủ", "Trần Nguyên Hãn", "Văn Cao", "Lê Lợi",
           "Đà Nẵng", "Nguyễn Đức Cảnh", "Tôn Đức Thắng", "Trường Chinh", "Phan Đăng Lưu", "Ngô Gia Tự")  # fmt: skip
COMPANIES = ("Công ty TNHH", "Công ty Cổ phần", "Doanh nghiệp tư nhân")
STEP_NOTES = {
    1: ("Nộp hồ sơ trực tuyến", "Đăng ký hồ sơ"),
    2: ("Tiếp nhận hồ sơ", "Tiếp nhận hồ sơ, hẹn trả kết quả"),
    3: ("Hồ sơ không thuộc thẩm quyền giải quyết", "Không tiếp nhận: hồ sơ chưa đủ thành phần"),
    4: ("Chuyển phòng chuyên môn thụ lý", "Thẩm định hồ sơ", "Trình lãnh đạo xem xét", "Thụ lý hồ sơ"),
    5: ("Yêu cầu bổ sung giấy tờ",),
    6: ("Thông báo nộp phí, lệ phí",),
    7: ("Công dân xin rút hồ sơ",),
    8: ("Dừng xử lý",),
    9: ("Ký duyệt kết quả", "Đã xử lý xong, chuyển bộ phận một cửa"),
    10: ("Trả kết quả cho công dân",),
}
SUPPLEMENT_NOTES = ("Bổ sung bản sao có chứng thực", "Bổ sung giấy tờ tuỳ thân còn hạn", "Bổ sung tờ khai theo mẫu",
                    "Bổ sung sơ đồ thửa đất")  # fmt: skip
DESK, LEADERS = "Bộ phận Một cửa", "Lãnh đạo"
OFFICES = {
    "cap_tinh": ("Phòng chuyên môn", "Văn thư"),
    "cap_huyen": (
        "Phòng Tư pháp",
        "Phòng Tài nguyên và Môi trường",
        "Phòng Quản lý đô thị",
        "Phòng Tài chính - Kế hoạch",
    ),
    "cap_xa": ("Công chức Tư pháp - Hộ tịch", "Công chức Địa chính - Xây dựng"),
}
TITLES = {DESK: "Chuyên viên", LEADERS: "Lãnh đạo đơn vị"}


def person(bits: int) -> str:
    """A full name."""
    return f"{SURNAMES[bits % 22]} {MIDDLE[bits // 22 % 16]} {GIVEN[bits // 352 % 36]}"


def applicant(bits: int, kind: int) -> str:
    """A person, or an organisation named after one."""
    name = person(bits)
    if kind == 0:
        return name
    if kind == 2:
        return f"Hộ kinh doanh {name}"
    return f"{COMPANIES[bits // 40_000 % 3]} {name}" if kind == 1 else f"Ban quản lý {name.rsplit(' ', 1)[1]}"


def identity(bits: int) -> tuple[int, str]:
    """Kind (1 CCCD of 12 digits, 2 CMND of 9) and number."""
    digits = bits // 7 % 10**12
    return (1, f"0{digits % 10**11:011d}") if bits % 10 < 4 else (2, f"{digits % 10**9:09d}")


def phone(bits: int) -> str:
    """A mobile number."""
    return f"09{bits // 11 % 10**8:08d}"


def email(bits: int) -> str:
    """An address that reaches nobody."""
    return f"cd{bits // 13 % 10**6}@example.vn"


def address(bits: int, unit_name: str) -> str:
    """A house in the office's unit."""
    return f"Số {bits // 17 % 400 + 1} {STREETS[bits // 19 % 14]}, {unit_name.removeprefix('UBND ')}"


def summary(procedure_name: str, name: str) -> str:
    """What the dossier is about."""
    return f"{procedure_name[:160]} của {name}"


def step_words(status: int, number: int, bits: int, level: str) -> tuple[str, str, str, str]:
    """Official, title, department and note of a step."""
    notes = STEP_NOTES[status]
    if status in (1, 2, 3, 10):
        department = DESK
    elif status == 9:
        department = LEADERS
    else:
        department = OFFICES[level][(bits >> 5) % len(OFFICES[level])]
    official = f"Cán bộ {GIVEN[(bits >> (number * 3)) % 36]}"
    note = notes[(number - 1) % 4] if status == 4 else notes[(bits >> number) % len(notes)]
    return official, TITLES.get(department, "Chuyên viên"), department, note


def odd_text(text: str, oddities: int) -> str:
    """The same text as careless systems store it; all of it is harmless."""
    if oddities & Oddity.MARKUP:
        text = f"<p><b>{text}</b></p>"
    if oddities & Oddity.SPACES:
        text = f"  {text} "
    if oddities & Oddity.DECOMPOSED:
        text = unicodedata.normalize("NFD", text)
    return text
