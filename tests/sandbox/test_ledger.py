"""The ledger of registers: what their last files say, and since which file they have said it."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator

import pytest

from sandbox.city import times
from sandbox.city.ledger import dossier_lines
from sandbox.city.register import LOCAL, PLATFORM, Registers, styles
from sandbox.city.registry import Registry
from sandbox.city.sheets import MINUTES
from sandbox.city.state import CityState
from sandbox.city.worktime import SECOND, moment
from tests.sandbox.city_client import AS_OF

pytestmark = pytest.mark.slow

Lines = list[dict]
STANDARD_AS_OF = moment(AS_OF)


@pytest.fixture(scope="module")
def state(registry: Registry) -> CityState:
    return CityState(registry, seed=2018, scale=0.5, now=STANDARD_AS_OF)


def ledger(state: CityState) -> Lines:
    lines = [json.loads(line) for chunk in dossier_lines(state) for line in chunk.splitlines()]
    return [line for line in lines if line["platform"] == PLATFORM]


def files(state: CityState, source: int) -> Iterator[tuple[int, dict[str, list[list[str]]]]]:
    """When each of an office's CSV files was dropped, and the cells that it has of each code, in order."""
    delimiter = styles(state.registry)[source].delimiter
    for file in Registers(state).files(source, None).values():
        found: dict[str, list[list[str]]] = {}
        for cells in csv.reader(io.StringIO(file.body.decode("latin-1"), newline=""), delimiter=delimiter):
            if len(cells) > 1 and cells[1].startswith(state.registry.sources[source].unit):
                found.setdefault(cells[1], []).append(cells[2:])
        yield file.at * SECOND + LOCAL, found


def test_change_time_is_that_of_the_first_file_that_says_what_the_last_one_says(state: CityState):
    by_source = defaultdict(dict)
    for line in ledger(state):
        by_source[line["source_id"]][line["code_listed"]] = line["changed_at"]
    offices = [place for place, style in styles(state.registry).items() if style.suffix == "csv"]
    assert len(offices) > 5
    for place in offices:
        newest: dict[str, tuple[list[list[str]], int]] = {}
        for at, found in files(state, place):
            for code, cells in found.items():
                if newest.get(code, (None, 0))[0] != cells:
                    newest[code] = cells, at
        since = {code: f"{times.iso_one(at)}+07:00" for code, (_, at) in newest.items()}
        assert since == by_source[state.registry.sources[place].id]


def test_a_register_shows_its_last_drop_and_not_the_clock(state: CityState):
    state.set_clock(moment("2018-12-25T16:40:00"))
    noon = ledger(state)
    state.set_clock(STANDARD_AS_OF)
    evening = ledger(state)
    assert max(line["changed_at"] for line in noon) == "2018-12-24T16:45:00.000+07:00"
    assert max(line["changed_at"] for line in evening) == "2018-12-25T16:45:00.000+07:00"
    assert len(noon) < len(evening)


def test_dates_are_as_fine_as_the_office_writes_them(state: CityState):
    by_day = {state.registry.sources[place].id for place, style in styles(state.registry).items()
              if style.dates != MINUTES}  # fmt: skip
    for line in ledger(state):
        for name in ("submitted_at", "received_at", "due_at", "finished_at", "returned_at"):
            at = line[name] or "T00:00:00.000+07:00"
            assert at.endswith("T00:00:00.000+07:00" if line["source_id"] in by_day else ":00.000+07:00")


def test_steps_are_those_that_the_dates_imply(state: CityState):
    for line in ledger(state):
        reached = {2: line["received_at"], 9: line["finished_at"], 10: line["returned_at"]}
        statuses = [status for status, at in reached.items() if at]
        assert (line["steps"], line["newest_step"], line["supplements"]) == (
            len(statuses), max(statuses, default=None), 0,
        )  # fmt: skip


def test_an_office_that_keeps_a_register_receives_nothing_after_half_past_four(state: CityState):
    city = state.population
    keeps = [place for place, one in enumerate(state.registry.sources) if one.platform == PLATFORM]
    clock = {times.iso_one(int(at))[11:16] for source, at in zip(city.source, city.received_at, strict=True)
             if source in keeps and at < moment("2030-01-01T00:00:00")}  # fmt: skip
    assert max(clock) <= "16:30"
