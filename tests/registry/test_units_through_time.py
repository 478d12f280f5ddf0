"""The packaged history of units as a whole: counted on every day that matters, leading somewhere from everywhere."""

from __future__ import annotations

import csv
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from motcua.registry import Registry, load_registry

COMMUNES = {"ward", "township", "commune", "special_zone"}
JULY = date(2025, 7, 1)
# what each unit of July 2025 came from, by statistics codes: Resolution 1669/NQ-UBTVQH15, article 1
CAME_FROM = Path(__file__).with_name("came_from_2025.csv")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.mark.parametrize(
    ("day", "districts", "departments", "communes"),
    [
        (date(2018, 4, 1), 15, 20, {"ward": 70, "township": 10, "commune": 143}),
        (date(2020, 1, 31), 15, 20, {"ward": 70, "township": 10, "commune": 143}),
        (date(2020, 2, 1), 15, 20, {"ward": 66, "township": 10, "commune": 141}),
        (date(2024, 12, 31), 15, 20, {"ward": 66, "township": 10, "commune": 141}),
        (date(2025, 1, 1), 15, 20, {"ward": 79, "township": 7, "commune": 81}),
        (date(2025, 6, 30), 15, 15, {"ward": 79, "township": 7, "commune": 81}),
        (JULY, 0, 15, {"ward": 45, "commune": 67, "special_zone": 2}),
    ],
)
def test_the_city_is_counted_as_the_resolutions_say(
    registry: Registry, day: date, districts: int, departments: int, communes: dict[str, int]
) -> None:
    kinds = Counter(unit.kind for unit in registry.units_on(day).values())
    assert (kinds["city"], kinds["district"], kinds["department"]) == (1, districts, departments)
    assert {kind: number for kind, number in kinds.items() if kind in COMMUNES} == communes


def test_every_unit_stands_below_one_that_is_in_force(registry: Registry) -> None:
    days = {unit.valid_from for spans in registry.history.values() for unit in spans}
    for day in sorted(days):
        units = registry.units_on(day)
        assert {unit.parent for unit in units.values()} - {None} <= units.keys(), day
        statistics = Counter(unit.unit_code for unit in units.values() if unit.kind != "department")
        assert set(statistics.values()) == {1}, day


def test_an_agency_has_no_gap(registry: Registry) -> None:
    for code, spans in registry.history.items():
        assert [unit.valid_to for unit in spans[:-1]] == [unit.valid_from for unit in spans[1:]], code


def test_from_every_agency_of_2018_every_later_day_is_reached_or_said_to_be_open(registry: Registry) -> None:
    for day in (date(2020, 2, 1), date(2025, 1, 1), date(2025, 3, 1), JULY):
        units = registry.units_on(day)
        led = {code: registry.succession.on(code, day) for code in registry.units_on(date(2018, 4, 1))}
        assert {one for found in led.values() for one in found.candidates} <= units.keys()
        lost = {code for code, found in led.items() if not found.candidates}
        assert {code.rpartition(".")[0] for code in lost} <= {"H24.43"}
        assert len(lost) == (0 if day.year == 2020 else 10)


def test_every_unit_of_july_2025_came_from_what_the_resolution_names(registry: Registry) -> None:
    with CAME_FROM.open(encoding="utf-8", newline="") as lines:
        expected = {
            row["unit_code"]: (row["unit_name"], set(row["came_from"].split())) for row in csv.DictReader(lines)
        }
    eve = registry.units_on(JULY - timedelta(days=1))
    found = {}
    for code, unit in registry.units_on(JULY).items():
        if unit.kind not in COMMUNES:
            continue
        before = [change.predecessor for change in registry.succession.before(code)]
        communes = {eve[one].unit_code for one in before if one in eve and eve[one].kind in COMMUNES}
        found[unit.unit_code] = (unit.unit_name, communes | {one for one in before if one in registry.joined})
    assert found == expected
    assert len({code for _, codes in expected.values() for code in codes}) == 167 + 207


def test_an_old_district_may_be_wherever_its_communes_are(registry: Registry) -> None:
    eve = registry.units_on(JULY - timedelta(days=1))
    for code, unit in eve.items():
        below = [one for one, commune in eve.items() if commune.parent == code and commune.kind in COMMUNES]
        if unit.kind == "district" and below:
            expected = {found for one in below for found in registry.succession.on(one, JULY).candidates}
            assert set(registry.succession.on(code, JULY).candidates) == expected, unit.unit_name


def test_what_is_known_by_a_day_grows_and_keeps_last_names(registry: Registry) -> None:
    in_2018, in_2026 = registry.units_by(date(2018, 4, 1)), registry.units_by(date(2026, 1, 1))
    assert in_2018 == registry.units_on(date(2018, 4, 1))
    assert in_2018.keys() < in_2026.keys() == registry.history.keys()
    assert (in_2018["H24.36.02"].unit_name, in_2026["H24.36.02"].unit_name) == ("Phường Ngọc Hải", "Phường Hải Sơn")


def test_loading_takes_less_than_a_second() -> None:
    started = time.process_time()
    load_registry()
    assert time.process_time() - started < 1
