"""The pages, each a GET that changes nothing: which rows, and which template shows them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from motcua.steps import views
from starlette.exceptions import HTTPException

from nguon_du_lieu.chart import Column, chart
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.shown import render

router = APIRouter(default_response_class=HTMLResponse)
Text = Annotated[str, Query(max_length=200)]
# a code of the rule book, of this version or another, or none
_RULE = re.compile(r"[a-z_]{0,60}")
Page = Annotated[int, Query(ge=1, le=10_000)]
Version = Annotated[int, Query(ge=0, lt=2**63)]  # as PostgreSQL counts


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
        incidents = views.incidents.open_ones(connection, ground.registry)
    shown = {
        "as_of": as_of,
        "stands_still": ground.clock is None,
        "rows": views.sources.chosen(rows, wanted),
        "sums": views.sources.summed(rows),
        "cycle": cycle,
        "incidents": incidents,
        "ids": ground.registry.sources.keys(),
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
        about = views.source.described(connection, ground.registry, ground.ticks, row.at, as_of)
        trail = views.audit.trail(connection, ground.registry, views.audit.Wanted(source=source_id), most=10)
    limit = about.usual.changed if about.usual else None
    days = [
        Column(day=day.day, is_working=day.is_working, parts=[("bar", day.changed)], within=("gone", day.gone))
        for day in about.days
    ]
    shown = {"as_of": as_of, "row": row, "about": about, "trail": trail, "drawn": chart(days, limit)}
    return render(request, "source.html.j2", shown | _still(ground))


@router.get("/cach-ly")
def quarantine(request: Request, rule: Text = "", source: Text = "", owner: Text = "", page: Page = 1) -> HTMLResponse:
    """What is refused, by rule, source and owner; and which dossiers, once something is asked for."""
    if not _RULE.fullmatch(rule):
        raise HTTPException(404, detail=rule)
    wanted = views.quarantine.Wanted(rule=rule, source=source, owner=owner)
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        standing = views.quarantine.standing(connection, wanted, as_of, page=page)
    days = [
        Column(
            day=day.day, is_working=ground.registry.calendar.is_working(day.day),
            parts=[("gone", day.begun), ("bar", day.settled)],
        )
        for day in standing.days
    ]  # fmt: skip
    shown = {
        "as_of": as_of, "wanted": wanted, "standing": standing, "drawn": chart(days), "page": page,
        "pages": -(-standing.count // views.quarantine.ROWS_A_PAGE), "names": _names(ground),
    }  # fmt: skip
    return render(request, "quarantine.html.j2", shown | _still(ground))


@router.get("/hang-doi")
def outbox(request: Request, state: Text = "") -> HTMLResponse:
    """What waits for the Government portal, and what it refused."""
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        standing = views.outbox.standing(connection, state)
    shown = {"as_of": as_of, "standing": standing, "state": state, "states": views.outbox.STATES}
    return render(request, "outbox.html.j2", shown | _still(ground))


@router.get("/phien-ban")
def publications(request: Request, before: Version = 0) -> HTMLResponse:
    """Published versions of the feed."""
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        published = views.publications.published(connection, before=before)
        newest = published.newest
        age = None if newest is None else ground.registry.calendar.working_seconds_between(newest.as_of, as_of)
    shown = {
        "as_of": as_of, "published": published, "most": views.publications.VERSIONS_A_PAGE, "before": before,
        "age": None if age is None else timedelta(seconds=max(age, 0)),
    }  # fmt: skip
    return render(request, "publications.html.j2", shown | _still(ground))


@router.get("/nhat-ky")
def audit(request: Request, source: Text = "", who: Text = "", action: Text = "", page: Page = 1) -> HTMLResponse:
    """What people did."""
    wanted = views.audit.Wanted(source=source, who=who, action=action)
    ground = grounds(request)
    with ground.looking() as (connection, as_of):
        trail = views.audit.trail(connection, ground.registry, wanted, page=page)
    shown = {"as_of": as_of, "wanted": wanted, "trail": trail, "page": page, "names": _names(ground)}
    return render(request, "audit.html.j2", shown | _still(ground))


def grounds(request: Request) -> Ground:
    """What the application stands on."""
    found: Ground = request.app.state.ground
    return found


def _still(ground: Ground) -> dict[str, bool]:
    return {"stands_still": ground.clock is None}


def _names(ground: Ground) -> dict[str, str]:
    """The name of every source, those that are read no more included."""
    return {
        source.id: views.sources.names_of(ground.registry, source)[0] for source in ground.registry.sources.values()
    }
