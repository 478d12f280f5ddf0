"""What officials read: a sentence for every rule, a name for every fact, a reason for every failed reading.

The sentences of rules and the names of facts are tables beside this module, for whoever knows the field and no Python.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from motcua.domain.codes import short_procedure

log = logging.getLogger(__name__)

# Of a field that is a source's own word, and of a whole row or source.
OTHER_FIELD, NO_FIELD = "Trường riêng của phần mềm", "Cả dòng"
OWNERS = {"office": "Đơn vị", "motcua": "Thành phố"}
SERVICES = {"DongBoHoSoMC": "Đồng bộ hồ sơ", "CapNhatTienDoHoSoMC": "Cập nhật tiến độ"}
STATES = {
    "ok": "Đọc được",
    "down": "Không đọc được; đang dùng số liệu của lần đọc trước",
    "held": "Số liệu thay đổi bất thường, đang chờ thành phố xác nhận; đang dùng số liệu trước đó",
    "never": "Chưa đọc được lần nào",
}
# Class of a failed reading, as in the ledger, → what its office can do.
FAILURES = {
    "AUTH": "Tài khoản kết nối bị từ chối: kiểm tra tài khoản đã cấp cho thành phố.",
    "BAD_ROWS": "Gần như toàn bộ hồ sơ của lần đọc bị từ chối: sửa lỗi chung nêu trong báo cáo này.",
    "CAP": "Danh sách bị cắt ở một số dòng cố định: báo đơn vị cung cấp phần mềm.",
    "CHANGED_WHILE_READING": "Danh sách thay đổi liên tục trong khi đọc: hệ thống sẽ tự đọc lại.",
    "CONFIG": "Thành phố chưa cấu hình xong kết nối: đơn vị không phải làm gì.",
    "FILE_LIMIT": "Tệp lớn bất thường: kiểm tra lại tệp đã gửi.",
    "HOST_KEY": "Khóa của máy chủ đã đổi: báo bộ phận dữ liệu của thành phố khóa mới.",
    "LIMIT": "Câu trả lời vượt giới hạn đã thống nhất: báo đơn vị cung cấp phần mềm.",
    "PROTOCOL": "Máy chủ trả lời không đúng tài liệu kết nối: báo đơn vị cung cấp phần mềm.",
    "RATE_LIMIT": "Máy chủ giới hạn số lần hỏi: hệ thống sẽ tự đọc lại.",
    "TIMEOUT": "Máy chủ trả lời quá chậm: kiểm tra máy chủ và đường truyền.",
    "UNAVAILABLE": "Không kết nối được với máy chủ: kiểm tra máy chủ và đường truyền.",
    "UNFINISHED": "Tệp hoặc danh sách chưa trọn vẹn: gửi lại tệp, hoặc kiểm tra máy chủ.",
}
OTHER_FAILURE = "Chưa rõ nguyên nhân: bộ phận dữ liệu của thành phố đang xem."


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a broken rule means to an office: its title, what was expected, what to do."""

    title: str
    expected: str
    to_do: str


@cache
def sentences() -> Mapping[str, Sentence]:
    """By code of the rule, in the order of `rules.csv`."""
    return {row["rule"]: Sentence(row["title"], row["expected"], row["to_do"]) for row in _rows("rules.csv")}


# A viewer of the page may ask for any rule: the cache is bounded, and the log gets one short line of what was asked.
@lru_cache(maxsize=1000)
def sentence(rule: str) -> Sentence:
    """Of one rule; one that `rules.csv` does not have, such as of an older version, is ours to look at."""
    found = sentences().get(rule)
    if found is None:
        log.warning("rule %.60r has no sentence: add it to office_reports/rules.csv", rule)
        return Sentence(
            f"Quy tắc {rule}", "Chưa có lời giải thích cho quy tắc này.", "Bộ phận dữ liệu của thành phố sẽ liên hệ."
        )
    return found


@cache
def fields() -> Mapping[str, str]:
    """Names of facts by canonical column."""
    return {row["field"]: row["name"] for row in _rows("fields.csv")}


def field_name(field: str) -> str:
    """A fact's name; a source's own word for a field is never repeated, since nobody knows what it says."""
    if not field:
        return NO_FIELD
    if short_procedure(field) is not None:
        return f"Thủ tục {field}"
    of_step = field.removeprefix("steps.")
    if field not in fields() and of_step in fields():
        return f"Bước xử lý: {fields()[of_step]}"
    return fields().get(field, OTHER_FIELD)


def failure(kind: object) -> str:
    """What can be done about a failed reading of that class; null where none is known."""
    return FAILURES.get(str(kind), OTHER_FAILURE)


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
