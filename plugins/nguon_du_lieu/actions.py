"""What people do on the page: each a POST to the page on which its form stands, with a reason.

What reads, judges or decides is a run of the DAG that does it, started in the person's name; schedules are changed at
once. A form that is wrong comes back as it was typed; a form that is sent twice does its work once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from nguon_du_lieu import doing, pages
from nguon_du_lieu.doing import Asked, Wrong
from nguon_du_lieu.pages import grounds
from nguon_du_lieu.rights import Person, token_of, who
from nguon_du_lieu.runs import NotStarted

router = APIRouter()
# what an answer adds to the address, and the next page leaves out
TOLD = ("done", "dag", "run", "waits")


@router.post("/nguon/{source_id}")
async def at_source(request: Request, source_id: str, user: Person) -> Response:
    """One source: read it, pause or resume it, change its schedule, decide about its hold, judge it again."""
    registry = grounds(request).registry
    if source_id not in registry.sources:
        raise HTTPException(404, detail=source_id)
    return await _answer(request, user, ("source", source_id), [source_id], lambda: pages.source(request, source_id))


@router.post("/")
async def at_group(request: Request, user: Person) -> Response:
    """The sources of a group, which `?group=` names."""
    registry, group = grounds(request).registry, request.query_params.get("group", "")
    if group not in registry.groups:
        raise HTTPException(404, detail=group)
    members = [source.id for source in registry.sources.values() if source.group == group]
    return await _answer(request, user, ("group", group), members, lambda: pages.sources(request, group=group))


# Any: whatever FastAPI makes of a handler
async def _answer(
    request: Request, user: Any, scope: tuple[str, str], sources: list[str], page: Callable[[], Response]
) -> Response:
    """Does what the form asks, and leads back to the page; a wrong form is shown again with what is wrong."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    action = form.get("action", "")
    do: Callable[[Asked], Awaitable[Mapping[str, str]]] | None = doing.ACTIONS.get(action)
    if do is None:
        raise HTTPException(400, detail=f"action={action[:40]}")
    try:
        asked = Asked.of(
            form, scope=scope, sources=sources, by=who(user), token=token_of(user), ground=grounds(request)
        )
        told = await do(asked)
    except Wrong as wrong:
        request.state.typed = {"action": action, "values": form, "wrong": wrong}
        response = await run_in_threadpool(page)
        response.status_code = 422
        return response
    except NotStarted as error:
        raise HTTPException(error.status if error.status in (401, 403) else 502, detail=error.said) from error
    kept = {name: value for name, value in request.query_params.items() if name not in TOLD}
    return RedirectResponse(f"?{urlencode({**kept, 'done': action, **told})}", status_code=303)
