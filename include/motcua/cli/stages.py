"""Single stages: `prepare`, `publish`, `drain`."""

from __future__ import annotations

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
def publish(*, as_of: AsOf = None) -> None:
    """Build and publish a version of the city feed and the public page."""
    from motcua import steps

    now = surroundings.now()
    out.print_json(data=steps.publish(settings=surroundings.settings(), as_of=as_of or now, published_at=now))


@app.command()
def drain() -> None:
    """Tell the Government portal everything that is due."""
    from motcua import steps

    settings = surroundings.settings()
    outcome = steps.drain(settings=settings, connections=surroundings.connections(settings), clock=surroundings.now)
    out.print_json(data=outcome)
