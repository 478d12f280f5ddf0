"""The page over a real warehouse, without Airflow: whoever asks is let in, and told apart by name alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request
from motcua import warehouse
from motcua.domain.ticks import Ticks
from motcua.registry import Registry, load_registry
from motcua.settings import Settings
from motcua.warehouse import Role
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.site import make_app
from starlette.testclient import TestClient

from tests.plugins.made_up import AS_OF, fill

PREFIX = "/nguon-du-lieu"


async def let_in(request: Request) -> None:
    """Whoever asks, with no right to do anything."""
    request.state.person = "lan.nguyen"
    request.state.allowed = frozenset()


def mounted(settings: Settings, registry: Registry) -> tuple[FastAPI, Ground]:
    """The page below Airflow's path, at the city's moment."""
    ground = Ground(
        engine=warehouse.engine(settings, Role.WATCHER), registry=registry, ticks=Ticks(registry.calendar),
        clock=lambda: AS_OF,
    )  # fmt: skip
    outer = FastAPI()
    outer.mount(PREFIX, make_app(ground, guard=let_in, actions=APIRouter()))
    return outer, ground


@pytest.fixture(scope="package")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="package")
def filled(postgres: sa.URL, template_database: str, registry: Registry) -> Iterator[Settings]:
    """A made-up warehouse, for tests that only look."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    server = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        bare = Settings.from_environment({"MOTCUA_HOME": str(Path("/nonexistent"))})
        settings = replace(bare, database_url=postgres.set(database=name).render_as_string(hide_password=False))
        fill(settings, registry, dossiers=5_000)
        yield settings
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="package")
def client(filled: Settings, registry: Registry) -> Iterator[TestClient]:
    """Asks the page as Airflow's API server would."""
    app, ground = mounted(filled, registry)
    with TestClient(app, base_url="http://airflow.test") as asking:
        yield asking
    ground.engine.dispose()
