"""Prometheus' own programs; where they are missing tests are skipped, and fail where nothing may be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.browser import SKIP_NOTHING

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = CHECKOUT / "config" / "prometheus" / "motcua.rules.yaml"
RULES_TEST = RULES.with_name("motcua.rules.test.yaml")


def program(name: str) -> str:
    """Path of `prometheus` or `promtool`."""
    path = shutil.which(name)
    if path is None:
        told = f"{name} is not installed: apt-get install prometheus"
        if os.environ.get(SKIP_NOTHING):
            pytest.fail(told)
        pytest.skip(told)
    return path
