"""Which city plays: its registry, the days of its history, how many dossiers of which kind, and who handles what.

All of it is data: the programs that play the city, and those that start it, are the same for every scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

REGISTRIES = Path(__file__).resolve().parents[1] / "scenarios"
Days = tuple[date, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One city in one year; spans are first and last day.

    Attributes:
        name: as `make run SCENARIO=…` spells it.
        registry: its own files of the registry, None for none; what it lacks is the packaged registry's.
        as_of: where the city's clock stands at first; what is received by then is what the city reports.
        reported: days of the receipts that the city reports.
        later: days of the receipts behind them.
        deleted: days of the receipts that are deleted before `as_of`.
        received: dossiers that a city of scale 1 reports.
        online: those of them that were submitted online.
        levels: levels of the procedures that an office handles, by its own level.
        office_weights: how many dossiers an office gets, compared with others, by kind of its unit.
        busy_departments: how much more than other departments some get, by a word of their names.
        fields: words of the fields that a department answers for, by a word of its name; a department
            without an entry takes any.
    """

    name: str
    registry: Path | None
    as_of: str
    reported: Days
    later: Days
    deleted: Days
    received: int
    online: int
    levels: Mapping[str, tuple[str, ...]]
    office_weights: Mapping[str, float]
    busy_departments: Mapping[str, float]
    fields: Mapping[str, tuple[str, ...]]


_JUSTICE = ("Lý lịch tư pháp", "Luật sư", "Công chứng", "Tư vấn pháp luật", "Quốc tịch", "Nuôi con nuôi")
_INVESTMENT = ("doanh nghiệp", "Đầu tư", "Đấu thầu")
_FINANCE = ("Thuế", "Giá", "Kinh doanh bất động sản")
_TRADE = ("Xuất nhập khẩu", "Thương mại", "Hóa chất", "Kinh doanh khí", "Xúc tiến", "hàng hóa")
_FARMING = ("Thủy sản", "Chăn nuôi", "Thú y", "Trồng trọt", "Nông nghiệp", "Đê điều")
_TRANSPORT = ("Đường bộ", "Hàng hải", "Sát hạch", "Đăng kiểm", "Đường sắt")
_BUILDING = ("xây dựng", "bất động sản", "Nhà ở", "Hạ tầng")
_ENVIRONMENT = ("Đất đai", "Môi trường", "nước", "khoáng sản", "Đo đạc", "Khí tượng", "biện pháp bảo đảm")
_PRESS = ("Báo chí", "Xuất Bản", "Quảng cáo")
_LABOUR = ("Lao động", "Việc làm", "Giáo dục nghề nghiệp", "BHXH", "Bảo trợ", "Người có công")
_CULTURE = ("Văn hóa", "Thể dục", "Di sản", "Mỹ thuật", "Điện ảnh", "Gia đình")
_TOURISM = ("Du lịch",)
_SCIENCE = ("khoa học", "Tiêu chuẩn", "Sở hữu trí tuệ", "bức xạ")
_SCHOOLS = ("Giáo dục",)
_HEALTH = ("Dược", "Khám bệnh", "Mỹ phẩm", "Phòng bệnh", "Thiết bị y tế", "An toàn thực phẩm")
_HOME_AFFAIRS = ("Công chức", "Thi đua", "Tín ngưỡng", "Tổ chức")
_FOREIGN_AFFAIRS = ("lãnh sự", "xuất nhập cảnh")

# What the city reported for 1 April to 25 December 2018: the packaged registry's three tiers.
CITY_2018 = Scenario(
    name="2018",
    registry=None,
    as_of="2018-12-25T17:00:00+07:00",
    reported=(date(2018, 4, 1), date(2018, 12, 25)),
    later=(date(2018, 12, 26), date(2019, 1, 31)),
    deleted=(date(2018, 8, 1), date(2018, 11, 15)),
    received=92_118,
    online=13_342,
    levels={"cap_tinh": ("cap_tinh",), "cap_huyen": ("cap_huyen",), "cap_xa": ("cap_xa",)},
    office_weights={"department": 14.0, "district": 16.0, "ward": 3.0, "township": 2.2, "commune": 1.4},
    busy_departments={
        "Tư pháp": 3.0,
        "Kế hoạch và Đầu tư": 3.5,
        "Giao thông": 3.0,
        "Tài nguyên": 2.5,
        "Lao động": 1.8,
    },
    fields={
        "Tư pháp": _JUSTICE,
        "Kế hoạch và Đầu tư": _INVESTMENT,
        "Tài chính": _FINANCE,
        "Công Thương": _TRADE,
        "Nông nghiệp": _FARMING,
        "Giao thông": _TRANSPORT,
        "Xây dựng": _BUILDING,
        "Tài nguyên": _ENVIRONMENT,
        "Thông tin": _PRESS,
        "Lao động": _LABOUR,
        "Văn hóa": _CULTURE,
        "Du lịch": _TOURISM,
        "Khoa học": _SCIENCE,
        "Giáo dục": _SCHOOLS,
        "Y tế": _HEALTH,
        "Nội vụ": _HOME_AFFAIRS,
        "Ngoại vụ": _FOREIGN_AFFAIRS,
    },
)

# Two tiers: communes do what districts did, departments are merged. Its size is that of 2018, so that times can be
# compared; its figures are made up.
CITY_2026 = Scenario(
    name="2026",
    registry=REGISTRIES / "2026",
    as_of="2026-10-30T17:00:00+07:00",
    reported=(date(2026, 1, 1), date(2026, 10, 30)),
    later=(date(2026, 10, 31), date(2026, 12, 11)),
    deleted=(date(2026, 6, 1), date(2026, 9, 18)),
    received=92_118,
    online=59_877,
    levels={"cap_tinh": ("cap_tinh",), "cap_xa": ("cap_xa", "cap_huyen")},
    office_weights={"department": 20.0, "ward": 10.0, "commune": 5.0, "special_zone": 2.0},
    busy_departments={"Tư pháp": 3.0, "Tài chính": 3.5, "Xây dựng": 3.0, "Môi trường": 2.5, "Nội vụ": 1.8},
    fields={
        "Tư pháp": _JUSTICE,
        "Tài chính": (*_FINANCE, *_INVESTMENT),
        "Công Thương": _TRADE,
        "Nông nghiệp và Môi trường": (*_FARMING, *_ENVIRONMENT),
        "Xây dựng": (*_BUILDING, *_TRANSPORT),
        "Văn hóa": (*_CULTURE, *_TOURISM, *_PRESS),
        "Khoa học": _SCIENCE,
        "Giáo dục": _SCHOOLS,
        "Y tế": (*_HEALTH, "Bảo trợ"),
        "Nội vụ": (*_HOME_AFFAIRS, *_LABOUR),
        "Ngoại vụ": _FOREIGN_AFFAIRS,
    },
)

SCENARIOS = {scenario.name: scenario for scenario in (CITY_2018, CITY_2026)}
