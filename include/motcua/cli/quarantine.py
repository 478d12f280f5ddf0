"""What was refused, and the way back: `quarantine` counts it, `quarantine list|show|replay` look, and judge anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Push, Reason
from motcua.cli.terminal import AsJson, city_time, out, print_json, print_table, say
from motcua.errors import ConfigError

# Any: a row of core.quarantine, shaped as `steps.quarantined` says
Kept = Mapping[str, Any]
Sources = Annotated[list[str] | None, typer.Option("--source", metavar="ID", help="Only this source; repeat for more.")]
Rules = Annotated[list[str] | None, typer.Option("--rule", metavar="CODE", help="Only this rule; repeat for more.")]
OWNERS = {"office": "đơn vị", "motcua": "motcua"}

app = typer.Typer(invoke_without_command=True)


@app.callback()
def counted(context: typer.Context, *, source: Sources = None, rule: Rules = None, as_json: AsJson = False) -> None:
    """Count what stands in quarantine by source and rule, look at it, and judge it again."""
    if context.invoked_subcommand is not None:
        return
    from motcua import steps

    found = steps.quarantine(settings=surroundings.settings(), sources=source or [], rules=rule or [])
    if as_json:
        print_json(found)
        return
    print_table(("Nguồn", "Quy tắc", "Hồ sơ", "Ai sửa", "Từ lúc", "Thấy gần nhất"), (_count(one) for one in found))
    out.print(f"{sum(int(str(one['dossiers'])) for one in found)} hồ sơ đang bị từ chối (tính theo từng quy tắc)")


@app.command(name="list")
def listed(
    *,
    source: Sources = None,
    rule: Rules = None,
    settled: Annotated[bool, typer.Option("--all", help="Those that were mended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every dossier with the rule that it breaks, the newest first."""
    from motcua import steps

    found = steps.quarantined(settings=surroundings.settings(), sources=source or [], rules=rule or [], settled=settled)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Mã hồ sơ", "Nguồn", "Quy tắc", "Trường", "Lần xét", "Từ lúc", "Tình trạng"), (_row(one) for one in found)
    )


@app.command()
def show(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A dossier's code.")], *, as_json: AsJson = False
) -> None:
    """Why one dossier is refused, and on which archived page it stands."""
    from motcua import steps

    found: Sequence[Kept] = steps.quarantined(settings=surroundings.settings(), code=code.strip().upper(), settled=True)
    if not found:
        raise ConfigError(f"{code}: nothing of it was ever refused; `motcua quarantine list` shows what is")
    if as_json:
        print_json(found)
        return
    for one in found:
        out.print(f"[bold]{escape(one['identity'])}[/] · {one['source_id']} · {_state(one)}", soft_wrap=True)
        out.print(f"  {one['rule']} ({one['field'] or 'cả dòng'}) · {OWNERS.get(one['owner'], one['owner'])} sửa")
        out.print(
            f"  từ {city_time(one['first_seen'])} đến {city_time(one['last_seen'])}, xét {one['attempts']} lần",
            soft_wrap=True,
        )
        out.print(f"  lô {one['batch_id']}, trang {one['page_sha256']}, dòng {one['page_row']}", soft_wrap=True)


@app.command()
def replay(
    *,
    reason: Reason,
    source: Sources = None,
    rule: Rules = None,
    everything: Annotated[
        bool, typer.Option("--all", help="What was accepted, too: what does not pass now joins the quarantine.")
    ] = False,
    as_of: AsOf = None,
    push: Push = True,
    as_json: AsJson = False,
) -> None:
    """Judge it again from the archive, by the rules and code tables of now; no source is asked."""
    if everything and rule:
        raise typer.BadParameter("--all judges by every rule; give --source to narrow it", param_hint="--rule")
    from motcua.steps.whole_cycle import replay as run

    settings = surroundings.settings()
    done = run(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        push=push, clock=surroundings.now, say=say, sources=source or [], rules=rule or [],
        everything=everything, reason=reason, requested_by=surroundings.user(),
    )  # fmt: skip
    if as_json:
        print_json(done)
        return
    if everything:
        same = done["dossiers"] - done["accepted"] - done["quarantined"]
        outcome = f"{done['accepted']} đạt, {done['quarantined']} bị từ chối, {same} như cũ"
    else:
        outcome = f"{done['accepted']} đạt, {done['quarantined']} vẫn bị từ chối"
    out.print(f"đã xét lại {done['dossiers']} hồ sơ: {outcome}")


def _count(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["source_id"], one["rule"], str(one["dossiers"]), OWNERS.get(one["owner"], one["owner"]),
        city_time(one["first_seen"]), city_time(one["last_seen"]),
    )  # fmt: skip


def _row(one: Kept) -> tuple[str, ...]:
    return (
        escape(one["identity"]), one["source_id"], one["rule"], one["field"], str(one["attempts"]),
        city_time(one["first_seen"]), _state(one),
    )  # fmt: skip


def _state(one: Kept) -> str:
    return "đang bị từ chối" if one["settled_at"] is None else f"đã xong {city_time(one['settled_at'])}"
