"""Who is read when: `schedule` shows it, `schedule set|reset|pause|resume|log` change it and tell what was changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.markup import escape
from typer.core import TyperGroup

from motcua.cli import surroundings
from motcua.cli.surroundings import Moment, Reason
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table
from motcua.errors import ConfigError

if TYPE_CHECKING:
    from motcua.steps.schedule import NextRun, SourceSchedule
    from motcua.warehouse.schedule import Change

WHY_NOT = {
    "paused": "tạm dừng",
    "blackout": "ngày không đọc",
    "outside_window": "ngoài khung giờ",
    "not_yet": "chưa đến",
}
KINDS = {"night": "đọc tất cả", "working_hours": "trong giờ làm việc", "other_hours": "ngoài giờ làm việc"}
SCOPES = {"source": "nguồn", "group": "nhóm", "platform": "nền tảng", "all": "tất cả"}
WEEKDAYS = ("Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy", "Chủ nhật")

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="A source, a group, a platform, or all.")]
Next = Annotated[int, typer.Option("--next", min=1, max=1000, metavar="N", help="The next N runs, and readings.")]


class _ShownByDefault(TyperGroup):
    """What is no command of the group is what `show` is asked for."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own
        is_known = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_known else ["show", *args])


app = typer.Typer(cls=_ShownByDefault, help="Show who is read when and why, and the next runs; change it at run time.")


@app.command()
def show(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Only these, in full; all in force, when absent.")
    ] = None,
    *,
    count: Next = 1,
    as_of: Moment = None,
    as_json: AsJson = False,
) -> None:
    """Who is read when, whose word that is, and what comes next."""
    from motcua import steps

    settings, moment = surroundings.settings(), as_of or surroundings.now()
    found = steps.schedule(settings=settings, as_of=moment, sources=sources or [], count=count)
    runs = [] if sources else steps.next_runs(settings=settings, as_of=moment, count=count)
    if as_json:
        print_json({"sources": [_plain(one) for one in found], "runs": [asdict(one) for one in runs]})
        return
    if sources:
        for one in found:
            _show_source(one)
        return
    print_table(("Nguồn", "Mỗi", "Được đọc", "Ưu tiên", "Đọc gần nhất", "Đọc tiếp", "Lúc này"), map(_row, found))
    _show_runs(runs)
    out.print(f"{sum(one.is_due for one in found)}/{len(found)} nguồn đến hạn · {_paused(found)} nguồn tạm dừng")


@app.command(name="set")
def change(
    scope: Scope,
    values: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE", help="As in the registry, such as schedule=PT1H allowed=[20:00-06:00]."),
    ],
    *,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Say otherwise than the registry, until it is changed or reset: the nearest word counts."""
    from motcua import steps

    settings = surroundings.settings()
    found, subject = steps.scope_named(settings=settings, name=scope)
    changes = steps.change_schedule(
        settings=settings, scope=found, subject=subject, values=dict(map(_value, values)), by=surroundings.user(),
        reason=reason, via="cli", at=surroundings.now(),
    )  # fmt: skip
    _tell(changes, as_json=as_json)


@app.command()
def reset(
    scope: Scope,
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY", help="Only these; all, when absent.")] = None,
    *,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Take back what was said of a scope: what counts without it counts again."""
    from motcua import steps

    settings = surroundings.settings()
    found, subject = steps.scope_named(settings=settings, name=scope)
    changes = steps.reset_schedule(
        settings=settings, scope=found, subject=subject, keys=keys or [], by=surroundings.user(), reason=reason,
        via="cli", at=surroundings.now(),
    )  # fmt: skip
    _tell(changes, as_json=as_json, nothing="không có gì để bỏ: phạm vi này không có thay đổi nào")


@app.command()
def pause(scope: Scope, *, reason: Reason, as_json: AsJson = False) -> None:
    """Read it no more, until it is resumed: only who names it reads it."""
    from motcua import steps

    settings = surroundings.settings()
    found, subject = steps.scope_named(settings=settings, name=scope)
    changes = steps.pause(
        settings=settings, scope=found, subject=subject, by=surroundings.user(), reason=reason, via="cli",
        at=surroundings.now(),
    )  # fmt: skip
    _tell(changes, as_json=as_json)


@app.command()
def resume(scope: Scope, *, reason: Reason, as_json: AsJson = False) -> None:
    """Read it again; a single source of it that was paused by itself stays so."""
    from motcua import steps

    settings = surroundings.settings()
    found, subject = steps.scope_named(settings=settings, name=scope)
    changes = steps.unpause(
        settings=settings, scope=found, subject=subject, by=surroundings.user(), reason=reason, via="cli",
        at=surroundings.now(),
    )  # fmt: skip
    _tell(changes, as_json=as_json)


@app.command()
def log(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Whatever touches these; everything, when absent.")
    ] = None,
    *,
    most: Annotated[int, typer.Option("--most", min=1, help="So many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What was changed: when, by whom and why."""
    from motcua import steps

    found = steps.schedule_changes(settings=surroundings.settings(), sources=sources or [], most=most)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    _show_changes(found)


def _value(text: str) -> tuple[str, object]:
    """`KEY=VALUE`, the value as YAML has it."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"expected KEY=VALUE such as schedule=PT1H, got {text!r}")
    try:
        return key, [] if value == "" else yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{key}: expected a value as in the registry, such as [20:00-06:00], got {value!r}") from None


def _tell(
    changes: Sequence[Change], *, as_json: bool, nothing: str = "đã như vậy từ trước: không có gì thay đổi"
) -> None:
    if as_json:
        print_json([asdict(one) for one in changes])
    elif changes:
        _show_changes(changes)
    else:
        out.print(nothing)


def _show_changes(changes: Iterable[Change]) -> None:
    print_table(("Lúc", "Phạm vi", "Khóa", "Giá trị", "Ai", "Qua", "Lý do"), map(_change, changes))


def _change(one: Change) -> tuple[str, ...]:
    value = "[dim]bỏ thay đổi[/]" if one.value is None else escape(_text(one.value))
    scope = f"{SCOPES[one.scope]} {one.subject}".strip()
    return city_time(one.at), scope, one.key, value, escape(one.who), one.via, escape(one.reason)


def _row(one: SourceSchedule) -> tuple[str, ...]:
    every, allowed = (_text(next(s.value for s in one.settings if s.key == key)) for key in ("schedule", "allowed"))
    marks = "*" if any(setting.change for setting in one.settings) else ""
    return (
        f"{one.source_id}{marks}", every, escape(allowed) or "cả ngày", str(one.schedule.priority),
        _moment(one.attempted_as_of), _moment(next(iter(one.next_at), None)), _standing(one),
    )  # fmt: skip


def _show_source(one: SourceSchedule) -> None:
    out.print(f"[bold]{one.source_id}[/] · {one.group} · {one.platform} · {_standing(one)}", soft_wrap=True)
    print_table(
        ("Khóa", "Giá trị", "Từ đâu"),
        ((s.key, escape(_text(s.value)) or "–", _origin(s.change)) for s in one.settings),
    )
    out.print(f"  đọc gần nhất {_moment(one.attempted_as_of)}")
    for moment in one.next_at:
        out.print(f"  đọc tiếp {_day(moment)}")


def _show_runs(runs: Sequence[NextRun]) -> None:
    out.print("\n[bold]Các lần chạy tới của collect_dossiers[/]")
    print_table(("Lúc", "", "Nguồn"), ((_day(run.at), KINDS[run.kind], str(run.sources)) for run in runs))


def _standing(one: SourceSchedule) -> str:
    if one.why_not is not None:
        return WHY_NOT[one.why_not]
    return f"[yellow]quá hạn do ta từ {city_time(one.overdue_since)}[/]" if one.overdue_since else "[green]đến hạn[/]"


def _origin(change: Change | None) -> str:
    if change is None:
        return "sổ đăng ký"
    scope = f"{SCOPES[change.scope]} {change.subject}".strip()
    return escape(f"{scope} · {change.who} {city_time(change.at)}: {change.reason}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "có" if value else "không"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _moment(moment: datetime | None) -> str:
    return city_time(moment) if moment else "–"


def _day(moment: datetime) -> str:
    from motcua.domain.working_days import VIETNAM

    return f"{WEEKDAYS[moment.astimezone(VIETNAM).weekday()]} {city_time(moment)}"


def _paused(found: Sequence[SourceSchedule]) -> int:
    return sum(one.schedule.paused for one in found)


def _plain(one: SourceSchedule) -> dict[str, object]:
    told = asdict(one)
    told.pop("schedule")  # the settings say the same, with whose word each is
    return told
