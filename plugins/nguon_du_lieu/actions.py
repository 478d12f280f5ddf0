"""What people do on the page: each a POST to the page on which its form stands, with a reason.

What reads, judges or decides is a run of the DAG that does it, started in the person's name; schedules are changed at
once. A form that is wrong comes back as it was typed; a form that is sent twice does its work once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from nguon_du_lieu import doing, pages
from nguon_du_lieu.doing import Asked, Wrong
from nguon_du_lieu.pages import grounds
from nguon_du_lieu.person import Person, refuse_unreadable
from nguon_du_lieu.runs import NotStarted

# what an answer adds to the address, and the next page leaves out
TOLD = ("done", "dag", "run", "waits")


def routes(may_act: Callable[..., None]) -> APIRouter:
    """The POSTs; `may_act` refuses who may not, and sets `request.state.acting`, a Person."""
    router = APIRouter(dependencies=[Depends(may_act)])
    router.add_api_route("/nguon/{source_id}", _at_source, methods=["POST"])
    router.add_api_route("/", _at_group, methods=["POST"])
    router.add_api_route("/cach-ly", _at_quarantine, methods=["POST"])
    return router


async def _at_source(request: Request, source_id: str) -> Response:
    """One source: read it, pause or resume it, change its schedule, decide about its hold, judge it again."""
    if source_id not in grounds(request).registry.sources:
        raise HTTPException(404, detail=source_id)
    return await _answer(request, ("source", source_id), [source_id], lambda: pages.source(request, source_id))


async def _at_group(request: Request) -> Response:
    """The sources of a group, which `?group=` names."""
    registry, group = grounds(request).registry, request.query_params.get("group", "")
    members = [source.id for source in registry.sources.values() if source.group == group]
    if not members:
        raise HTTPException(404, detail=group)
    return await _answer(request, ("group", group), members, lambda: pages.sources(request, group=group))


async def _at_quarantine(request: Request) -> Response:
    """What is refused, of the source that `?source=` names, or of all: judge it again."""
    query, source = request.query_params, request.query_params.get("source", "")
    if source and source not in grounds(request).registry.sources:
        raise HTTPException(404, detail=source)

    def page() -> Response:
        return pages.quarantine(request, rule=query.get("rule", ""), source=source, owner=query.get("owner", ""))

    return await _answer(request, ("source", source), [source] if source else [], page, only=("replay",))


async def _answer(
    request: Request, scope: tuple[str, str], sources: list[str], page: Callable[[], Response],
    *, only: Collection[str] = tuple(doing.ACTIONS),
) -> Response:  # fmt: skip
    """Does what the form asks, and leads back to the page; a wrong form is shown again with what is wrong."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    refuse_unreadable(form)
    action = form.get("action", "")
    do: Callable[[Asked], Awaitable[Mapping[str, str]]] | None = doing.ACTIONS.get(action)
    if do is None or action not in only:
        raise HTTPException(400, detail=f"action={action[:40]}")
    person: Person = request.state.acting
    try:
        asked = Asked.of(
            form, scope=scope, sources=sources, by=person.name, token=person.token, ground=grounds(request)
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
