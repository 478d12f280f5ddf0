"""One feed a test, of a warehouse of its own; the packaged registry is loaded once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from motcua import warehouse
from motcua.registry import Registry, load_registry
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.city_feed.feed import Feed


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def feed(settings: Settings, registry: Registry) -> Iterator[Feed]:
    engines = [warehouse.engine(settings, role) for role in (Role.PIPELINE, Role.PUBLISHER, None)]
    yield Feed(
        pipeline=engines[0],
        publisher=engines[1],
        owner=engines[2],
        registry=registry,
        folder=settings.home / "feeds" / "v1",
    )
    for engine in engines:
        engine.dispose()
