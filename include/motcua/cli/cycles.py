"""Whole cycles and what came of them: `cycle`, `sync`, `summary`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Push, Reason
from motcua.cli.terminal import DONE, SOME_DOWN, STATUSES, AsJson, out, print_json, say
from motcua.settings import Settings

if TYPE_CHECKING:
    from motcua.steps.whole_cycle import Asked

Full = Annotated[bool, typer.Option("--full", help="List everything, not only what changed.")]

app = typer.Typer()


@app.command(epilog=STATUSES)
def cycle(
    *,
    as_of: AsOf = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="ID", help="Only this source; repeat for more.")
    ] = None,
    full: Full = False,
    push: Push = True,
    as_json: AsJson = False,
) -> None:
    """Run every stage once: collect, judge, consolidate, publish, drain."""
    _run(as_of, push=push, as_json=as_json, sources=source or [], full=full)


@app.command(epilog=STATUSES)
def sync(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Sources of the registry.")],
    *,
    reason: Reason,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            parser=surroundings.moment,
            metavar="TIME",
            help="Changes from this moment on, with its zone; from each source's own mark, when absent.",
        ),
    ] = None,
    full: Full = False,
    as_of: AsOf = None,
    push: Push = True,
    as_json: AsJson = False,
) -> None:
    """Read some sources again, now: a cycle of these alone, audited in api.cycle."""
    _run(
        as_of, push=push, as_json=as_json, sources=sources, full=full, since=since, reason=reason,
        requested_by=surroundings.user(),
    )  # fmt: skip


@app.command()
def summary(
    *,
    cycle_id: Annotated[
        int | None, typer.Option("--cycle", help="Number of the cycle; the newest, when absent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what a cycle did, and write it to HOME/run/summary.json."""
    from motcua import steps
    from motcua.steps.summary import newest_cycle

    settings = surroundings.settings()
    number = cycle_id if cycle_id is not None else newest_cycle(settings=settings)
    _tell(settings, steps.summary(settings=settings, cycle_id=number), as_json=as_json)


def _run(as_of: datetime | None, *, push: bool, as_json: bool, **asked: Unpack[Asked]) -> None:
    """A cycle to its end: summary, and the exit status."""
    from motcua.steps.whole_cycle import run_cycle

    settings = surroundings.settings()
    figures = run_cycle(
        settings=settings,
        connections=surroundings.connections(settings),
        as_of=as_of or surroundings.now(),
        push=push,
        clock=surroundings.now,
        say=say,
        tell=lambda told: _tell(settings, told, as_json=as_json),
        **asked,
    )
    sources = figures["sources"]
    assert isinstance(sources, dict)
    raise typer.Exit(SOME_DOWN if sources["down"] or sources["held"] else DONE)


def _tell(settings: Settings, figures: dict[str, object], *, as_json: bool) -> None:
    """Writes the figures to `HOME/run/summary.json`, whole or not at all, and shows them."""
    place = settings.home / "run" / "summary.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(".tmp")
    draft.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draft.replace(place)
    if as_json:
        print_json(figures)
        return
    from motcua.steps.summary_text import lines

    for line in lines(figures):
        out.print(line, soft_wrap=True)
