"""The application: routes, one stylesheet, what every answer carries, and pages for what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy import exc
from starlette.exceptions import HTTPException

from nguon_du_lieu import pages
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.person import refuse_unreadable
from nguon_du_lieu.shown import render, spoken

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
# Nothing is fetched from anywhere else, nothing runs that is not ours, nobody but Airflow frames it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)


# Any: whatever FastAPI takes as a dependency
def make_app(ground: Ground, *, guard: Callable[..., Any], actions: APIRouter) -> FastAPI:
    """The whole page.

    Args:
        ground: what it stands on.
        guard: refuses who may not look; sets `request.state.person` and `request.state.allowed`, a set of actions.
        actions: routes that do something.
    """
    checks = [Depends(guard), Depends(_readable)]  # who may not look learns nothing of what they asked wrongly
    app = FastAPI(title="Nguồn dữ liệu", dependencies=checks, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.ground = ground
    app.include_router(pages.router)
    app.include_router(actions)
    app.add_api_route("/page.css", _style, methods=["GET"])
    app.add_api_route("/page.js", _script, methods=["GET"])
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    for away in (exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
        app.add_exception_handler(away, _database_away)
    app.middleware("http")(_with_headers)
    return app


async def _readable(request: Request) -> None:
    refuse_unreadable(dict(request.query_params))


async def _style() -> FileResponse:
    return FileResponse(STATIC / "page.css", media_type="text/css")


async def _script() -> FileResponse:
    return FileResponse(STATIC / "page.js", media_type="text/javascript")


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-cache"  # what stood how a minute ago helps nobody
    return response


async def _refused(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HTTPException)
    # who is not logged in, or may not look, learns nothing of what is here
    name = f"error_{error.status_code}" if error.status_code in (401, 403, 404) else "error_other"
    response = render(request, "error.html.j2", {"title_key": name, "told": error.detail}, status=error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _misread(request: Request, error: Exception) -> HTMLResponse:
    """A query that is none: the page names the parameters."""
    assert isinstance(error, RequestValidationError)
    told = ", ".join(sorted({str(one["loc"][-1]) for one in error.errors()}))
    return render(request, "error.html.j2", {"title_key": "error_other", "told": told}, status=400)


async def _database_away(request: Request, error: Exception) -> HTMLResponse:
    log.error("%s: the warehouse does not answer: %s", request.url.path, type(error).__name__)
    return render(request, "error.html.j2", {"title_key": "error_database", "told": None}, status=503)


__all__ = ["make_app", "spoken"]
