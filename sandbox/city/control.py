"""Levers for tests and operators: the clock, the ledger, what was served, edits, and installations that misbehave.

`GET` of `/clock`, `/ledger/dossiers`, `/ledger/people`, `/ledger/served`, `/edits` and `/misbehave` tells.
`POST /clock {"now"}`, `/edits {"source", "op", …}` (see `meant`; `undo` takes all edits of a source back) and
`/misbehave {"source" | "group" | "connection", "mode", …}` (see `misbehave`; `off` makes it well again) change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.city import times
from sandbox.city.ledger import dossier_lines, people
from sandbox.city.meant import told
from sandbox.city.misbehave import DRIFTS, MODES, Trouble
from sandbox.city.state import CityState
from sandbox.city.worktime import moment

Wanted = Mapping[str, object]
Change = Callable[[CityState, Wanted], object]


def routes(state: CityState) -> list[BaseRoute]:
    """Routes below `/control`."""
    return [
        Route("/clock", _telling(state, _clock), methods=["GET"]),
        Route("/clock", _changing(state, _move_clock), methods=["POST"]),
        Route("/ledger/dossiers", _ledger(state), methods=["GET"]),
        Route("/ledger/people", _telling(state, _people), methods=["GET"]),
        Route("/ledger/served", _telling(state, _served), methods=["GET"]),
        Route("/edits", _telling(state, _edits), methods=["GET"]),
        Route("/edits", _changing(state, _edit), methods=["POST"]),
        Route("/misbehave", _telling(state, _troubles), methods=["GET"]),
        Route("/misbehave", _changing(state, _misbehave), methods=["POST"]),
    ]


def _telling(state: CityState, tell: Callable[[CityState], object]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return _json(tell(state))

    return answer


def _changing(state: CityState, change: Change) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return _json(change(state, orjson.loads(await request.body())))
        except (ValueError, KeyError, TypeError) as error:
            return _json({"error": str(error)}, 400)

    return answer


def _ledger(state: CityState) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return StreamingResponse(dossier_lines(state), media_type="application/x-ndjson")

    return answer


def _clock(state: CityState) -> object:
    return {"now": f"{times.iso_one(state.view.now)}+07:00", "rows": len(state.view.dossier)}


def _move_clock(state: CityState, wanted: Wanted) -> object:
    state.set_clock(moment(str(wanted["now"])))
    return _clock(state)


def _people(state: CityState) -> object:
    return sorted(people(state))


def _served(state: CityState) -> object:
    return [
        {"source": source.id, "rows": state.rows_served[source.id], "requests": state.requests_served[source.id]}
        for source in state.registry.sources
    ]


def _edits(state: CityState) -> object:
    return [told(edit, state.registry.sources[edit.source]) for edit in state.edited.edits]


def _edit(state: CityState, wanted: Wanted) -> object:
    places = {source.id: place for place, source in enumerate(state.registry.sources)}
    if wanted.get("source") not in places:
        raise ValueError(f"no source {wanted.get('source')!r}")
    source = places[str(wanted["source"])]
    if wanted.get("op") == "undo":
        state.undo(source)
        return _edits(state)
    return told(state.edit(source, wanted), state.registry.sources[source])


def _troubles(state: CityState) -> object:
    return state.troubles.current()


def _misbehave(state: CityState, wanted: Wanted) -> object:
    state.set_trouble(_scope(state, wanted), _trouble(wanted))
    return _troubles(state)


def _scope(state: CityState, wanted: Wanted) -> str:
    """The source, group or connection that is meant; ValueError for one that the city has not."""
    scope = wanted.get("source") or wanted.get("group") or wanted.get("connection")
    known = {name for one in state.registry.sources for name in (one.id, one.group, one.connection)}
    if scope not in known:
        raise ValueError(f"no source, group or connection {scope!r}")
    return str(scope)


# how each word of a trouble is read
_WORDS: dict[str, type] = {
    "times": int, "retry_after": str, "seconds": float, "share": float, "seed": int, "status": int, "location": str,
    "rows": int, "kind": str, "field": str,
}  # fmt: skip


def _trouble(wanted: Wanted) -> Trouble | None:
    """The trouble that is meant; None for `off`; ValueError for a mode or a kind that there is not."""
    mode, kind = wanted.get("mode"), wanted.get("kind", DRIFTS[0])
    if mode == "off":
        return None
    if mode not in MODES:
        raise ValueError(f"mode: expected off or one of {', '.join(MODES)}, got {mode!r}")
    if kind not in DRIFTS:
        raise ValueError(f"kind: expected one of {', '.join(DRIFTS)}, got {kind!r}")
    given = {name: read(wanted[name]) for name, read in _WORDS.items() if wanted.get(name) is not None}
    return Trouble(mode=str(mode), **given)


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
