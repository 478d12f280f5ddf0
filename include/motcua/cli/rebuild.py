"""The warehouse as it was: `rebuild` makes it again from the archive, beside the real one; `rebuild list|drop`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import DONE, SOME_DOWN, STATUSES, AsJson, out, print_json, print_table, say

SHOWN = 20  # of what is missing; --json has all

app = typer.Typer(invoke_without_command=True)


@app.callback(epilog=STATUSES)
def rebuild(
    context: typer.Context,
    *,
    as_of: AsOf = None,
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="NAME", help="rebuilt_…; named after the moment, when absent."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Remove an older one of that name first.")] = False,
    from_archive: Annotated[
        bool, typer.Option("--from-archive", help="Ask the archive what was merged, and not the warehouse: it is lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the warehouse from the archive, as it was at a moment, in a schema of its own."""
    if context.invoked_subcommand is not None:
        return
    from motcua import steps

    settings = surroundings.settings()
    done = steps.rebuild(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        schema=schema, replaces=replace, from_archive=from_archive, say=say,
    )  # fmt: skip
    if as_json:
        print_json(done)
    else:
        name = done["schema"]
        out.print(
            f"đã dựng lại [bold]{name}[/]: {done['batches']} lô của {done['cycles']} chu kỳ, "
            f"{done['dossiers']} hồ sơ, {done['versions']} phiên bản",
            soft_wrap=True,
        )
        for one in done["missing"][:SHOWN]:
            out.print(f"  thiếu lô {one['batch_id']}: {escape(one['reason'])}", soft_wrap=True)
        if done["missing"]:
            out.print(
                f"thiếu {len(done['missing'])} lô: những thay đổi chỉ có trong các lô này thì không có ở đây "
                f"({name}.batch, error_kind PAGES_GONE)",
                soft_wrap=True,
            )
        out.print(f"xem trong psql: TABLE {name}.dossier EXCEPT TABLE core.dossier;", soft_wrap=True)
    raise typer.Exit(SOME_DOWN if done["missing"] else DONE)


@app.command(name="list")
def listed(*, as_json: AsJson = False) -> None:
    """Those that are there. Each holds personal data: remove what nobody needs."""
    from motcua import steps

    found = steps.rebuilt_warehouses(settings=surroundings.settings())
    if as_json:
        print_json(found)
        return
    print_table(("Tên", "Nội dung"), ((str(one["schema"]), escape(str(one["told"] or "dở dang"))) for one in found))


@app.command()
def drop(schema: Annotated[str, typer.Argument(metavar="NAME", help="As `motcua rebuild list` shows it.")]) -> None:
    """Remove a rebuilt warehouse."""
    from motcua import steps

    steps.drop_rebuilt(settings=surroundings.settings(), schema=schema)
    out.print("đã xóa")
