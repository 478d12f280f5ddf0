"""Reports to the offices: `reports build|links|revoke|mail`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Reason
from motcua.cli.terminal import AsJson, out, print_json, print_table

app = typer.Typer(help="Tell every office what is wrong with its data, behind a link of its own.", no_args_is_help=True)


@app.command()
def build(
    *,
    agency: Annotated[
        list[str] | None, typer.Option("--agency", metavar="CODE", help="Only this agency; repeat for more.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Write the reports, and remove those behind links that are no longer in force."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.build_reports(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        agencies=agency or [],
    )  # fmt: skip
    if as_json:
        print_json(done)
        return
    out.print(
        f"{done['reports']} báo cáo, {done['changed']} thay đổi, {done['removed']} đã gỡ: {done['refused']} hồ sơ "
        f"bị từ chối, {done['warnings']} cảnh báo",
        soft_wrap=True,
    )


@app.command(name="links")
def listed(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Every office with its link; a link is a secret: hand each to its office alone."""
    from motcua import steps

    settings = surroundings.settings()
    found = steps.report_links(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now()
    )
    if as_json:
        print_json(found)
        return
    print_table(
        ("Mã cơ quan", "Đơn vị", "Liên kết"),
        ((str(one["agency_code"]), escape(str(one["name"])), escape(str(one["link"]))) for one in found),
    )


@app.command()
def revoke(
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's code, in either spelling.")],
    *,
    reason: Reason,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Make an office's link worthless at once, and give it a new one."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.revoke_report(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        agency=agency, reason=reason, by=surroundings.user(),
    )  # fmt: skip
    if as_json:
        print_json(done)
        return
    out.print(f"liên kết cũ của {done['agency_code']} đã bị xóa; liên kết mới: {done['link']}", soft_wrap=True)


@app.command()
def mail(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Send the day's digest to those whom the connection motcua_smtp names, unless it has been sent."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.mail_digest(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now()
    )
    if as_json:
        print_json(done)
        return
    out.print(_OUTCOMES[str(done["state"])].format_map(done), soft_wrap=True)


_OUTCOMES = {
    "off": "không gửi: chưa có kết nối motcua_smtp",
    "already": "thư của ngày này đã gửi, không gửi lại",
    "sent": "đã gửi tới {recipients} địa chỉ, {refused} địa chỉ bị máy chủ thư từ chối",
    "unknown": "máy chủ thư không trả lời câu cuối: thư có thể đã đi, không gửi lại",
}
