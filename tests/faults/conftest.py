"""One city a worker for all faults, the offices they are tried on, and what a run without any fault comes to."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from motcua.settings import Settings

from sandbox.city.portal import PortalState
from sandbox.city.registry import read_registry
from tests.faults.course import MOMENTS, Course, Scenes, small_offices
from tests.faults.databases import own_settings
from tests.faults.offices import Offices, choose, write_registry
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.sandbox.city_client import AS_OF, REGISTRY, CityClient, serve
from tests.sandbox.portal_server import DSTCODE, PASSWORD, USER, serve_portal

# so that the neighbours alone bring more than a thousand dossiers (I11)
SCALE = 0.064
# the same in every home: what two runs publish is compared to the byte
SIGNING = {
    "conn_type": "generic", "password": b64encode(b"a" * 32).decode(), "extra": {"next": b64encode(b"b" * 32).decode()}
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """An installation that has read all offices once, with nothing wrong; it is copied, never used."""

    run: Run
    settings: Settings


@pytest.fixture(scope="session")
def running_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    with serve(tmp_path_factory.mktemp("city"), scale=SCALE) as client:
        yield client


@pytest.fixture(scope="session")
def offices(running_city: CityClient) -> Offices:
    restore(running_city)
    return choose(running_city)


@pytest.fixture(scope="session")
def own_registry(offices: Offices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_registry(tmp_path_factory.mktemp("registry") / "registry", offices)


@pytest.fixture(scope="session")
def read_once(
    postgres: sa.URL, template_database: str, running_city: CityClient, offices: Offices, own_registry: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Read]:  # fmt: skip
    restore(running_city)
    with own_settings(postgres, template_database, tmp_path_factory.mktemp("read")) as settings:
        with Rig(settings, running_city, offices, own_registry).open() as rig:
            run = rig.run()
        yield Read(run, settings)


@pytest.fixture(scope="session")
def clean(read_once: Read) -> Run:
    """A run in which nothing goes wrong."""
    return read_once.run


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    """The city, which each test finds and leaves as it was."""
    restore(running_city)
    yield running_city
    restore(running_city)


@pytest.fixture
def rig(settings: Settings, city: CityClient, offices: Offices, own_registry: Path) -> Iterator[Rig]:
    """An installation that has read nothing yet."""
    with Rig(settings, city, offices, own_registry).open() as opened:
        yield opened


@pytest.fixture
def read_rig(
    postgres: sa.URL, read_once: Read, city: CityClient, offices: Offices, own_registry: Path, tmp_path: Path
) -> Iterator[Rig]:
    """An installation that has read all offices once."""
    database = sa.make_url(str(read_once.settings.database_url)).database
    shutil.copytree(read_once.settings.home, tmp_path, dirs_exist_ok=True)
    with (
        own_settings(postgres, str(database), tmp_path) as settings,
        Rig(settings, city, offices, own_registry).open() as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def portal() -> PortalState:
    return PortalState(read_registry(REGISTRY), user=USER, password=PASSWORD)


@pytest.fixture(scope="module")
def course(
    postgres: sa.URL, template_database: str, running_city: CityClient, portal: PortalState,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Course]:  # fmt: skip
    home = tmp_path_factory.mktemp("course")
    with serve_portal(portal) as caller, own_settings(postgres, template_database, home) as settings:
        account = {
            "host": caller.url, "login": USER, "password": PASSWORD,
            "extra": {"auth_endpoint": "/auth", "integration_endpoint": "/integration", "share_endpoint": "/share",
                      "madonvi": "H24", "dstcode": DSTCODE},
        }  # fmt: skip
        file = tmp_path_factory.mktemp("connections") / "connections.json"
        others = {"government_portal": account, "motcua_feed": SIGNING}
        file.write_text(json.dumps(running_city.connections | others), encoding="utf-8")
        running_city.move_clock(f"{MOMENTS[0]:%Y-%m-%dT%H:%M:%S}")
        yield Course(replace(settings, connections=file), portal, small_offices(running_city))


@pytest.fixture(scope="module")
def scenes(
    postgres: sa.URL, running_city: CityClient, course: Course, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scenes]:
    kept = Scenes(postgres, running_city, tmp_path_factory.mktemp("scenes"))
    kept.play(course)
    yield kept
    kept.forget()


def restore(city: CityClient) -> None:
    """The standard clock, no trouble, no edits, and a portal that knows nothing."""
    control = f"{city.url}/control"
    for scope in city.http.get(f"{control}/misbehave").json():
        city.misbehave(source=scope, mode="off")
    for source in {edit["source"] for edit in city.http.get(f"{control}/edits").json()}:
        city.http.post(f"{control}/edits", json={"source": source, "op": "undo"}).raise_for_status()
    city.move_clock(AS_OF)
    city.http.post(f"{control}/portal/reset").raise_for_status()
