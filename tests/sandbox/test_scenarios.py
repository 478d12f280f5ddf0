"""Two cities by one code: which offices, which days, which numbers."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sandbox.city.clock import view_at
from sandbox.city.population import ONLINE_CHANNEL, Population, build
from sandbox.city.registry import Registry, read_registry
from sandbox.city.scenario import CITY_2026, SCENARIOS
from sandbox.city.worktime import WorkTime, day_number, moment
from sandbox.stack.__main__ import home_of
from tests.e2e.deadlines import YEARS, is_worked


@pytest.fixture(scope="module")
def registry_of_2026() -> Registry:
    assert CITY_2026.registry is not None
    return read_registry(CITY_2026.registry, CITY_2026)


@pytest.fixture(scope="module")
def city_of_2026(registry_of_2026: Registry) -> Population:
    return build(registry_of_2026, seed=2018, scale=0.1)


def test_2026_has_114_units_and_15_departments(registry_of_2026: Registry):
    kinds = Counter(source.kind for source in registry_of_2026.sources)
    assert kinds == {"department": 15, "ward": 45, "commune": 67, "special_zone": 2}
    units = {unit.agency_code for unit in registry_of_2026.units if unit.kind in {"ward", "commune", "special_zone"}}
    assert units == {source.unit for source in registry_of_2026.sources if source.kind != "department"}
    assert {unit.parent for unit in registry_of_2026.units if unit.kind != "city"} == {"H24"}


def test_the_platforms_of_2026_have_the_shares_of_2018(registry: Registry, registry_of_2026: Registry):
    before, after = (Counter(one.platform for one in known.sources) for known in (registry, registry_of_2026))
    shares = {platform: round(count * 129 / 258) for platform, count in before.items()}
    assert after == shares


def test_2026_reports_as_many_as_2018_and_most_of_them_online(city_of_2026: Population):
    view = view_at(city_of_2026, moment(CITY_2026.as_of))
    reported = np.flatnonzero((city_of_2026.received_at <= view.now) & ~view.deleted).tolist()
    online = [row for row in reported if city_of_2026.channel[row] == ONLINE_CHANNEL]
    assert len({city_of_2026.codes[row] for row in reported}) == 9_212
    assert 0.6 < len(online) / len(reported) < 0.7


def test_everything_of_2026_happens_in_2026(city_of_2026: Population):
    times = city_of_2026.timeline.times
    assert times.min() >= moment("2026-01-01T00:00:00")
    wrong = [code for code in city_of_2026.codes if not re.fullmatch(r"H24\.\d{2,3}-26\d{4}-\d{4}", code)]
    assert wrong == []


def test_communes_of_2026_handle_what_districts_did(city_of_2026: Population, registry_of_2026: Registry):
    offices = np.array([source.kind != "department" for source in registry_of_2026.sources])[city_of_2026.source]
    levels = np.array([procedure.level for procedure in registry_of_2026.procedures])[city_of_2026.procedure]
    assert set(levels[offices].tolist()) == {"cap_xa", "cap_huyen"}


@pytest.mark.parametrize("year", YEARS)
def test_offices_work_on_the_days_that_were_announced(registry: Registry, year: int):
    days = set(WorkTime(registry.days_off).days.tolist())
    first = date(year, 1, 1)
    every = [first + timedelta(days=more) for more in range((date(year + 1, 1, 1) - first).days)]
    assert [day for day in every if (day_number(day) in days) != is_worked(day)] == []


def test_each_scenario_has_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOTCUA_HOME", "/somewhere")
    assert {name: home_of(scenario) for name, scenario in SCENARIOS.items()} == {
        "2018": Path("/somewhere"),
        "2026": Path("/somewhere/2026"),
    }
