"""The stand-in's Government portal, as tests of its catalogues handle it."""

from __future__ import annotations

import json

from tests.sandbox.city_client import CityClient


class CataloguePortal:
    """Its levers and its memory."""

    def __init__(self, city: CityClient) -> None:
        self._city = city

    def control(self, lever: str, /, **body: object) -> None:
        """Pulls a lever below `/control/portal`."""
        self._city.http.post(f"{self._city.url}/control/portal/{lever}", json=body).raise_for_status()

    def change(self, op: str, **asked: object) -> None:
        """Changes the catalogue."""
        self.control("catalogue", op=op, **asked)

    def held(self) -> dict[str, dict]:
        """The records that it holds, by code."""
        answer = self._city.http.get(f"{self._city.url}/control/portal/dossiers").raise_for_status()
        lines = map(json.loads, answer.text.splitlines())
        return {one["code"]: one["record"] for one in lines}
