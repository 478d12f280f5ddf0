"""One city a worker for all faults, the offices they are tried on, and what a run without any fault comes to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from motcua.settings import Settings

from tests.faults.offices import Offices, choose, write_registry
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.sandbox.city_client import AS_OF, CityClient, serve

# so that the neighbours alone bring more than a thousand dossiers (I11)
SCALE = 0.1


@pytest.fixture(scope="session")
def running_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    with serve(tmp_path_factory.mktemp("city"), scale=SCALE) as client:
        yield client


@pytest.fixture(scope="session")
def offices(running_city: CityClient) -> Offices:
    return choose(running_city)


@pytest.fixture(scope="session")
def own_registry(offices: Offices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_registry(tmp_path_factory.mktemp("registry") / "registry", offices)


@pytest.fixture(scope="session")
def clean(
    postgres: sa.URL, template_database: str, running_city: CityClient, offices: Offices, own_registry: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:  # fmt: skip
    """A run in which nothing goes wrong."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    server = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        bare = Settings.from_environment({"MOTCUA_HOME": str(tmp_path_factory.mktemp("home"))})
        settings = replace(bare, database_url=postgres.set(database=name).render_as_string(hide_password=False))
        with Rig(settings, running_city, offices, own_registry).open() as rig:
            yield rig.run()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    """The city, which each test leaves with the standard clock and no trouble."""
    yield running_city
    running_city.move_clock(AS_OF)
    running_city.http.post(f"{running_city.url}/control/portal/reset").raise_for_status()
    for scope in running_city.http.get(f"{running_city.url}/control/misbehave").json():
        running_city.misbehave(source=scope, mode="off")


@pytest.fixture
def rig(settings: Settings, city: CityClient, offices: Offices, own_registry: Path) -> Iterator[Rig]:
    """An installation that has read nothing yet."""
    with Rig(settings, city, offices, own_registry).open() as opened:
        yield opened
