"""The whole stand-in city as one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from sandbox.city import city_portal, control, igate, lgsp, portal, soap
from sandbox.city.answers import Dated
from sandbox.city.catalogue import unlisted_procedures
from sandbox.city.city_portal import CityPortal
from sandbox.city.connections import PORTAL_USER, portal_password
from sandbox.city.portal import PortalState
from sandbox.city.state import CityState


def city_app(state: CityState) -> Starlette:
    """Every installation at its base path, the portals, and the levers below `/control`."""
    government = PortalState(
        state.registry, user=PORTAL_USER, password=portal_password(state),
        unlisted=unlisted_procedures(state.population),
    )  # fmt: skip
    consumer = CityPortal()
    return Starlette(
        middleware=[Middleware(Dated)],
        routes=[
            *igate.routes(state),
            *lgsp.routes(state),
            *soap.routes(state),
            Mount("/portal", routes=portal.routes(government)),
            Mount("/city-portal", routes=city_portal.routes(consumer)),
            Mount("/control/portal", routes=portal.control_routes(government)),
            Mount("/control/city-portal", routes=city_portal.control_routes(consumer)),
            Mount("/control", routes=control.routes(state)),
        ],
    )
