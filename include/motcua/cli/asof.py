"""As known at: `asof` says what was published about a dossier at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.terminal import AsJson, city_time, out, print_json
from motcua.domain.progress import PROGRESS_NAMES
from motcua.domain.status import STATUS_NAMES

STATES = {
    "none_yet": "chưa công bố phiên bản nào",
    "not_published": "không có trong dữ liệu công bố lúc đó",
    "sensitive": "không bao giờ công bố: thủ tục nhạy cảm",
    "withheld": "đã gỡ khỏi dữ liệu công bố",
    "removed": "phiên bản lúc đó đã bị gỡ",
}
TOLD_BY = {"feed": "theo tệp của phiên bản", "warehouse": "tệp không còn: dựng lại từ lịch sử trong kho"}

app = typer.Typer()


@app.command()
def asof(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A dossier's code.")],
    moment: Annotated[
        datetime,
        typer.Argument(metavar="TIME", parser=surroundings.moment, help="With its zone: 2018-12-25T17:00+07:00."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """What was published about a dossier at a moment."""
    from motcua.steps.asof import as_known_at

    told = as_known_at(settings=surroundings.settings(), code=code.strip().upper(), moment=moment)
    if as_json:
        print_json(told)
        return
    version = f"phiên bản {told['seq']}, tính đến {city_time(told['as_of'])}" if told["seq"] else STATES["none_yet"]
    out.print(f"[bold]{escape(told['code'])}[/] · {version}", soft_wrap=True)
    if told["row"] is None:
        out.print(f"  {STATES[told['state']]}", soft_wrap=True)
        return
    row = told["row"]
    out.print(f"  {PROGRESS_NAMES[row['progress']]} · {STATUS_NAMES[row['status']]} · {TOLD_BY[told['told_by']]}")
    for name, value in row.items():
        if value is not None and name not in {"code", "progress", "status"}:
            out.print(f"  {name}: {escape(str(value))}", soft_wrap=True)
