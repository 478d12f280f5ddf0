"""Dossiers that pass from office to office: how many, where to, and what each office tells of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pytest

from sandbox.city.clock import dates_at, view_at
from sandbox.city.population import Population, build
from sandbox.city.registry import Registry, canonical
from sandbox.city.scenario import CITY_2018
from sandbox.city.worktime import NEVER, moment
from tests.sandbox.city_client import AS_OF, CityClient, serve
from tests.sandbox.listings import Row, every_row

Route = list[int]  # rows of one dossier: where it was filed, then where it went, in this order


@pytest.fixture(scope="module")
def routes(whole_city: Population) -> list[Route]:
    """Of the dossiers that pass on."""
    passed = np.flatnonzero(whole_city.source != whole_city.filed_with)
    filed = {code: place for place, code in enumerate(whole_city.codes[: passed[0]])}
    found: dict[str, Route] = {}
    for place in passed.tolist():
        found.setdefault(whole_city.codes[place], [filed[whole_city.codes[place]]]).append(place)
    return list(found.values())


def kinds(city: Population, route: Route) -> tuple[str, ...]:
    words = {"cap_xa": "commune", "cap_huyen": "district", "cap_tinh": "department"}
    return tuple(words[city.registry.sources[source].level] for source in city.source[route])


def test_three_in_a_hundred_pass_on_and_are_still_one_each(whole_city: Population, routes: list[Route]):
    dossiers = len(set(whole_city.codes))
    assert round(len(routes) / dossiers, 3) == 0.03
    view = view_at(whole_city, moment(AS_OF))
    received = np.flatnonzero((view.status > 0) & ~np.isin(view.status, (1, 3)) & ~view.deleted)
    assert len(received) > len({whole_city.codes[place] for place in received}) == CITY_2018.received


def test_they_go_up_from_where_they_were_filed(whole_city: Population, routes: list[Route]):
    met = Counter(kinds(whole_city, route) for route in routes)
    assert set(met) == {
        ("commune", "district"), ("commune", "district", "department"), ("commune", "department"),
        ("district", "department"),
    }  # fmt: skip
    assert min(met.values()) > 100
    parents = {canonical(unit.agency_code): canonical(unit.parent) for unit in whole_city.registry.units}
    for route in routes:
        units = [canonical(whole_city.registry.sources[source].unit) for source in whole_city.source[route]]
        for kind, (below, above) in zip(kinds(whole_city, route)[1:], pairwise(units), strict=True):
            assert kind == "department" or parents[below] == above


def test_one_dossier_comes_over_up_to_three_platforms(whole_city: Population, routes: list[Route]):
    platforms = Counter(
        len({whole_city.registry.sources[source].platform for source in whole_city.source[route]}) for route in routes
    )
    assert set(platforms) == {1, 2, 3}
    assert platforms[3] > 20


def test_each_office_has_a_code_once(whole_city: Population):
    own = Counter(zip(whole_city.source.tolist(), whole_city.listed_codes, strict=True))
    assert own.most_common(1)[0][1] == 1


def test_no_database_has_two_histories_of_one_dossier(whole_city: Population, routes: list[Route]):
    for route in routes:
        offices = [whole_city.registry.sources[source] for source in whole_city.source[route]]
        databases = [one.connection for one in offices if one.platform == "sql_view"]
        assert len(databases) == len(set(databases))


def test_each_office_receives_it_after_the_one_before(whole_city: Population, routes: list[Route]):
    for route in routes:
        received = whole_city.received_at[route]
        assert (np.diff(received) > 0).all()
        assert (whole_city.timeline.times[route[1:], 0] == received[1:]).all()


def test_the_last_office_hands_back_or_answers_itself(whole_city: Population, routes: list[Route]):
    ends = np.where(whole_city.timeline.statuses == 9, whole_city.timeline.times, NEVER).min(axis=1)
    answered = [route for route in routes if ends[route[0]] == NEVER]
    handed_back = [route for route in routes if ends[route[0]] != NEVER]
    assert 0.3 < len(answered) / len(routes) < 0.5
    assert all(ends[route[-1]] != NEVER for route in answered)
    assert all((ends[route[:-1]] > ends[route[1:]]).all() for route in handed_back if ends[route[-1]] != NEVER)
    struck_out = [route[-1] for route in handed_back if ends[route[-1]] == NEVER]
    assert len(struck_out) > 30
    assert (whole_city.deleted_at[struck_out] != NEVER).all()


def test_offices_differ_on_some_facts(whole_city: Population, routes: list[Route]):
    """Same applicant, same moment of submission; a few differ in procedure, channel or due date."""
    shown = dates_at(view_at(whole_city, moment(AS_OF)), np.arange(len(whole_city)))
    differ = Counter(
        name
        for route in routes
        for name, column in {
            "procedure": whole_city.procedure, "channel": whole_city.channel, "due": shown.due,
            "applicant": whole_city.seed, "kind": whole_city.kind, "fault": whole_city.fault,
        }.items()
        if (column[route] != column[route[0]]).any()
    )  # fmt: skip
    assert set(differ) == {"procedure", "channel", "due"}
    assert all(0.02 * len(routes) < count < 0.35 * len(routes) for count in differ.values())


def test_equal_seeds_pass_on_alike(registry: Registry):
    cities = [build(registry, seed=seed, scale=0.05) for seed in (2018, 2018, 2019)]
    passed = [[(code, int(source)) for code, source in zip(one.codes, one.source, strict=True)] for one in cities]
    assert passed[0] == passed[1] != passed[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[dict], Mapping[str, dict[str, Row]]]]:
    """The ledger of a small city, and the rows of each code by the source that lists it."""
    with serve(tmp_path_factory.mktemp("city"), scale=0.1) as city:
        found: dict[str, dict[str, Row]] = {}
        for source, row in every_row(city):
            found.setdefault(row["MaHoSo"], {})[source.id] = row
        yield city.ledger(), found


@pytest.mark.slow
def test_every_listing_has_it_under_its_own_unit(told: tuple[list[dict], Mapping[str, dict[str, Row]]]):
    ledger, listed = told
    passed = [line for line in ledger if line["filed_with"] != line["source_id"]]
    assert len(passed) > 200
    for line in passed:
        row = listed[line["code"]][line["source_id"]]
        assert row["MaDonViTiepNhan"] == line["unit_wire"]
        assert len(row["TienTrinh"]) == line["steps"]
        assert canonical(line["code"].split("-")[0]) != line["unit"]


@pytest.mark.slow
def test_a_look_up_finds_it_in_every_installation(tmp_path_factory: pytest.TempPathFactory):
    with serve(tmp_path_factory.mktemp("city")) as city:
        line = next(one for one in city.ledger() if one["platform"] == "lgsp" and one["filed_with"] != one["source_id"])
        connection = f"lgsp_{line['source_id'].split('.')[0]}"
        session = city.log_in(connection)
        answer = city.lgsp(connection, session, madonvi=line["unit_wire"], service="TraCuuHoSo", mahoso=line["code"])
        assert [row["MaHoSo"] for row in answer["result"]] == [line["code"]]


@pytest.mark.slow
def test_an_edit_is_of_one_office(city: CityClient):
    passed = next(one for one in city.ledger() if one["filed_with"] != one["source_id"] and not one["deleted"])
    before = {(one["code"], one["source_id"]): one["changed_at"] for one in city.ledger()}
    city.edit(source=passed["source_id"], op="delete", codes=[passed["code"]])
    after = {(one["code"], one["source_id"]): one["changed_at"] for one in city.ledger()}
    assert {key for key in before if before[key] != after[key]} == {(passed["code"], passed["source_id"])}
    city.edit(source=passed["source_id"], op="undo")
