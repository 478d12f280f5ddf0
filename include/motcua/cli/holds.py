"""Mass changes that wait for a person: `holds` lists them, `holds show|accept|reject` look at one and decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Push, Reason
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table, say
from motcua.errors import ConfigError

CHANGES = {"drop": "giảm", "rise": "tăng"}
STATES = {"open": "chờ quyết định", "accepted": "đã chấp nhận", "rejected": "đã từ chối", "lapsed": "không còn"}

# Any: a row of api.hold, shaped as `steps.holds` says
Hold = Mapping[str, Any]
HoldId = Annotated[int, typer.Argument(metavar="HOLD", help="Its number, as `motcua holds` shows it.")]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def waiting(
    context: typer.Context,
    *,
    decided: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the mass changes that wait for a person, and decide about them."""
    if context.invoked_subcommand is not None:
        return
    from motcua import steps

    found = steps.holds(settings=surroundings.settings(), decided=decided)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Số", "Nguồn", "Thay đổi", "Trước", "Sau", "Mất", "Mới/đổi", "Từ lúc", "Tình trạng"),
        (_row(hold) for hold in found),
    )
    waits = sum(hold["state"] == "open" for hold in found)
    out.print(f"{waits} thay đổi hàng loạt đang chờ quyết định")


@app.command()
def show(hold_id: HoldId, *, as_json: AsJson = False) -> None:
    """One of them in full: the figures, and the codes before and after."""
    from motcua import steps

    held = [hold for hold in steps.holds(settings=surroundings.settings(), decided=True) if hold["hold_id"] == hold_id]
    if not held:
        raise ConfigError(f"there is no hold {hold_id}; `motcua holds --all` lists them")
    if as_json:
        print_json(held[0])
    else:
        _show(held[0])


@app.command()
def accept(hold_id: HoldId, *, reason: Reason, as_of: AsOf = None, push: Push = True, as_json: AsJson = False) -> None:
    """The new list is right: merge it now, publish, and tell the portal."""
    from motcua.steps.whole_cycle import accept_hold

    settings = surroundings.settings()
    merged = accept_hold(
        settings=settings,
        connections=surroundings.connections(settings),
        hold_id=hold_id,
        by=surroundings.user(),
        reason=reason,
        as_of=as_of or surroundings.now(),
        push=push,
        clock=surroundings.now,
        say=say,
    )
    if as_json:
        print_json(merged)
        return
    out.print(f"đã chấp nhận: {merged['changed']} phiên bản mới, {merged['deleted']} hồ sơ bị xóa")


@app.command()
def reject(hold_id: HoldId, *, reason: Reason, as_json: AsJson = False) -> None:
    """The new list is wrong: the last good state stays, quietly, until the source lists something else."""
    from motcua import steps

    steps.decide_hold(
        settings=surroundings.settings(), hold_id=hold_id, accept=False, by=surroundings.user(), reason=reason
    )
    if as_json:
        print_json({"hold_id": hold_id, "state": "rejected"})
        return
    out.print("đã từ chối: giữ trạng thái tốt gần nhất")


def _show(hold: Hold) -> None:
    out.print(f"[bold]{hold['source_id']}[/] · {CHANGES[hold['change']]} · {STATES[hold['state']]}", soft_wrap=True)
    out.print(f"  {escape(hold['reason'])}", soft_wrap=True)
    out.print(f"  trước {hold['before_count']} hồ sơ, sau {hold['after_count']}; từ {city_time(hold['raised_at'])}")
    _codes("Không còn trong danh sách (sẽ bị xóa)", hold["codes_gone"])
    _codes("Mới hoặc thay đổi (nhiều nhất 1.000 mã)", hold["codes_changed"])
    if hold["decided_by"]:
        said = f"{hold['decided_by']}: {hold['decision_reason']}"
        out.print(f"  {STATES[hold['state']]} {city_time(hold['decided_at'])} · {escape(said)}", soft_wrap=True)


def _row(hold: Hold) -> tuple[str, ...]:
    return (
        str(hold["hold_id"]), hold["source_id"], CHANGES[hold["change"]], str(hold["before_count"]),
        str(hold["after_count"]), str(len(hold["codes_gone"])), str(len(hold["codes_changed"])),
        city_time(hold["raised_at"]), STATES[hold["state"]],
    )  # fmt: skip


def _codes(title: str, codes: list[str]) -> None:
    out.print(f"  [bold]{title}: {len(codes)}[/]")
    for code in codes:
        out.print(f"    {escape(code)}", soft_wrap=True)
