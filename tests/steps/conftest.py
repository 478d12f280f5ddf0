"""One running city a module, and installations that read it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings

from tests.sandbox.city_client import AS_OF, CityClient, serve
from tests.steps.pipeline import Pipeline


@pytest.fixture(scope="module")
def city_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def running_city(city_home: Path) -> Iterator[CityClient]:
    with serve(city_home) as client:
        yield client


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    """The city, which each test leaves with the standard clock and no trouble."""
    yield running_city
    running_city.move_clock(AS_OF)
    for scope in running_city.http.get(f"{running_city.url}/control/misbehave").json():
        running_city.misbehave(source=scope, mode="off")


@pytest.fixture
def pipeline(settings: Settings, city_home: Path) -> Pipeline:
    """An empty installation."""
    return Pipeline(*_reading(settings, city_home))


@pytest.fixture(scope="module")
def read_city(
    postgres: sa.URL, template_database: str, running_city: CityClient, city_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pipeline]:  # fmt: skip
    """An installation that has read and merged the whole city once; for tests that only look."""
    with installed(postgres, template_database, city_home, tmp_path_factory.mktemp("home")) as pipeline:
        pipeline.cycle(running_city.sources)
        yield pipeline


@contextmanager
def installed(postgres: sa.URL, template_database: str, city_home: Path, home: Path) -> Iterator[Pipeline]:
    """An empty installation for several tests."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    server = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        bare = Settings.from_environment({"MOTCUA_HOME": str(home)})
        settings = replace(bare, database_url=postgres.set(database=name).render_as_string(hide_password=False))
        yield Pipeline(*_reading(settings, city_home))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _reading(settings: Settings, city_home: Path) -> tuple[Settings, EnvironmentConnections]:
    file = city_home / "connections.json"
    return replace(settings, connections=file), EnvironmentConnections({}, file)
