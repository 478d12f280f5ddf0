"""Rules and code tables before they change: `rules try` judges the archive by them, and writes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import AsJson, out, print_json, print_table

if TYPE_CHECKING:
    from motcua.steps.trial import Trial

app = typer.Typer()


@app.callback()
def rules() -> None:
    """Try a change of rules or code tables on the whole archive, before it counts."""


@app.command(name="try")
def tried(
    *,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", metavar="DIR", help="The registry to try; the one in force, when absent."),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="ID", help="Only this source; repeat for more.")
    ] = None,
    codes: Annotated[bool, typer.Option("--codes", help="Name every dossier, not only how many.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """What would newly be refused and newly pass, by source; nothing is written, no source is asked."""
    from motcua.steps.trial import try_rules

    settings = surroundings.settings()
    candidate = settings if registry is None else replace(settings, registry=registry.absolute())
    found = try_rules(
        settings=candidate, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        sources=source or [],
    )  # fmt: skip
    if as_json:
        print_json(found)
        return
    print_table(("Nguồn", "Quy tắc", "Sẽ bị từ chối", "Sẽ đạt"), _counts(found))
    if codes:
        print_table(("Mã hồ sơ", "Nguồn", "Quy tắc", "Kết quả"), _codes(found))
    out.print(
        f"đã xét {found['dossiers']} hồ sơ trong kho lưu: {len(found['fails'])} sẽ bị từ chối, "
        f"{len(found['passes'])} sẽ đạt; không ghi gì"
    )


def _counts(found: Trial) -> list[tuple[str, ...]]:
    fails, passes = (
        Counter((one["source_id"], one["rule"]) for one in changes) for changes in (found["fails"], found["passes"])
    )
    return [(*key, str(fails[key]), str(passes[key])) for key in sorted({*fails, *passes})]


def _codes(found: Trial) -> list[tuple[str, ...]]:
    return [
        (escape(one["identity"]), one["source_id"], one["rule"], outcome)
        for outcome, changes in (("sẽ bị từ chối", found["fails"]), ("sẽ đạt", found["passes"]))
        for one in changes
    ]
