"""Edits of the history: each shows in the ledger's view as it is meant, from the clock at which it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from sandbox.city import times
from sandbox.city.clock import View
from sandbox.city.faults import RULES
from sandbox.city.listed import Row, rows
from sandbox.city.listing import EVERYTHING
from sandbox.city.misbehave import Trouble
from sandbox.city.registry import Registry
from sandbox.city.state import CityState
from sandbox.city.worktime import DAY, SECOND, moment
from tests.sandbox.city_client import CityClient

# a source of each precision: milliseconds, seconds, minutes
SOURCES = ("le_chan.quan", "an_duong.huyen", "vinh_bao.hung_nhan")
NOW = moment("2018-10-08T10:00:00")
Listed = list[Row]
# the codes that are meant, the rows from before and those from after
EditIt = Callable[..., tuple[tuple[str, ...], dict[str, Row], dict[str, Row]]]


@pytest.fixture(scope="module")
def built(registry: Registry) -> CityState:
    return CityState(registry, seed=2018, scale=0.2, now=NOW)


@pytest.fixture
def state(built: CityState) -> CityState:
    """A city without edits, at the standard clock."""
    built.edited.edits.clear()
    built.set_clock(NOW)
    return built


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, state: CityState) -> int:
    return next(place for place, one in enumerate(state.registry.sources) if one.id == request.param)


def listed(view: View, source: int) -> Listed:
    return list(rows(view, slice(*view.all_of(source)), times.iso))


def by_code(view: View, source: int) -> dict[str, Row]:
    return {row.code: row for row in listed(view, source)}


@pytest.fixture
def edited(state: CityState, source: int) -> EditIt:
    """Makes an edit of the source."""

    def edit(**wanted: object) -> tuple[tuple[str, ...], dict[str, Row], dict[str, Row]]:
        before = by_code(state.view, source)
        codes = state.edit(source, wanted).codes
        return codes, before, by_code(state.view, source)

    return edit


def test_inserted_dossiers_are_new_and_changed_last(state: CityState, source: int, edited: EditIt):
    codes, before, after = edited(op="insert", count=3)
    assert after.keys() - before.keys() == set(codes)
    assert [row.code for row in listed(state.view, source)][-3:] == sorted(codes)
    new = [after[code] for code in sorted(codes)]
    assert {row.status for row in new} == {2}
    unit = state.registry.sources[source].precision
    last = (NOW - SECOND) // unit * unit
    assert [row.changed for row in new] == [times.iso_one(last - unit * back) for back in (2, 1, 0)]


def test_thousands_share_a_change_time(edited: EditIt):
    codes, _, after = edited(op="same_time")
    assert len(set(codes)) == 10_000
    assert len({after[code].changed for code in codes}) == 1


def test_an_update_is_one_step_on(edited: EditIt):
    codes, before, after = edited(op="update")
    assert len(codes) == 1
    for code in codes:
        old, new = before[code], after[code]
        assert len(new.steps) == len(old.steps) + 1
        assert (old.status, new.status) in {(1, 2), (2, 4), (4, 9), (5, 4), (6, 4), (9, 10)}
        assert old.changed < new.changed
    assert {code: row.status for code, row in before.items() if code not in codes} == {
        code: row.status for code, row in after.items() if code not in codes
    }


def test_a_late_change_has_an_old_change_time(state: CityState, source: int, edited: EditIt):
    at = times.iso_one(NOW - 40 * DAY)
    codes, before, after = edited(op="update", at=at, status=7)
    (code,) = codes
    assert before[code].changed < after[code].changed <= at
    assert (after[code].status, after[code].steps[-1].status) == (7, 7)
    state.set_clock(NOW - DAY)
    assert by_code(state.view, source)[code].status == before[code].status


def test_an_updated_dossier_does_nothing_more_by_itself(state: CityState, source: int, edited: EditIt):
    codes, _, after = edited(op="update", status=4)
    state.set_clock(NOW + 30 * DAY)
    assert by_code(state.view, source)[codes[0]].steps == after[codes[0]].steps


def test_a_named_dossier_can_go_back(edited: EditIt, state: CityState, source: int):
    code = next(row.code for row in listed(state.view, source) if row.status == 10)
    codes, _, after = edited(op="update", codes=[code], status=4)
    assert (codes, after[code].status) == ((code,), 4)


def test_a_deleted_dossier_is_a_tombstone(edited: EditIt):
    codes, before, after = edited(op="delete", count=2)
    assert [(before[code].deleted, after[code].deleted) for code in codes] == [(False, True)] * 2
    assert all(after[code].changed > before[code].changed for code in codes)


def test_what_vanishes_is_gone_and_comes_back(state: CityState, source: int, edited: EditIt):
    codes, before, after = edited(op="vanish", share=0.6)
    assert before.keys() - after.keys() == set(codes)
    assert len(codes) == round(0.6 * sum(not row.deleted for row in before.values()))
    again, _, back = edited(op="comeback")
    assert set(codes) <= set(again)  # and what the office had struck out
    assert back.keys() == before.keys() | set(again)
    assert {back[code].changed for code in codes} == {listed(state.view, source)[-1].changed}


def test_a_tombstone_comes_back(edited: EditIt):
    codes, before, _ = edited(op="delete")
    _, _, after = edited(op="comeback", codes=list(codes))
    (code,) = codes
    assert (after[code].deleted, after[code].status) == (False, before[code].status)


def test_an_older_version_is_listed_behind_the_newer_one(state: CityState, source: int, edited: EditIt):
    codes, before, _ = edited(op="swap_versions", count=2)
    for code in codes:
        versions = [row for row in listed(state.view, source) if row.code == code]
        assert [len(row.steps) for row in versions] == [len(before[code].steps), len(before[code].steps) - 1]
        assert versions[0].changed >= versions[1].changed


def test_a_restored_source_tells_the_older_version(edited: EditIt):
    codes, before, after = edited(op="step_back")
    (code,) = codes
    assert after[code].steps == before[code].steps[:-1]
    assert after[code].changed == after[code].steps[-1].at


def test_a_doubled_dossier_tells_different_facts(state: CityState, source: int, edited: EditIt):
    codes, _, _ = edited(op="duplicate")
    first, second = (row for row in listed(state.view, source) if row.code == codes[0])
    assert (first.changed, first.name != second.name) == (second.changed, True)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_share_of_rows_breaks_a_rule(edited: EditIt, share: float):
    codes, before, after = edited(op="bad_share", share=share)
    assert abs(len(codes) - share * len(before)) < 2 + 0.05 * len(before)
    assert {after[code].status for code in codes} <= {11, 12, 99}


@pytest.mark.parametrize("rule", [rule for rule in RULES[1:] if rule != "code_shape"])
def test_every_rule_can_be_broken_where_the_platform_can_say_it(state: CityState, rule: str):
    source = next(place for place, one in enumerate(state.registry.sources) if one.id == "le_chan.quan")
    codes = state.edit(source, {"op": "bad_share", "rule": rule, "count": 1}).codes
    city = state.view.city
    dossier = next(place for place in np.flatnonzero(city.source == source) if city.codes[place] == codes[0])
    assert RULES[state.view.fault[dossier]] == rule


def test_hostile_text_stands_where_it_was_put(edited: EditIt):
    words = {"name": "=1+1", "summary": "<b>", "procedure_name": "\u202eabc"}
    codes, _, after = edited(op="text", **words)
    row = after[codes[0]]
    assert (row.name, row.summary, row.procedure.name) == tuple(words.values())


def test_undoing_leaves_no_trace(state: CityState, source: int):
    before = listed(state.view, source)
    for wanted in ({"op": "insert"}, {"op": "delete"}, {"op": "swap_versions"}, {"op": "text", "name": "X"}):
        state.edit(source, wanted)
    state.undo(source)
    assert listed(state.view, source) == before


def test_an_edit_shows_from_its_moment_on_and_not_before(state: CityState, source: int):
    state.set_clock(moment("2018-09-05T12:00:00"))
    codes = state.edit(source, {"op": "insert"}).codes
    assert codes[0] not in by_code(state.view_at(state.view.now - 1), source)
    state.set_clock(NOW)
    assert by_code(state.view, source)[codes[0]].received == times.iso_one(
        moment("2018-09-05T11:59:59") // state.registry.sources[source].precision
        * state.registry.sources[source].precision
    )  # fmt: skip


def test_edits_of_one_source_leave_the_others_alone(state: CityState, source: int):
    other = (source + 1) % len(state.registry.sources)
    before = listed(state.view, other)
    for op in ("insert", "update", "delete", "vanish", "swap_versions", "duplicate", "bad_share"):
        state.edit(source, {"op": op})
    assert listed(state.view, other) == before


@pytest.mark.parametrize(
    "wanted",
    [
        {"op": "burn"},
        {"op": "delete", "count": 100_000},
        {"op": "delete", "codes": ["000.05.33.H24-181012-0001"]},
        {"op": "insert", "at": "2019-01-01T00:00:00"},
        {"op": "text"},
        {"op": "bad_share", "rule": "code_shape"},
    ],
)
def test_what_cannot_be_is_refused(state: CityState, source: int, wanted: dict):
    with pytest.raises(ValueError):  # noqa: PT011  each says in its own words what was expected
        state.edit(source, wanted)


def test_a_register_breaks_no_rule_of_what_it_has_not(state: CityState):
    source = next(place for place, one in enumerate(state.registry.sources) if one.platform == "sftp_register")
    with pytest.raises(ValueError, match="no row of sftp_register can break"):
        state.edit(source, {"op": "bad_share", "rule": "unknown_applicant_kind"})


def test_the_listing_shifts_while_it_is_read(state: CityState, source: int):
    before = Counter(row.code for row in listed(state.view, source))
    trouble = Trouble("shift", seed=7)
    for _ in range(8):
        state.listing(source, EVERYTHING, trouble)
    assert len(state.edited.edits) == 8
    assert Counter(row.code for row in listed(state.view, source)) != before
    assert np.all(np.diff(state.view.row_changed[slice(*state.view.all_of(source))]) >= 0)


def test_edits_over_http(city: CityClient):
    url = f"{city.url}/control/edits"
    answer = city.http.post(url, json={"source": "le_chan.quan", "op": "insert", "count": 2})
    assert answer.status_code == 200
    codes = set(answer.json()["codes"])
    assert {line["code"] for line in city.ledger()} > codes
    assert [edit["op"] for edit in city.http.get(url).json()] == ["insert"]
    page = city.igate_page("igate_le_chan", city.log_in("igate_le_chan"), "000.00.33.H24").json()
    assert {row["MaHoSo"] for row in page["data"]["danhSach"]} > codes
    assert city.http.post(url, json={"source": "le_chan.quan", "op": "undo"}).json() == []
    assert not codes & {line["code"] for line in city.ledger()}
    assert city.http.post(url, json={"source": "nowhere", "op": "insert"}).status_code == 400
