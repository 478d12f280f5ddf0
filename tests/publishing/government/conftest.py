"""One stand-in city for these tests, a scripted portal and a warehouse for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from motcua import warehouse
from motcua.connections import Connection, EnvironmentConnections
from motcua.registry import Registry, load_registry
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.government.outbox_setting import Setting
from tests.publishing.government.scripted_portal import ScriptedPortal, serve_script
from tests.sandbox.city_client import CityClient, serve


@dataclass
class StandIn:
    """The stand-in's Government portal: its account, its levers and its memory."""

    city: CityClient
    connection: Connection

    def control(self, name: str, **body: object) -> None:
        self.city.http.post(f"{self.city.url}/control/portal/{name}", json=body).raise_for_status()

    def misbehave(self, mode: str, **more: object) -> None:
        self.control("misbehave", mode=mode, **more)

    def summary(self) -> dict:
        return self.city.http.get(f"{self.city.url}/control/portal/summary").raise_for_status().json()

    def effects(self) -> list[tuple[str, int, str]]:
        return [(one["code"], one["version"], one["service"]) for one in self._lines("ledger")]

    def held(self) -> dict[str, dict]:
        return {one["code"]: one for one in self._lines("dossiers")}

    def _lines(self, name: str) -> list[dict]:
        answer = self.city.http.get(f"{self.city.url}/control/portal/{name}").raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    home = tmp_path_factory.mktemp("portal")
    with serve(home) as client:
        connections = EnvironmentConnections({}, home / "connections.json")
        yield StandIn(client, connections.get("government_portal"))


@pytest.fixture
def portal(city: StandIn) -> StandIn:
    """The stand-in's portal, which holds nothing and behaves."""
    city.control("reset")
    return city


@pytest.fixture
def script() -> Iterator[ScriptedPortal]:
    with serve_script() as portal:
        yield portal


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(None)


@pytest.fixture
def outbox(settings: Settings, registry: Registry) -> Iterator[Setting]:
    pipeline, sender = warehouse.engine(settings, Role.PIPELINE), warehouse.engine(settings, Role.SENDER)
    yield Setting(pipeline, sender, registry)
    pipeline.dispose()
    sender.dispose()
