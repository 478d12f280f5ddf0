"""The summary as people read it: Vietnamese, one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from motcua.domain.progress import PROGRESS_NAMES


# Any: the figures are JSON, shaped as the contract page `interfaces` says
def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Lines of rich markup."""
    sources, delivery, feed = figures["sources"], figures["delivery"], figures["feed"]
    yield (
        f"[bold]Chu kỳ tính đến {figures['as_of']}[/] · {_decimal(figures['seconds'])} giây · "
        f"đỉnh bộ nhớ {figures['peak_memory_mb']} MB"
    )
    yield (
        f"  Nguồn        {sources['ok']}/{sources['total']} đọc được · {sources['down']} không đọc được · "
        f"{sources['held']} tạm giữ"
    )
    yield (
        f"  Hồ sơ        {_number(figures['received'])} tiếp nhận · {_number(figures['online'])} trực tuyến · "
        f"{_number(figures['accepted'])} hợp lệ · {_number(sum(figures['quarantined'].values()))} cách ly"
    )
    for rule, count in sorted(figures["quarantined"].items(), key=lambda item: -item[1]):
        yield f"    [dim]{rule:<28}[/] {_number(count):>8}"
    yield "  Tiến độ"
    for name, label in PROGRESS_NAMES.items():
        if count := figures["progress"].get(name):
            yield f"    {label:<28} {_number(count):>8}"
    yield f"  Phiên bản    {_number(figures['versions_new'])} mới"
    yield (
        f"  Cổng DVCQG   {_number(delivery['accepted'])} đã nhận · {_number(delivery['queued'])} chờ · "
        f"{_number(delivery['rejected'])} bị từ chối · {_number(delivery['unknown'])} chưa rõ"
    )
    yield (
        f"  Dữ liệu mở   phiên bản {feed['seq']} · {_number(feed['rows'])} hồ sơ · {_number(feed['changed'])} thay đổi"
    )
    for stage in figures["stages"]:
        yield (
            f"    [dim]{stage['name']:<14} {_decimal(stage['seconds']):>7} s {_number(stage['rows']):>9} dòng "
            f"{stage['peak_memory_mb']:>6} MB[/]"
        )


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")
