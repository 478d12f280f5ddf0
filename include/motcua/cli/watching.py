"""What is late and what is wrong: `freshness`, `incidents`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import DONE, SOME_DOWN, AsJson, city_time, out, print_json, print_table
from motcua.domain.incidents import KINDS

STATES = {"ok": "đọc được", "down": "không đọc được", "held": "chờ quyết định", "new": "chưa đọc lần nào"}
SEVERITIES = {"critical": "nghiêm trọng", "warning": "cảnh báo", "notice": "lưu ý"}

app = typer.Typer()


@app.command(epilog="Exit status: 0 none is late · 2 wrong usage or configuration · 3 some are late")
def freshness(
    *,
    late: Annotated[bool, typer.Option("--late", help="Only those that are late.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """How old what we hold of each source is, in working time, against its own schedule."""
    from motcua.steps.freshness import freshness as read

    found = read(settings=surroundings.settings(), as_of=as_of or surroundings.now(), late_only=late)
    are_late = sum(bool(one["is_late"]) for one in found)
    if as_json:
        print_json(found)
    else:
        print_table(
            ("Nguồn", "Nền tảng", "Tình trạng", "Tuổi (giờ làm việc)", "Lịch", "Trễ từ"), (_fresh(one) for one in found)
        )
        out.print(f"{are_late} nguồn trễ so với lịch của mình")
    raise typer.Exit(SOME_DOWN if are_late else DONE)


# Any: a row of `steps.freshness`
def _fresh(one: Mapping[str, Any]) -> tuple[str, ...]:
    since = city_time(one["late_since"]) if one["late_since"] else "chưa đọc lần nào" if one["is_late"] else "–"
    mark = f"[red]{since}[/]" if one["is_late"] else since
    age = "–" if one["age_minutes"] is None else _span(one["age_minutes"])
    return one["source_id"], one["platform"], STATES[one["state"]], age, _span(one["every_minutes"]), mark


@app.command()
def incidents(
    *,
    look: Annotated[bool, typer.Option("--look", help="Look at everything first, as DAG watch_over does.")] = False,
    days: Annotated[int, typer.Option("--days", min=0, help="With those that have closed since so many days.")] = 0,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """What is wrong now, since when, and what to do; nobody is told by this."""
    from motcua import steps

    settings, now = surroundings.settings(), surroundings.now()
    moment = as_of or now
    if look:
        steps.watch(settings=settings, as_of=moment, now=now)
    found = steps.incidents(settings=settings, closed_since=moment - timedelta(days=days) if days else None)
    if as_json:
        print_json(found)
        return
    print_table(("Số", "Mức", "Sự cố", "Ở đâu", "Từ lúc", "Đến lúc"), (_incident(one) for one in found))
    still = [one for one in found if one["closed_at"] is None]
    for kind in dict.fromkeys(one["kind"] for one in still):
        if kind in KINDS:
            out.print(f"{KINDS[kind].title}: {KINDS[kind].to_do} [dim]({KINDS[kind].anchor})[/]", soft_wrap=True)
    out.print(f"{len(still)} sự cố đang còn")


# Any: a row of api.incident
def _incident(one: Mapping[str, Any]) -> tuple[str, ...]:
    title = KINDS[one["kind"]].title if one["kind"] in KINDS else str(one["kind"])
    until = city_time(one["closed_at"]) if one["closed_at"] else "–"
    return (
        str(one["incident_id"]), SEVERITIES[one["severity"]], title, escape(str(one["subject"])),
        city_time(one["opened_at"]), until,
    )  # fmt: skip


def _span(minutes: int) -> str:
    return f"{minutes} phút" if minutes < 60 else f"{minutes // 60} giờ {minutes % 60:02} phút"
