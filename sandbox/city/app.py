"""The whole stand-in city as one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.city import control, igate, lgsp
from sandbox.city.state import CityState


def city_app(state: CityState) -> Starlette:
    """Every installation at its base path, the portals, and the levers below `/control`."""
    return Starlette(
        routes=[
            *igate.routes(state),
            *lgsp.routes(state),
            Mount("/control", routes=control.routes(state)),
        ]
    )
