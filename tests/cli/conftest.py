"""A running city, an installation that reads it, and somebody at its keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.settings import Settings

from tests.cli.shell import Shell
from tests.sandbox.city_client import CityClient
from tests.steps.conftest import city, city_home, pipeline, running_city

__all__ = ["city", "city_home", "pipeline", "running_city"]  # fixtures


@pytest.fixture
def shell(settings: Settings, city_home: Path, city: CityClient) -> Shell:
    return Shell(settings, city_home / "connections.json")
