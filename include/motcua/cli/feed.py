"""The city feed and those who follow it: `feed notify|subscribers|resume`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import Reason
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table

STATES = {
    None: "chưa gửi", "queued": "chờ gửi lại", "sent": "đang gửi", "accepted": "đã nhận", "rejected": "đã ngừng nhận",
    "unknown": "chưa rõ, gửi lại", "given_up": "đã thôi gửi", "superseded": "có bản mới hơn",
}  # fmt: skip

app = typer.Typer(no_args_is_help=True, help="Check the city feed as a consumer would, and tell those who follow it.")


@app.command()
def notify(*, as_json: AsJson = False) -> None:
    """Tell the subscribers that are due which version the feed points to."""
    from motcua import steps

    settings = surroundings.settings()
    told = steps.notify(
        settings=settings, connections=surroundings.connections(settings), clock=surroundings.now
    )  # fmt: skip
    if as_json:
        print_json(told)
        return
    out.print(
        f"{told['accepted']} bên đã nhận, {told['waiting']} chờ gửi lại, {told['rejected']} ngừng nhận, "
        f"{told['given_up']} thôi gửi, {told['misconfigured']} cấu hình sai",
        soft_wrap=True,
    )


@app.command()
def subscribers(*, as_json: AsJson = False) -> None:
    """List who is told when the feed moves, and what came of it last."""
    from motcua import steps

    found = steps.subscribers(settings=surroundings.settings())
    if as_json:
        print_json(found)
        return
    print_table(
        ("Bên đăng ký", "Tên", "Phiên bản", "Tình trạng", "Số lần", "Trả lời", "Gửi lúc", "Gửi lại lúc"),
        (_row(one) for one in found),
    )
    out.print(f"{len(found)} bên đăng ký")


@app.command()
def resume(subscriber: Annotated[str, typer.Argument(metavar="ID")], *, reason: Reason) -> None:
    """Tell a subscriber again that had answered 410 Gone."""
    from motcua import steps

    steps.resume(
        settings=surroundings.settings(), subscriber=subscriber, by=surroundings.user(), reason=reason,
        at=surroundings.now(),
    )  # fmt: skip
    out.print("sẽ báo lại từ lần gửi tới")


# Any: an entry of steps.subscribers
def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    waits = one["state"] in ("queued", "unknown")
    return (
        one["id"], escape(one["name"]), str(one["seq"] or "–"), STATES[one["state"]], str(one["attempts"] or 0),
        str(one["answer_status"] or one["reason"] or "–"), city_time(one["sent_at"]) if one["sent_at"] else "–",
        city_time(one["due_at"]) if waits else "–",
    )  # fmt: skip
