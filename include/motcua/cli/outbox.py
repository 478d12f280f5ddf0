"""What waits for the Government portal: `outbox` shows it, `outbox list|retry|drop|reconcile` look and decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Reason
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table
from motcua.cli.trace import DELIVERIES

SERVICES = {"DongBoHoSoMC": "Hồ sơ", "CapNhatTienDoHoSoMC": "Tiến độ"}
OPEN = ("queued", "sent", "unknown")
FOUND = {
    "looked_up": "đã tra cứu", "equal": "khớp", "missing": "cổng không còn giữ", "differing": "khác nội dung",
    "settled": "đã rõ kết quả", "repaired": "gửi lại", "reported": "đã gửi lại mà vẫn khác",
    "moved": "đang có bản mới hơn", "unanswered": "cổng không trả lời",
}  # fmt: skip

# Any: rows and JSON, shaped as `steps.outbox` says
Told = Mapping[str, Any]
State = StrEnum("State", ["queued", "sent", "accepted", "rejected", "unknown", "given_up", "superseded"])
Retried = StrEnum("Retried", ["queued", "unknown", "rejected", "given_up"])
Codes = Annotated[list[str], typer.Argument(metavar="CODE", help="Codes of dossiers.")]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def standing(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what waits for the Government portal, why, and for how long; decide about it."""
    if context.invoked_subcommand is not None:
        return
    from motcua import steps

    found = steps.outbox(settings=surroundings.settings())
    if as_json:
        print_json(found)
        return
    now = surroundings.now()
    print_table(("Dịch vụ", "Tình trạng", "Số lượng", "Lâu nhất từ"), (_state(one, now) for one in found["states"]))
    if found["reasons"]:
        out.print("\n[bold]Lý do chưa xong (bản mới nhất)[/]")
        print_table(("Số hồ sơ", "Tình trạng", "Mã", "Lý do"), (_reason(one) for one in found["reasons"]))
    out.print()
    _say_sender(found["sender"], now)
    if found["reconciliation"]:
        _say_reconciliation(found["reconciliation"])


@app.command(name="list")
def listed(
    *,
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only in this state; repeat for more. What has no end yet.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="So many, the longest queued first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """The deliveries one by one: of each dossier the newest version."""
    from motcua import steps

    states = [one.value for one in state] if state else list(OPEN)
    found = steps.deliveries(settings=surroundings.settings(), states=states, most=most)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Mã hồ sơ", "Bản", "Dịch vụ", "Tình trạng", "Lần gửi", "Chờ từ", "Gửi lại lúc", "Lý do"),
        (_row(one) for one in found),
    )


@app.command()
def retry(
    code: Annotated[list[str] | None, typer.Argument(metavar="[CODE]", help="Codes of dossiers.")] = None,
    *,
    reason: Reason,
    state: Annotated[Retried | None, typer.Option("--state", help="All in this state.")] = None,
    reason_like: Annotated[
        str | None, typer.Option("--reason-like", metavar="TEXT", help="All whose reason has these words.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell these again with the next drain, their tries counted anew."""
    from motcua import steps

    done = steps.retry_deliveries(
        settings=surroundings.settings(), by=surroundings.user(), reason=reason, at=surroundings.now(),
        codes=_codes(code or []), states=[state.value] if state else [], like=reason_like,
    )  # fmt: skip
    _say_decided(done, "sẽ gửi lại ngay", as_json=as_json)


@app.command()
def drop(code: Codes, *, reason: Reason, as_json: AsJson = False) -> None:
    """Stop telling these: nothing more of a dossier until it has a newer version."""
    from motcua import steps

    done = steps.drop_deliveries(
        settings=surroundings.settings(), by=surroundings.user(), reason=reason, at=surroundings.now(),
        codes=_codes(code),
    )  # fmt: skip
    _say_decided(done, "thôi gửi cho đến khi có bản mới hơn", as_json=as_json)


@app.command()
def reconcile(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Compare with what the portal really holds, and tell it again what differs."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.reconcile(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        clock=surroundings.now,
    )  # fmt: skip
    if as_json:
        print_json(done)
        return
    out.print(" · ".join(f"{words} {done[name]}" for name, words in FOUND.items()), soft_wrap=True)
    if done["stopped"]:
        out.print(f"dừng sớm: {escape(str(done['stopped']))}", soft_wrap=True)


def _codes(given: list[str]) -> list[str]:
    return [code.strip().upper() for code in given]


def _say_decided(done: list[str], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"dossiers": len(done), "codes": done})
        return
    out.print(f"{len(done)} hồ sơ {what}")


def _state(one: Told, now: datetime) -> tuple[str, ...]:
    oldest = f"{city_time(one['oldest_queued_at'])} ({_age(now - one['oldest_queued_at'])})"
    waits = one["state"] in OPEN
    return (SERVICES[one["service"]], DELIVERIES[one["state"]], str(one["deliveries"]), oldest if waits else "")


def _age(waited: timedelta) -> str:
    hours, minutes = divmod(int(waited.total_seconds()) // 60, 60)
    return f"{hours // 24} ngày {hours % 24} giờ" if hours >= 24 else f"{hours} giờ {minutes} phút"


def _reason(one: Told) -> tuple[str, ...]:
    return (str(one["deliveries"]), DELIVERIES[one["state"]], one["portal_code"] or "", escape(one["reason"]))


def _row(one: Told) -> tuple[str, ...]:
    due = city_time(one["due_at"]) if one["due_at"] else ""
    return (
        escape(one["code"]), str(one["version"]), SERVICES[one["service"]], DELIVERIES[one["state"]],
        str(one["attempts"]), city_time(one["queued_at"]), due, escape(one["portal_message"] or ""),
    )  # fmt: skip


def _say_sender(sender: Told, now: datetime) -> None:
    if sender["closed_until"] and sender["closed_until"] > now:
        out.print(
            f"[red]Tạm ngừng gửi[/] đến {city_time(sender['closed_until'])}: cổng không trả lời "
            f"{sender['failures']} lần liền ({escape(sender['reason'])})",
            soft_wrap=True,
        )
    if sender["doubt"]:
        out.print(
            f"[red]Nghi ngờ cổng[/] từ {city_time(sender['doubted_at'])}: {escape(sender['doubt'])}; "
            "lần gửi sau thử một gói trước",
            soft_wrap=True,
        )
    if sender["drained_at"]:
        told = sender["drained"]
        said = f"nhận {told['accepted']} hồ sơ, {told['steps']} bước; từ chối {told['rejected']}; còn {told['queued']}"
        early = f"; dừng sớm: {escape(told['stopped'])}" if told["stopped"] else ""
        out.print(f"Lần gửi gần nhất {city_time(sender['drained_at'])}: {said}{early}", soft_wrap=True)
    else:
        out.print("Chưa gửi lần nào")


def _say_reconciliation(one: Told) -> None:
    counts = " · ".join(f"{words} {one[name]}" for name, words in FOUND.items() if one[name])
    state = "" if one["is_complete"] else f" (chưa xong: {escape(one['stopped'] or 'sẽ làm tiếp')})"
    out.print(f"Đối chiếu gần nhất {city_time(one['as_of'])}{state}: {counts or 'không có gì để tra'}", soft_wrap=True)
