"""The columns of a register (contract page `source-platforms`, section 5) and how offices spell their headings."""

from __future__ import annotations

from motcua.errors import ConfigError
from motcua.registry import Source
from motcua.sheets.header import plain
from motcua.sheets.layout import Columns

CODE = "Mã hồ sơ"
STATUS = "Trạng thái"
MOMENTS = ("Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành", "Ngày trả kết quả")
# A register that lacks one of these says something else with every row: it is refused, not read with gaps.
REQUIRED = (CODE, "Mã TTHC", *MOMENTS, "Hình thức nộp", STATUS)

# Other headings that mean the column, without what `plain` makes equal: case, accents, signs, brackets, short forms.
SPELLINGS = {
    "STT": ("Số TT", "Số thứ tự", "TT"),
    CODE: ("Mã số hồ sơ", "Số hồ sơ"),
    "Mã TTHC": ("Mã thủ tục", "Mã số TTHC", "Mã số thủ tục"),
    "Tên TTHC": ("Tên thủ tục", "Thủ tục", "TTHC"),
    "Họ tên người nộp": (
        "Họ và tên người nộp", "Tên người nộp", "Người nộp", "Người nộp hồ sơ", "Họ tên người nộp hồ sơ",
        "Họ và tên người nộp hồ sơ", "Họ tên", "Họ và tên", "Chủ hồ sơ", "Tên chủ hồ sơ", "Họ tên chủ hồ sơ",
        "Tên tổ chức, cá nhân", "Tổ chức, cá nhân",
    ),
    "Số giấy tờ": (
        "Số giấy tờ tùy thân", "Giấy tờ tùy thân", "Số CMND", "Số CCCD", "CMND", "CCCD", "CMND/CCCD", "CCCD/CMND",
        "Số CMND/CCCD", "Số CCCD/CMND", "Số định danh",
    ),
    "Địa chỉ": ("Địa chỉ người nộp", "Địa chỉ liên hệ"),
    "Số điện thoại": ("Điện thoại", "Số ĐT", "Điện thoại liên hệ", "Số điện thoại liên hệ"),
    "Cơ quan chủ trì giải quyết": ("Cơ quan chủ trì", "Cơ quan giải quyết", "Đơn vị chủ trì", "Đơn vị giải quyết"),
    "Ngày nộp": ("Ngày nộp hồ sơ",),
    "Ngày tiếp nhận": ("Ngày tiếp nhận hồ sơ", "Ngày nhận", "Ngày nhận hồ sơ"),
    "Ngày hẹn trả": (
        "Ngày hẹn trả kết quả", "Ngày hẹn trả hồ sơ", "Ngày hẹn", "Hẹn trả", "Hẹn trả kết quả", "Hạn trả",
        "Hạn trả kết quả",
    ),
    "Ngày hoàn thành": (
        "Ngày kết thúc", "Ngày kết thúc xử lý", "Ngày hoàn thành xử lý", "Ngày giải quyết xong", "Ngày có kết quả",
    ),
    "Ngày trả kết quả": ("Ngày trả", "Ngày trả hồ sơ", "Ngày trả kết quả thực tế", "Trả kết quả"),
    "Hình thức nộp": ("Hình thức", "Hình thức nộp hồ sơ", "Hình thức tiếp nhận", "Kênh", "Kênh nộp", "Kênh tiếp nhận"),
    STATUS: ("Trạng thái hồ sơ", "Trạng thái xử lý", "Tình trạng", "Tình trạng hồ sơ", "Tình trạng xử lý"),
    "Ghi chú": (),
}  # fmt: skip


def columns_of(source: Source) -> Columns:
    """What a source's header is known by; its own `columns` win over our spellings.

    Raises:
        ConfigError: its `columns` name one that the contract does not have.
    """
    if unknown := set(source.columns.values()) - SPELLINGS.keys():
        raise ConfigError(
            f"{source.id}: columns: expected headings of the contract ({', '.join(SPELLINGS)}), got {len(unknown)} "
            "others; mend its entry in the registry"
        )
    own = {plain(heading): name for heading, name in source.columns.items()}
    ours = {
        plain(spelling): name
        for name, spellings in SPELLINGS.items()
        if name not in own.values()
        for spelling in (name, *spellings)
    }
    return Columns(spellings=ours | own, required=REQUIRED, key=CODE, moments=MOMENTS)
