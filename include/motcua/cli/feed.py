"""The city feed and those who follow it: `feed verify|takedown|rotate|new-key|notify|subscribers|resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Reason
from motcua.cli.terminal import DONE, OUR_FAILURE, AsJson, city_time, out, print_json, print_table

if TYPE_CHECKING:
    from motcua.publishing.feed_check import Finding

STATES = {
    None: "chưa gửi", "queued": "chờ gửi lại", "sent": "đang gửi", "accepted": "đã nhận", "rejected": "đã ngừng nhận",
    "unknown": "chưa rõ, gửi lại", "given_up": "đã thôi gửi", "superseded": "có bản mới hơn",
}  # fmt: skip

app = typer.Typer(no_args_is_help=True, help="Check the city feed as a consumer would, and tell those who follow it.")


@app.command()
def verify(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Root of a feed: https://…/v1/, a folder, or any fsspec URL.")
    ],
    *,
    pin: Annotated[
        str | None, typer.Option("--pin", metavar="KID", help="Thumbprint of a key that must be published.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=0, help="Only versions of so many days.")] = None,
    every_lookup: Annotated[bool, typer.Option("--every-lookup", help="All look-up files, not 64 of them.")] = False,
    at: Annotated[
        datetime | None,
        typer.Option("--at", parser=surroundings.moment, metavar="TIME", help="Not expired by then; now, when absent."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a whole feed as a consumer would: exit status 1 where anything is wrong."""
    from motcua.publishing import feed_check

    wanted = feed_check.Wanted(
        at=at or surroundings.now(), pin=pin, days=days, shards=None if every_lookup else feed_check.SHARDS
    )
    findings = []
    for finding in feed_check.verify(url if "://" in url else Path(url).absolute().as_uri(), wanted):
        findings.append(finding)
        if not as_json:
            _show(finding)
    wrong = sum(not finding.holds for finding in findings)
    if as_json:
        print_json([asdict(finding) | {"holds": finding.holds} for finding in findings])
    else:
        out.print(f"{len(findings) - wrong} trong {len(findings)} mục đạt", soft_wrap=True)
    raise typer.Exit(OUR_FAILURE if wrong else DONE)


@app.command()
def takedown(
    codes: Annotated[list[str], typer.Argument(metavar="CODE", help="Codes of dossiers.")],
    *,
    reason: Reason,
    as_of: AsOf = None,
) -> None:
    """Take dossiers out of the feed, for good: every version that shows them is removed. The reason is published."""
    from motcua import steps

    settings, now = surroundings.settings(), surroundings.now()
    told = steps.take_down(
        settings=settings,
        connections=surroundings.connections(settings),
        codes=[code.strip().upper() for code in codes],
        reason=reason,
        by=surroundings.user(),
        as_of=as_of or now,
        published_at=now,
    )
    removed = ", ".join(map(str, told["removed"])) or "không có"
    out.print(f"đã gỡ {len(codes)} hồ sơ; phiên bản bị xóa: {removed}; phiên bản mới {told['seq']}", soft_wrap=True)


@app.command()
def rotate(*, reason: Reason) -> None:
    """Let the next key take over: HOME/secrets/feed.keys. With the connection motcua_feed: its fields, and new-key."""
    from motcua.steps.keys import rotate_feed_key

    settings = surroundings.settings()
    current, following = rotate_feed_key(
        settings=settings, connections=surroundings.connections(settings), by=surroundings.user(), reason=reason
    )
    out.print(f"khóa ký từ lần công bố tới: {current}; khóa kế tiếp: {following}", soft_wrap=True)


@app.command(name="new-key")
def print_new_key() -> None:
    """Print a new secret key for connection motcua_feed: its password, or `next` in its extra."""
    from motcua.key_files import new_key

    out.print(new_key(), soft_wrap=True)


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


def _show(finding: Finding) -> None:
    detail = f" · {escape(finding.detail)}" if finding.holds and finding.detail else ""
    out.print(f"{'[green]✓[/]' if finding.holds else '[red]✗[/]'} {finding.check}{detail}", soft_wrap=True)
    for problem in finding.problems:
        out.print(f"    {escape(problem)}", soft_wrap=True)


# Any: an entry of steps.subscribers
def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    waits = one["state"] in ("queued", "unknown")
    return (
        one["id"], escape(one["name"]), str(one["seq"] or "–"), STATES[one["state"]], str(one["attempts"] or 0),
        str(one["answer_status"] or one["reason"] or "–"), city_time(one["sent_at"]) if one["sent_at"] else "–",
        city_time(one["due_at"]) if waits else "–",
    )  # fmt: skip
