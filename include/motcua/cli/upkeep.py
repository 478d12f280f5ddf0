"""The installation itself: `doctor` says whether it is well, `maintain` does the night's upkeep by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import DONE, SOME_DOWN, WRONG_USE, AsJson, out, print_json

if TYPE_CHECKING:
    from motcua.steps.doctor import Finding

MARKS = {"green": "[green]✓[/]", "note": "[yellow]•[/]", "mend": "[red]✗[/]", "down": "[red]✗[/]"}

app = typer.Typer()


@app.command(epilog="Exit status: 0 all is well · 2 something is to be mended here · 3 something else is down")
def doctor(*, as_json: AsJson = False) -> None:
    """Say whether this installation is well, or what to do; changes nothing."""
    from motcua.steps.doctor import State, examine

    settings = surroundings.settings()
    found = examine(settings=settings, connections=surroundings.connections(settings), now=surroundings.now())
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        _show(found)
    states = {one.state for one in found}
    raise typer.Exit(WRONG_USE if State.MEND in states else SOME_DOWN if State.DOWN in states else DONE)


@app.command()
def maintain(
    *,
    as_of: AsOf = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Whatever the clock says: what is past its time by it is gone for good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do the night's upkeep: pages and rows past their time, runs that were cut off, tables that need a sweep."""
    from motcua import steps

    now = surroundings.now()
    done = steps.maintain(settings=surroundings.settings(), as_of=as_of or now, now=now, anyway=anyway)
    if as_json:
        print_json(done)
        return
    pages = done["pages"]
    removed = ", ".join(f"{count} {name}" for name, count in done["removed"].items() if count) or "không có gì"
    for line in (
        f"kho lưu: xóa {pages['expired']} trang quá hạn và {pages['orphans']} trang không thuộc lô nào, "
        f"còn {pages['kept']} trang",
        f"đã xóa: {removed}",
        f"đã đóng {done['closed']} chu kỳ bị ngắt, bỏ {done['given_up']} lô chưa hợp nhất",
        f"đã dọn {len(done['vacuumed'])} bảng",
        *(f"kho dựng lại còn đó: {name}; dùng xong thì `motcua rebuild drop`" for name in done["rebuilt"]),
    ):
        out.print(line, soft_wrap=True)


def _show(found: list[Finding]) -> None:
    for one in found:
        out.print(f"{MARKS[one.state]} {one.check}: {escape(one.told)}", soft_wrap=True)
        if one.to_do:
            out.print(f"    [bold]{escape(one.to_do)}[/]", soft_wrap=True)
        if one.detail:
            out.print(f"    [dim]{escape(one.detail)}[/]", soft_wrap=True)
