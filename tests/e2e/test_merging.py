"""What the checker holds true of a dossier that several offices tell of: cases made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from tests.e2e.check_warehouse import check_warehouse
from tests.e2e.evidence import Evidence, merge_orders
from tests.e2e.feed_reader import Feed
from tests.e2e.merging import in_line, merged
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.truth import Truth, derive_truth
from tests.e2e.version import Version

CODE = "000.05.33.H24-181012-0001"
# where it was filed, its district, a department, and a ward that has no part in it
WARD, DISTRICT, DEPARTMENT, NEIGHBOUR = "le_chan.an_bien", "le_chan.quan", "so_nganh.tu_phap", "le_chan.cat_dai"
UNITS = {WARD: "000.05.33.H24", DISTRICT: "000.00.33.H24", DEPARTMENT: "000.00.72.H24", NEIGHBOUR: "000.01.33.H24"}
AGENCIES = {WARD: "H24.33.05", DISTRICT: "H24.33", DEPARTMENT: "H24.72", NEIGHBOUR: "H24.33.01"}
Line = dict[str, Any]  # Any: JSON


def at(day: int, hour: int = 8) -> str:
    return f"2018-10-{day:02d}T{hour:02d}:00:00.000"


def moment(day: int, hour: int = 8) -> datetime:
    return datetime.fromisoformat(f"{at(day, hour)}+07:00")


def line(source: str, *steps: tuple[str, int], **differs: object) -> Line:
    """What a source tells of the dossier in the ledger: received with the first step, changed with the last."""
    times = {status: f"{step}+07:00" for step, status in steps}
    return {
        "source_id": source, "platform": "igate", "unit": AGENCIES[source], "code": CODE, "code_listed": CODE,
        "status": steps[-1][1], "channel": 1, "procedure_code": "1.001193", "submitted_at": f"{at(12, 7)}+07:00",
        "received_at": f"{steps[0][0]}+07:00", "due_at": f"{at(26, 17)}+07:00", "finished_at": times.get(9),
        "returned_at": times.get(10), "changed_at": f"{steps[-1][0]}+07:00", "history": [list(step) for step in steps],
        "requested": [step for step, status in steps if status == 5], "deleted": False, "fault": None,
        "duplicate": False, **differs,
    }  # fmt: skip


IN_WARD = line(WARD, (at(12), 2), (at(12, 9), 4))
IN_DISTRICT = line(DISTRICT, (at(15), 2), (at(15, 9), 4), channel=3)
IN_DEPARTMENT = line(DEPARTMENT, (at(17), 2), (at(17, 9), 5), (at(18), 4), (at(19), 9))


def derived(tables: RegistryTables, *cycles: Sequence[Line]) -> Truth:
    """Of cycles in which the lines' sources were merged in this order."""
    orders = [{one["source_id"]: place for place, one in enumerate(lines)} for lines in cycles]
    return derive_truth(cycles, orders, tables, moment(25, 17))


def claims(tables: RegistryTables, *lines: Line) -> dict[str, Version]:
    return derived(tables, lines).claims[CODE]


def test_what_was_filed_is_of_the_first_office_and_how_far_it_is_of_the_newest(tables: RegistryTables):
    told = claims(tables, IN_WARD, IN_DISTRICT, IN_DEPARTMENT)
    for order in permutations(told.values()):
        one = merged(order, tables.units)
        assert (one.source_id, one.agency, one.channel, one.received_at) == (WARD, "H24.33.05", 1, moment(12))
        assert (one.status, one.finished_at, one.changed_at) == (9, moment(19), moment(19))
        assert (one.steps, one.newest_step, one.supplements) == (8, 9, 1)
        assert [source for source, _ in one.words] == [WARD, DISTRICT, DEPARTMENT]


def test_what_the_first_office_does_not_know_is_the_next_ones(tables: RegistryTables):
    ward = line(WARD, (at(12), 2), received_at=None, due_at=None, procedure_code="9.999999")
    district = line(DISTRICT, (at(15), 2), due_at=f"{at(30, 17)}+07:00")
    one = merged(claims(tables, ward, district).values(), tables.units)
    assert (one.received_at, one.due_at, one.due_source) == (moment(15), moment(30, 17), "source")
    assert (one.procedure, one.submitted_at) == ("9.999999", moment(12, 7))


def test_a_code_that_names_nobody_was_filed_where_it_was_received_first(tables: RegistryTables):
    told = [replace(one, code="000.00.99.H24-181012-0001") for one in claims(tables, IN_WARD, IN_DISTRICT).values()]
    unreceived = [replace(one, received_at=None) if one.source_id == WARD else one for one in told]
    assert [merged(some, tables.units).source_id for some in (told, unreceived)] == [WARD, DISTRICT]


def test_an_office_that_is_not_above_counts_for_nothing(tables: RegistryTables):
    foreign = line(NEIGHBOUR, (at(20), 2), (at(21), 10))
    alone = merged(claims(tables, IN_WARD).values(), tables.units)
    assert merged(claims(tables, IN_WARD, foreign).values(), tables.units) == alone
    # nor does another ward's district, but any department does
    units = {**tables.units, "H24.33": {**tables.units["H24.33"], "parent": "H24"}}
    units["H24.33.05"] = {**units["H24.33.05"], "parent": "000.00.31.H24"}
    told = claims(tables, IN_WARD, IN_DISTRICT, IN_DEPARTMENT).values()
    assert [one.source_id for one in in_line(told, units)] == [WARD, DEPARTMENT]


def test_a_step_that_two_offices_tell_is_one_step(tables: RegistryTables):
    same = line(DISTRICT, (at(12), 2), (at(12, 9), 4), (at(12, 9), 4), (at(20), 9))
    one = merged(claims(tables, IN_WARD, same).values(), tables.units)
    assert one.history == ((at(12), 2), (at(12, 9), 4), (at(12, 9), 4), (at(20), 9))


def test_a_deleted_word_counts_only_where_none_lives(tables: RegistryTables):
    gone = replace(claims(tables, IN_DISTRICT)[DISTRICT], deleted=True, changed_at=moment(22))
    ward = claims(tables, IN_WARD)[WARD]
    assert merged([ward, gone], tables.units) == merged([ward], tables.units)
    both = merged([replace(ward, deleted=True), gone], tables.units)
    assert (both.deleted, both.source_id, both.status, both.changed_at) == (True, WARD, 4, moment(22))


def test_versions_follow_the_order_of_the_merges_and_the_last_does_not(tables: RegistryTables):
    up, down = (derived(tables, order) for order in ([IN_WARD, IN_DISTRICT], [IN_DISTRICT, IN_WARD]))
    assert [[one.source_id for one in truth.versions[CODE]] for truth in (up, down)] == [[WARD] * 2, [DISTRICT, WARD]]
    assert up.versions[CODE][-1] == down.versions[CODE][-1]
    assert up.versions_new == 2


def test_of_two_versions_of_one_cycle_the_portal_is_told_the_last(tables: RegistryTables):
    truth = derived(tables, [IN_WARD, IN_DISTRICT], [IN_WARD, IN_DISTRICT], [IN_WARD, IN_DISTRICT, IN_DEPARTMENT])
    assert [number for number, _ in truth.told(CODE)] == [2, 3]


def test_a_word_that_is_refused_leaves_the_others(tables: RegistryTables):
    faulty = line(DISTRICT, (at(15), 2), fault="unknown_status")
    truth = derived(tables, [IN_WARD, faulty])
    assert (truth.refused.keys(), len(truth.versions[CODE])) == ({(CODE, DISTRICT)}, 1)
    mended = derived(tables, [IN_WARD, faulty], [IN_WARD, line(DISTRICT, (at(15), 2))])
    assert (mended.refused, len(mended.versions[CODE])) == ({}, 2)


def test_batches_are_taken_in_the_order_in_which_they_ended():
    rows = [
        {"cycle_id": cycle, "source_id": source, "ended_at": moment(day)}
        for cycle, source, day in ((2, WARD, 20), (2, DISTRICT, 19), (1, WARD, 17), (1, DISTRICT, 18))
    ]
    assert merge_orders(rows) == ({WARD: 0, DISTRICT: 1}, {DISTRICT: 0, WARD: 1})


def row(one: Version, tables: RegistryTables, **more: object) -> dict[str, object]:
    """A row of a view as the product should have it."""
    return {
        "code": one.code, "agency_code": one.agency, "unit_code": tables.units[one.agency]["unit_code"],
        "procedure_code": one.procedure, "field_code": tables.procedures[one.procedure]["field_code"],
        "channel": one.channel, "status": one.status, "submitted_at": one.submitted_at, "received_at": one.received_at,
        "due_at": one.due_at, "due_source": one.due_source, "finished_at": one.finished_at,
        "returned_at": one.returned_at, "source_changed_at": one.changed_at, "steps": one.steps,
        "supplements": one.supplements, "deleted": one.deleted, **more,
    }  # fmt: skip


@pytest.fixture
def views(tables: RegistryTables) -> dict[str, list[dict[str, object]]]:
    """What the warehouse should hold of a dossier that three offices tell of."""
    truth = derived(tables, [IN_WARD, IN_DISTRICT, IN_DEPARTMENT])
    versions = truth.versions[CODE]
    return {
        "dossier": [row(versions[-1], tables, version=3)],
        "source_dossier": [row(one, tables, source_id=source) for source, one in truth.claims[CODE].items()],
        "dossier_version": [
            {"code": CODE, "version": number, "status": one.status, "deleted": False}
            for number, one in enumerate(versions, start=1)
        ],
        "issue": [
            {"code": CODE, "source_id": DISTRICT, "rule": "sources_disagree", "field": "channel",
             "severity": "warning", "settled_at": None},
        ],
        "quarantine": [],
        "delivery": [
            {"code": CODE, "version": version, "service": service, "state": state}
            for version, state in ((1, "superseded"), (2, "superseded"), (3, "accepted"))
            for service in ("DongBoHoSoMC", "CapNhatTienDoHoSoMC")
        ],
        "batch": [
            {"source_id": source, "cycle_id": 1, "state": "merged", "fetched": source in (WARD, DISTRICT, DEPARTMENT)}
            for source in tables.sources
        ],
    }  # fmt: skip


def found(tables: RegistryTables, views: Mapping[str, list[dict[str, object]]]) -> set[tuple[str, str, str]]:
    lines = [IN_WARD, IN_DISTRICT, IN_DEPARTMENT]
    evidence = Evidence(
        as_of=moment(25, 17), ledgers=(lines,), orders=({WARD: 0, DISTRICT: 1, DEPARTMENT: 2},), personal=frozenset(),
        warehouse=views, portal=[], portal_effects=[], portal_oddities={}, city_portal=[], summary={},
        feed=Feed(index={}, manifest={}, formats={}, agencies=[], lookups=[], text={}),
    )  # fmt: skip
    told = check_warehouse(derived(tables, lines), evidence)
    return {(finding.place.removeprefix("warehouse: api."), finding.code, finding.what) for finding in told}


def test_a_right_warehouse_is_right(tables: RegistryTables, views: dict[str, list[dict[str, object]]]):
    assert found(tables, views) == set()


@pytest.mark.parametrize(
    ("view", "place", "wrong", "what"),
    [
        ("dossier", 0, {"agency_code": "H24.33"}, "agency_code"),
        ("dossier", 0, {"channel": 3}, "channel"),
        ("dossier", 0, {"received_at": moment(15)}, "received_at"),
        ("dossier", 0, {"status": 4}, "status"),
        ("dossier", 0, {"finished_at": None}, "finished_at"),
        ("dossier", 0, {"source_changed_at": moment(15, 9)}, "source_changed_at"),
        ("dossier", 0, {"steps": 4}, "steps"),
        ("dossier", 0, {"supplements": 0}, "supplements"),
        ("dossier", 0, {"version": 1}, "version"),
        ("source_dossier", 1, {"channel": 1}, "channel"),
        ("source_dossier", 2, {"steps": 8}, "steps"),
        ("dossier_version", 1, {"status": 9}, "status"),
        ("delivery", 0, {"state": "accepted"}, "state"),
    ],
)
def test_the_checker_names_what_is_merged_wrongly(
    tables: RegistryTables, views: dict[str, list[dict[str, object]]], view: str, place: int, wrong: dict, what: str
):
    views[view][place] |= wrong
    ((_, code, told),) = found(tables, views)
    assert (code.split()[0], told) == (CODE, what)


@pytest.mark.parametrize("view", ["source_dossier", "issue"])
def test_the_checker_misses_a_word_and_a_difference(
    tables: RegistryTables, views: dict[str, list[dict[str, object]]], view: str
):
    lost = views[view].pop()
    ((place, code, what),) = found(tables, views)
    assert (place.split()[0], code.split()[:2], what) == (view, [CODE, lost["source_id"]], "is lost")


def test_the_checker_names_an_invented_difference(tables: RegistryTables, views: dict[str, list[dict[str, object]]]):
    views["issue"].append({**views["issue"][0], "source_id": DEPARTMENT})
    assert found(tables, views) == {("issue (sources_disagree)", f"{CODE} {DEPARTMENT} channel", "is invented")}
