"""Every kind of trouble that people are told of: how grave, from when on, what to do. Each has its runbook heading.

`alerts.yaml` of the registry changes the figures for a city; names and words stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# Where a person reads on: a heading each.
RUNBOOK = "docs/operating.md"


class Severity(StrEnum):
    """How grave: `notice` is kept and told to nobody, unless `alerts.yaml` says so."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Greater is graver."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of trouble.

    Attributes:
        name: in tables and as the heading of the runbook.
        severity: as it opens.
        title: what it is, in Vietnamese, for people.
        to_do: the first thing to do, in Vietnamese.
        limit: how long something may last until it is a trouble; None where something else decides.
        critical_after: how long until it is critical; None: never by itself.
        opens_after: how long it must be seen on end before anybody is told.
        closes_after: how long it must not be seen before it counts as over: what comes and goes is one incident.
    """

    name: str
    severity: Severity
    title: str
    to_do: str
    limit: timedelta | None = None
    critical_after: timedelta | None = None
    opens_after: timedelta = timedelta(0)
    # two readings in working hours, and a good one more
    closes_after: timedelta = timedelta(minutes=30)

    @property
    def anchor(self) -> str:
        """Its heading in the runbook."""
        return f"{RUNBOOK}#{self.name}"


_HOUR = timedelta(hours=1)
_AT_ONCE = timedelta(0)

# In the order in which a message has them: what explains the others comes first.
_ALL = (
    Kind(
        # two readings, as of a source: what is late then is not one office
        name="nothing_runs", severity=Severity.CRITICAL, limit=timedelta(minutes=30), closes_after=_AT_ONCE,
        title="Không có lần thu thập nào chạy",
        to_do="Mở Airflow: DAG collect_dossiers có bị tạm dừng không, scheduler còn chạy không",
    ),
    Kind(
        name="run_late", severity=Severity.CRITICAL, limit=_HOUR, closes_after=_AT_ONCE,
        title="Lần chạy quá hạn chưa xong",
        to_do="Mở lần chạy trong Airflow, xem tác vụ nào đang chạy và nhật ký của nó",
    ),
    Kind(
        name="run_failed", severity=Severity.CRITICAL, closes_after=_AT_ONCE,
        title="Một bước bị lỗi của hệ thống",
        to_do="Mở tác vụ màu đỏ trong Airflow, làm theo câu đi cùng “Task failed with exception”",
    ),
    Kind(
        name="publication_refused", severity=Severity.CRITICAL, closes_after=_AT_ONCE,
        title="Phiên bản mới bị chặn, bản công bố cũ còn giữ nguyên",
        to_do="Mở tác vụ publish của publish_progress: nhật ký nêu điều kiện và con số; sửa nguyên nhân rồi chạy lại",
    ),
    Kind(
        name="feed_stale", severity=Severity.CRITICAL, limit=_HOUR, closes_after=_AT_ONCE,
        title="Số liệu công bố không theo kịp kho dữ liệu",
        to_do="Mở publish_progress trong Airflow: DAG có bị tạm dừng không, lần chạy gần nhất dừng ở đâu",
    ),
    Kind(
        name="disk_low", severity=Severity.CRITICAL, closes_after=_HOUR,
        title="Sắp hết dung lượng đĩa",
        to_do="Xem thư mục nào lớn nhất; chạy maintain, hoặc thêm đĩa; không tự tay xóa trang lưu trữ",
    ),
    Kind(
        name="platform_down", severity=Severity.CRITICAL,
        title="Hơn 30 % số nguồn của một nền tảng không đọc được",
        to_do="Kiểm tra mạng và kết nối của thành phố trước, rồi mới gọi nhà cung cấp nền tảng",
    ),
    Kind(
        name="source_down", severity=Severity.WARNING, critical_after=8 * _HOUR,
        title="Nguồn không đọc được",
        to_do="Chạy “motcua sources check” với mã nguồn; gọi đơn vị theo loại lỗi",
    ),
    Kind(
        name="source_late", severity=Severity.WARNING, critical_after=8 * _HOUR,
        title="Nguồn chưa được đọc theo lịch",
        to_do="Xem lịch và cửa sổ cho phép của nguồn; xem lần thu thập gần nhất có bỏ qua nguồn không",
    ),
    Kind(
        name="hold_waiting", severity=Severity.WARNING, critical_after=16 * _HOUR, closes_after=_AT_ONCE,
        title="Thay đổi hàng loạt đang chờ quyết định",
        to_do="Xem “motcua holds”, gọi đơn vị, rồi chấp nhận hoặc từ chối kèm lý do",
    ),
    Kind(
        name="many_refused", severity=Severity.WARNING,
        title="Nguồn có nhiều hồ sơ bị từ chối",
        to_do="Xem “motcua quarantine” của nguồn: thường là một lỗi chung, sửa một lần cho tất cả",
    ),
    Kind(
        name="portal_unreachable", severity=Severity.WARNING, opens_after=timedelta(minutes=15),
        title="Cổng Dịch vụ công quốc gia không trả lời",
        to_do="Xem “motcua outbox”; hồ sơ vẫn xếp hàng và tự gửi lại; báo đơn vị vận hành Cổng nếu kéo dài",
    ),
    Kind(
        name="portal_doubted", severity=Severity.CRITICAL,
        title="Cổng Dịch vụ công quốc gia từ chối quá nhiều, đã dừng gửi",
        to_do="Xem “motcua outbox”: lý do từ chối; hợp đồng dữ liệu có thay đổi không; chưa hồ sơ nào bị bỏ",
    ),
    Kind(
        name="outbox_old", severity=Severity.WARNING, limit=4 * _HOUR, critical_after=24 * _HOUR,
        title="Hồ sơ chờ gửi lên Cổng quá lâu",
        to_do="Xem “motcua outbox”: cái gì chờ và vì sao; drain_government có chạy không",
    ),
    Kind(
        name="reconcile_differs", severity=Severity.WARNING, closes_after=_AT_ONCE,
        title="Đối chiếu với Cổng vẫn còn khác sau khi đã gửi lại",
        to_do="Xem lỗi portal_differs của từng hồ sơ trong api.issue; không gửi bằng tay",
    ),
    Kind(
        name="subscriber_lost", severity=Severity.WARNING, closes_after=_AT_ONCE,
        title="Một nơi nhận thông báo công bố không còn nhận",
        to_do="Xem “motcua feed subscribers”, gọi bên nhận, rồi “motcua feed resume”",
    ),
    Kind(
        name="message_unsent", severity=Severity.WARNING, opens_after=timedelta(minutes=15), closes_after=_AT_ONCE,
        title="Không gửi được tin cảnh báo qua một kênh",
        to_do="Kiểm tra kết nối motcua_alerts_… của kênh trong Airflow; tin sẽ tự gửi ở lần chạy sau",
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
