"""A small feed with its page, a whole city's, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from motcua.publishing.public_page import build_page
from motcua.registry import Registry, load_registry
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.publishing.public_page.a_feed import write_city, write_feed

# Three tiers with districts, and two without.
SHAPES = {"2018": "2018-12-25T17:00:00+07:00", "2026": "2026-10-30T17:00:00+07:00"}


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def feed(tmp_path: Path, registry: Registry) -> Path:
    write_feed(tmp_path)
    build_page(tmp_path.as_uri(), registry.calendar)
    return tmp_path


@pytest.fixture(scope="module", params=SHAPES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    folder = tmp_path_factory.mktemp(f"city-{request.param}")
    write_city(folder, registry, datetime.fromisoformat(SHAPES[request.param]))
    build_page(folder.as_uri(), registry.calendar)
    return folder
