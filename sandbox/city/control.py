"""Levers for tests and operators: the clock, the ledger, what was served, and installations that misbehave."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.city import times
from sandbox.city.ledger import dossier_lines
from sandbox.city.misbehave import MODES, Trouble
from sandbox.city.state import CityState
from sandbox.city.worktime import moment


def routes(state: CityState) -> list[BaseRoute]:
    """Routes below `/control`."""

    async def read_clock(_: Request) -> Response:
        return _json(_clock(state))

    async def move_clock(request: Request) -> Response:
        try:
            now = moment(orjson.loads(await request.body())["now"])
        except (ValueError, KeyError, TypeError) as error:
            return _json({"error": f'expected {{"now": "2018-12-25T17:00:00+07:00"}}: {error}'}, 400)
        state.set_clock(now)
        return _json(_clock(state))

    async def dossiers(_: Request) -> Response:
        return StreamingResponse(dossier_lines(state.population, state.view), media_type="application/x-ndjson")

    async def served(_: Request) -> Response:
        sources = [
            {"source": source.id, "rows": state.rows_served[source.id], "requests": state.requests_served[source.id]}
            for source in state.registry.sources
        ]
        return _json(sources)

    async def read_troubles(_: Request) -> Response:
        return _json(state.troubles.current())

    async def make_trouble(request: Request) -> Response:
        try:
            wanted = orjson.loads(await request.body())
            scope, trouble = _scope(state, wanted), _trouble(wanted)
        except (ValueError, KeyError, TypeError) as error:
            return _json({"error": str(error)}, 400)
        state.troubles.set(scope, trouble)
        return _json(state.troubles.current())

    return [
        Route("/clock", read_clock, methods=["GET"]),
        Route("/clock", move_clock, methods=["POST"]),
        Route("/ledger/dossiers", dossiers, methods=["GET"]),
        Route("/ledger/served", served, methods=["GET"]),
        Route("/misbehave", read_troubles, methods=["GET"]),
        Route("/misbehave", make_trouble, methods=["POST"]),
    ]


def _clock(state: CityState) -> dict[str, object]:
    return {"now": f"{times.iso_one(state.view.now)}+07:00", "rows": len(state.view.dossier)}


def _scope(state: CityState, wanted: dict[str, object]) -> str:
    """The source, group or connection that is meant; ValueError for one that the city has not."""
    scope = wanted.get("source") or wanted.get("group") or wanted.get("connection")
    known = {name for one in state.registry.sources for name in (one.id, one.group, one.connection)}
    if scope not in known:
        raise ValueError(f"no source, group or connection {scope!r}")
    return str(scope)


def _trouble(wanted: dict[str, object]) -> Trouble | None:
    """The trouble that is meant; None for `off`; ValueError for a mode that there is not."""
    mode = wanted.get("mode")
    if mode == "off":
        return None
    if mode not in MODES:
        raise ValueError(f"mode: expected off or one of {', '.join(MODES)}, got {mode!r}")
    times_left = wanted.get("times")
    return Trouble(
        mode=str(mode),
        times=None if times_left is None else int(str(times_left)),
        retry_after=str(wanted.get("retry_after", "1")),
        seconds=float(str(wanted.get("seconds", 1.0))),
    )


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
