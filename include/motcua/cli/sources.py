"""Sources of the registry: `sources` lists them, `sources check` tries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import DONE, SOME_DOWN, AsJson, out, print_json, print_table

if TYPE_CHECKING:
    from motcua.steps.check_sources import SourceCheck

# By class of what is wrong (`SourceCheck.kind`); the message beside it is technical, and in English.
ADVICE = {
    "AUTH": "Hỏi đơn vị tên đăng nhập và mật khẩu, rồi sửa kết nối",
    "CAP": "Hệ thống trả về không đủ danh sách: hỏi đơn vị cách lấy phần còn lại",
    "CHANGED_WHILE_READING": "Danh sách thay đổi trong lúc đọc: thử lại sau ít phút",
    "CONFIG": "Sửa sổ đăng ký hoặc kết nối như thông báo bên dưới",
    "EMPTY": "Hỏi đơn vị: tài khoản có được xem hồ sơ của đơn vị này không, mã đơn vị có đúng không",
    "FILE_LIMIT": "Tệp quá lớn hoặc không phải sổ theo dõi: hỏi đơn vị đó là tệp gì",
    "HOST_KEY": "Khóa máy chủ đã đổi: gọi điện hỏi đơn vị; chỉ sửa host_key khi họ xác nhận",
    "LIMIT": "Câu trả lời quá lớn hoặc không có điểm kết thúc: gọi đơn vị",
    "MAPPING": "Dữ liệu không đúng mẫu của nền tảng: xem đơn vị, bảng mã, tên cột; rồi hỏi đơn vị",
    "OURS": "Lỗi của motcua: báo cho người phụ trách",
    "PROTOCOL": "Trả lời không đúng giao thức (trang đăng nhập? phiên bản khác?): gọi đơn vị",
    "RATE_LIMIT": "Hệ thống yêu cầu đọc chậm lại: giảm rate_per_second của nguồn",
    "READER": "Bộ đọc tệp bị dừng từ bên ngoài: thử lại; nếu lặp lại, báo cho người phụ trách",
    "TIMEOUT": "Không trả lời kịp: kiểm tra mạng, tường lửa; hỏi đơn vị hệ thống có hoạt động không",
    "UNAVAILABLE": "Không kết nối được: kiểm tra địa chỉ, mạng, tường lửa, chứng thư",
    "UNFINISHED": "Tệp chưa tải lên xong: thử lại sau ít phút; nếu vẫn vậy, nhờ đơn vị tải lên lại",
}
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "–"}

app = typer.Typer(invoke_without_command=True)


@app.callback()
def listed(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the sources of the registry, after checking it whole."""
    if context.invoked_subcommand is not None:
        return
    from motcua.registry import load_registry

    registry = load_registry(surroundings.settings(database=False).registry)
    if as_json:
        out.print_json(
            data=[
                {"id": s.id, "group": s.group, "platform": s.platform, "units": list(s.units)}
                for s in registry.sources.values()
            ]
        )
        return
    print_table(
        ("Nguồn", "Nhóm", "Nền tảng", "Đơn vị"),
        ((s.id, s.group, s.platform, ", ".join(s.units)) for s in registry.sources.values()),
    )
    out.print(f"{len(registry.sources)} nguồn trong {len(registry.groups)} nhóm")


@app.command(epilog="Exit status: 0 every source is green · 2 wrong usage or configuration · 3 some are red")
def check(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Only these; all in force, when absent.")
    ] = None,
    *,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Try sources and keep nothing: reached, logged in, a page read and mapped, its completeness proven."""
    from motcua.steps.check_sources import check_sources

    settings = surroundings.settings(database=False)
    found = check_sources(
        settings=settings,
        connections=surroundings.connections(settings),
        sources=sources or [],
        as_of=as_of or surroundings.now(),
    )
    if as_json:
        print_json([asdict(one) | {"green": one.is_green} for one in found])
    else:
        _show(found)
    raise typer.Exit(DONE if all(one.is_green for one in found) else SOME_DOWN)


def _show(found: Sequence[SourceCheck]) -> None:
    print_table(
        ("Nguồn", "Nền tảng", "Kết nối", "Đăng nhập", "Đọc được", "Trọn vẹn"),
        (
            (
                one.source_id,
                one.platform,
                *(MARKS[done] for done in (one.reached, one.logged_in, one.mapped, one.complete)),
            )
            for one in found
        ),
    )
    for one in found:
        if one.kind is not None:
            # whole lines below the table: what is to be done must not be cut by a column
            out.print(f"[red]✗ {one.source_id}[/] [bold]{ADVICE[one.kind]}[/]", soft_wrap=True)
            out.print(f"    [dim]{one.kind}: {escape(one.message or '')}[/]", soft_wrap=True)
    green = sum(one.is_green for one in found)
    out.print(f"{green}/{len(found)} nguồn sẵn sàng")
