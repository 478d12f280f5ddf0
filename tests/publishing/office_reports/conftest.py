"""One installation a test."""

from __future__ import annotations

import pytest
from motcua.settings import Settings

from tests.publishing.office_reports.offices import Offices


@pytest.fixture
def offices(settings: Settings) -> Offices:
    return Offices(settings, {})
