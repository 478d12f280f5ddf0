"""The rule book as it fares: `quality report`."""

from __future__ import annotations

import typer

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import AsJson, out, print_json

app = typer.Typer()


@app.callback()
def quality() -> None:
    """How many dossiers pass each rule, by source and day."""


@app.command()
def report(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Write the page of the rule book anew: for the data team, below MOTCUA_HOME."""
    from motcua import steps

    done = steps.build_quality_report(settings=surroundings.settings(), as_of=as_of or surroundings.now())
    if as_json:
        print_json(done)
        return
    out.print(
        f"{done['page']}: {done['rules']} quy tắc, {done['sources']} nguồn, {done['refused']} trên {done['known']} "
        "hồ sơ bị từ chối",
        soft_wrap=True, markup=False,
    )  # fmt: skip
