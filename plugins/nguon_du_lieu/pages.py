"""The pages, each a GET that changes nothing: which rows, and which template shows them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from motcua.steps import views
from starlette.exceptions import HTTPException

from nguon_du_lieu.ground import Ground
from nguon_du_lieu.shown import render

router = APIRouter(default_response_class=HTMLResponse)
Text = Annotated[str, Query(max_length=200)]


@router.get("/")
def sources(
    request: Request, q: Text = "", group: Text = "", platform: Text = "", state: Text = "", sort: Text = "",
    down: bool = False,
) -> HTMLResponse:  # fmt: skip
    """Every source at a glance."""
    wanted = views.sources.Wanted(words=q, group=group, platform=platform, state=state, sort=sort, is_descending=down)
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        rows = views.sources.listed(connection, ground.registry, ground.ticks, as_of)
        cycle = views.sources.last_cycle(connection)
    shown = {
        "as_of": as_of,
        "stands_still": ground.clock is None,
        "rows": views.sources.chosen(rows, wanted),
        "sums": views.sources.summed(rows),
        "cycle": cycle,
        "wanted": wanted,
        "groups": {row.at.group: row.group_name for row in rows},
        "platform_options": [(name, name) for name in sorted({row.at.platform for row in rows})],
        "states": views.sources.STATES,
    }
    return render(request, "sources.html.j2", shown)


@router.get("/nguon/{source_id}")
def source(request: Request, source_id: str) -> HTMLResponse:
    """One source, and all that is known of it."""
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        rows = views.sources.listed(connection, ground.registry, ground.ticks, as_of)
        row = next((row for row in rows if row.at.source_id == source_id), None)
        if row is None:
            raise HTTPException(404, detail=source_id)
        about = views.source.described(connection, ground.registry, row.at, as_of)
    return render(
        request, "source.html.j2", {"as_of": as_of, "stands_still": ground.clock is None, "row": row, "about": about}
    )


def grounds(request: Request) -> Ground:
    """What the application stands on."""
    found: Ground = request.app.state.ground
    return found
