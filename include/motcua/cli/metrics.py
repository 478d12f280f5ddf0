"""What is measured, for Prometheus or whoever looks: `metrics`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.errors import ConfigError, MotcuaError

app = typer.Typer()


@app.command()
def metrics(
    *,
    push: Annotated[
        bool, typer.Option("--push", help="Send them to the collector of OTEL_EXPORTER_OTLP_ENDPOINT, and print none.")
    ] = False,
    as_of: AsOf = None,
) -> None:
    """What is measured: every source, the last cycle, the outbox and the feed, as Prometheus reads it."""
    from motcua import steps
    from motcua.publishing.metrics import endpoint, exposition, host

    settings = surroundings.settings()
    moment = as_of or surroundings.now()
    if not push:
        sys.stdout.buffer.write(exposition(steps.measure(settings=settings, as_of=moment)))
        return
    if endpoint() is None:
        raise ConfigError("OTEL_EXPORTER_OTLP_ENDPOINT is not set: name the collector, such as http://127.0.0.1:4318")
    if not steps.push_metrics(settings=settings, as_of=moment):
        raise MotcuaError(f"the collector at {host()} did not take them: is it up, and does it speak OTLP?")
