"""What people did: `audit` shows who did what, when, where and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table

ACTIONS = {
    "sync": "đọc lại nguồn", "replay_quarantine": "xét lại hồ sơ bị từ chối", "accept_hold": "chấp nhận tạm giữ",
    "reject_hold": "từ chối tạm giữ", "retry_delivery": "gửi lại cổng", "drop_delivery": "thôi gửi cổng",
    "erase": "xóa hồ sơ khỏi kho lưu", "take_down": "gỡ khỏi dữ liệu công bố", "accept_figures": "chấp nhận số liệu",
    "resume_subscriber": "báo lại bên đăng ký", "revoke_report": "thu hồi liên kết báo cáo",
    "change_schedule": "đổi lịch", "pause": "tạm dừng đọc", "resume": "tiếp tục đọc",
    "prune": "dọn kho lưu", "rotate_key": "đổi khóa",
    "confirm_codes": "xác nhận cặp mã thủ tục", "reject_codes": "từ chối cặp mã thủ tục",
    "accept_catalogue": "chấp nhận danh mục",
}  # fmt: skip
PLACES = {"cli": "dòng lệnh", "airflow": "Airflow"}

app = typer.Typer()


@app.command()
def audit(
    *,
    source: Annotated[str | None, typer.Option("--source", metavar="ID", help="Only what was done to it.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Only what this person did.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=surroundings.moment, metavar="TIME", help="From this moment on, with its zone."),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="So many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what people did, who, when and why."""
    from motcua.steps.audit import audit as trail

    found = trail(settings=surroundings.settings(), source=source, by=by, since=since, most=most)
    if as_json:
        print_json(found)
        return
    print_table(("Lúc", "Ai", "Qua", "Việc", "Đối tượng", "Lý do"), (_row(one) for one in found))
    out.print(f"{len(found)} việc")


# Any: a row of api.audit
def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        city_time(one["at"]), escape(one["who"]), PLACES.get(one["via"], one["via"] or "–"),
        ACTIONS.get(one["action"], one["action"]), escape(one["subject"]), escape(one["reason"] or "–"),
    )  # fmt: skip
