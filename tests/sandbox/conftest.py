"""One running city of a hundredth for these tests; each test leaves it with the standard clock and no trouble."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.city.population import Population, build
from sandbox.city.registry import Registry, read_registry
from tests.sandbox.city_client import AS_OF, REGISTRY, CityClient, serve


@pytest.fixture(scope="session")
def registry() -> Registry:
    return read_registry(REGISTRY)


@pytest.fixture(scope="session")
def whole_city(registry: Registry) -> Population:
    """The city of scale 1, never served."""
    return build(registry, seed=2018, scale=1.0)


@pytest.fixture(scope="session")
def running_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    with serve(tmp_path_factory.mktemp("city")) as client:
        yield client


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    yield running_city
    running_city.move_clock(AS_OF)
    for scope in running_city.http.get(f"{running_city.url}/control/misbehave").json():
        running_city.misbehave(source=scope, mode="off")
