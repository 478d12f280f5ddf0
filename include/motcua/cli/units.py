"""Units through time: `units` shows one with what it came from and became, `figures` counts by the units of a day."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import Moment
from motcua.cli.terminal import AsJson, out, print_json, print_table
from motcua.domain.calendar import VIETNAM
from motcua.domain.progress import PROGRESS_NAMES

if TYPE_CHECKING:
    from motcua.steps.units import FiguresRow, History, Link, Named

KINDS = {
    "renamed": "đổi tên",
    "merged": "nhập vào",
    "split": "chia cho nhiều đơn vị",
    "undecided": "một trong các đơn vị, chưa có căn cứ",
    "unknown": "chưa có căn cứ",
}

app = typer.Typer()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; give 2025-07-01") from None


@app.command()
def units(
    text: Annotated[str, typer.Argument(metavar="UNIT", help="A name, an agency code or a statistics code.")],
    *,
    on: Annotated[
        date | None, typer.Option("--on", parser=_day, metavar="DAY", help="Where it leads on this day; today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a unit through time: its names, what it came from, what it became."""
    from motcua.steps.units import histories

    day = on or surroundings.now().astimezone(VIETNAM).date()
    found = histories(settings=surroundings.settings(database=False), text=text, on=day)
    if as_json:
        print_json(found)
        return
    for history in found:
        _show(history)


@app.command()
def figures(
    *,
    as_of: Moment = None,
    units_of: Annotated[
        date | None,
        typer.Option("--units-of", parser=_day, metavar="DAY", help="Count by the units of this day; of --as-of."),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
) -> None:
    """Count the dossiers by the units of any day; what cannot be decided stands apart."""
    from motcua.steps.units import figures as count

    found = count(settings=surroundings.settings(), as_of=as_of or surroundings.now(), units_of=units_of)
    if as_json:
        print_json(found)
        return
    if as_csv:
        _print_csv(found)
        return
    headings = (
        "Mã",
        "Đơn vị",
        "Tiếp nhận",
        "Đã xong",
        "Trước hạn",
        "Đúng hạn",
        "Quá hạn",
        "Đang xử lý",
        "Đang quá hạn",
    )
    print_table(headings, (_row(one) for one in found if one["dossiers"]))
    apart = [one for one in found if one["state"] != "unit"]
    total, undecided = (sum(one["dossiers"] for one in rows) for rows in (found, apart))
    out.print(f"{total} hồ sơ, trong đó {undecided} không xác định được đơn vị ({len(apart)} cơ quan cũ)")


def _show(history: History) -> None:
    newest = history["spans"][-1]
    out.print(f"[bold]{escape(newest['name'])}[/] · {history['code']}", soft_wrap=True)
    for span in history["spans"]:
        above = f", {span['parent']}" if span["parent"] else ""
        out.print(
            f"  {span['from'] or '…'} – {span['to'] or '…'}: {span['name']} ({span['unit_code']}{above})",
            soft_wrap=True,
        )
    for link in history["before"]:
        out.print(f"  từ {_linked(link)}", soft_wrap=True)
    for link in history["after"]:
        out.print(f"  thành {_linked(link)}", soft_wrap=True)
    if history["on"] < history["spans"][0]["from"]:
        out.print(f"  ngày {history['on']}: chưa có đơn vị này")
        return
    leads_to = " | ".join(f"{one['name']} ({one['code']})" for one in history["leads_to"]) or "chưa có căn cứ"
    doubt = "" if history["is_certain"] else "không xác định: "
    out.print(f"  ngày {history['on']}: {doubt}{leads_to}", soft_wrap=True)


def _linked(link: Link) -> str:
    named = f"{link['name']} ({link['code']})" if link["code"] else "?"
    return f"{named}, {link['on']}, {KINDS[link['kind']]} · {link['source']}"


def _row(one: FiguresRow) -> tuple[str, ...]:
    numbers = [one["received"], one["finished"], *(one["classes"][name] for name in ("early", "on_time", "overdue"))]
    numbers += [one["in_progress"], one["classes"]["open_overdue"]]
    return (one["code"] or "–", escape(_title(one)), *map(str, numbers))


def _title(one: FiguresRow) -> str:
    if one["state"] == "unit":
        return one["name"]
    return f"không xác định: {one['name'] or 'cơ quan không có trong danh mục'} → {_either(one['candidates'])}"


def _either(candidates: Sequence[Named]) -> str:
    return " | ".join(one["name"] for one in candidates) or KINDS["unknown"]


def _print_csv(found: Sequence[FiguresRow]) -> None:
    plain = ("code", "name", "state", "candidates", "dossiers", "received", "finished", "in_progress")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*plain, *PROGRESS_NAMES])
    for one in found:
        candidates = " ".join(candidate["code"] for candidate in one["candidates"])
        writer.writerow([
            one["code"], one["name"], one["state"], candidates, one["dossiers"], one["received"], one["finished"],
            one["in_progress"], *one["classes"].values(),
        ])  # fmt: skip
