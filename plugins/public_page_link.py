"""A link from Airflow's navigation to the public page, where `MOTCUA_PAGE_URL` says its address."""

from __future__ import annotations

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin


def _views(address: str | None) -> list[dict[str, Any]]:
    # no url_route: the page opens in a tab of its own and is not framed
    return [{"name": "Công khai", "href": address, "destination": "nav"}] if address else []


class PublicPageLink(AirflowPlugin):
    """One entry beside Airflow's own, or none."""

    name = "public_page_link"
    external_views = _views(os.environ.get("MOTCUA_PAGE_URL"))
