"""The page "Nguồn dữ liệu" in Airflow's navigation, inside Airflow's frame and behind its log-in.

Every component of Airflow imports this file, and only the API server has use for the page: what it is made of
(`nguon_du_lieu`) is imported when it is first asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

# Any: messages of ASGI
Message = MutableMapping[str, Any]


async def page(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """The ASGI application; importing it takes a second, in which the API server goes on answering others."""
    module = await asyncio.to_thread(import_module, "nguon_du_lieu.app")
    await module.app(scope, receive, send)


class SourcesPage(AirflowPlugin):
    """One entry under "Browse"; with an address relative to Airflow's own, which may lie below a path."""

    name = "sources_page"
    fastapi_apps: ClassVar = [{"app": page, "url_prefix": "/nguon-du-lieu", "name": "Nguồn dữ liệu"}]
    external_views: ClassVar = [
        {
            "name": "Nguồn dữ liệu",
            "href": "nguon-du-lieu/",
            "destination": "nav",
            "category": "browse",
            "url_route": "nguon-du-lieu",
        }
    ]
