"""Single stages: `prepare`, `publish`, `drain`."""

from __future__ import annotations

from typing import Annotated

import typer

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import out

app = typer.Typer()


@app.command()
def prepare() -> None:
    """Create the warehouse, or bring it to the newest schema."""
    from motcua import steps

    steps.prepare(settings=surroundings.settings())


@app.command()
def publish(
    *,
    as_of: AsOf = None,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="A version with all rows, even where nothing has changed.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="REASON", help="The figures are right although they jump: say why."),
    ] = None,
) -> None:
    """Build and publish a version of the city feed and the public page."""
    from motcua import steps
    from motcua.publishing.city_feed import Asked

    now, settings = surroundings.now(), surroundings.settings()
    asked = Asked(snapshot=snapshot, accept=accept and surroundings.reason(accept), by=surroundings.user())
    told = steps.publish(
        settings=settings,
        connections=surroundings.connections(settings),
        as_of=as_of or now,
        published_at=now,
        asked=asked,
    )
    out.print_json(data=told)


@app.command()
def drain() -> None:
    """Tell the Government portal everything that is due."""
    from motcua import steps

    settings = surroundings.settings()
    outcome = steps.drain(settings=settings, connections=surroundings.connections(settings), clock=surroundings.now)
    out.print_json(data=outcome)
