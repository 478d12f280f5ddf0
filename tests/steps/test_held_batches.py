"""Mass changes: held before anything is written, decided by a person, or lapsed when the listing is ordinary again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from motcua import steps
from motcua.errors import ConfigError

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

STATES = "SELECT state, error_kind FROM api.batch ORDER BY cycle_id"
LIVING = "SELECT count(*) FROM api.dossier WHERE NOT deleted"


def some(count: int, **differs: object) -> list[dict[str, object]]:
    return [record(MaHoSo=f"000.05.33.H24-181012-{number:04d}", **differs) for number in range(1, count + 1)]


def day(number: int) -> datetime:
    return AS_OF + timedelta(days=number)


def full(pipeline: Pipeline, listed: Sequence[dict[str, object]], number: int) -> int:
    return pipeline.land_and_load(listed, as_of=day(number), full=True)


def the_hold(pipeline: Pipeline) -> dict[str, object]:
    [hold] = steps.holds(settings=pipeline.settings)
    return hold


def decide(pipeline: Pipeline, *, accept: bool) -> None:
    """As the command line and `decide_hold` do."""
    chunk = steps.decide_hold(
        settings=pipeline.settings, hold_id=the_hold(pipeline)["hold_id"], accept=accept, by="lan",
        reason="đã hỏi phường",
    )  # fmt: skip
    if chunk is not None:
        pipeline.judge(chunk["cycle_id"], chunk)
        pipeline.consolidate(chunk["cycle_id"], chunk)


@pytest.fixture
def thirty(pipeline: Pipeline) -> Pipeline:
    """A ward that has listed thirty dossiers."""
    pipeline.land_and_load(some(30))
    return pipeline


@pytest.mark.parametrize("left", [0, 12], ids=["nothing is left", "40 % are left"])
def test_a_listing_that_lost_most_of_its_dossiers_is_held(thirty: Pipeline, left: int) -> None:
    before = thirty.everything()
    full(thirty, some(30)[:left], 1)
    assert thirty.everything() == before
    assert thirty.rows(STATES)[1:] == [("held", "HELD")]
    hold = the_hold(thirty)
    assert hold["source_id"] == WARD
    assert (hold["change"], hold["before_count"], hold["after_count"], hold["state"]) == ("drop", 30, left, "open")
    assert hold["codes_gone"] == [one["MaHoSo"] for one in some(30)[left:]]
    assert thirty.rows("SELECT state, watermark IS NULL FROM api.source_state") == [("held", False)]


def test_as_many_tombstones_are_held_too(thirty: Pipeline) -> None:
    deleted = some(12, DaXoa=True, NgayCapNhat="2018-12-26T08:00:00.000")
    thirty.land_and_load(deleted, as_of=day(1))
    assert thirty.rows(LIVING) == [(30,)]
    assert (the_hold(thirty)["change"], the_hold(thirty)["after_count"]) == ("drop", 18)


def test_a_few_deletions_are_not_held(thirty: Pipeline) -> None:
    full(thirty, some(30)[:26], 1)
    assert thirty.rows(LIVING) == [(26,)]
    assert steps.holds(settings=thirty.settings) == []


def test_a_rise_out_of_the_band_is_held(thirty: Pipeline) -> None:
    many = [record(MaHoSo=f"000.05.33.H24-181226-{number:04d}") for number in range(1, 201)]
    thirty.land_and_load(many, as_of=day(1))
    hold = the_hold(thirty)
    assert (hold["change"], hold["before_count"], hold["after_count"]) == ("rise", 30, 230)
    assert len(hold["codes_changed"]) == 200
    assert thirty.rows(LIVING) == [(30,)]


def test_the_same_facts_with_a_new_change_time_are_no_rise(thirty: Pipeline) -> None:
    thirty.land_and_load(some(30, NgayCapNhat="2018-12-26T08:00:00.000"), as_of=day(1))
    assert steps.holds(settings=thirty.settings) == []


def test_accepting_merges_exactly_what_was_held(thirty: Pipeline) -> None:
    full(thirty, some(30)[:12], 1)
    decide(thirty, accept=True)
    assert thirty.rows(LIVING) == [(12,)]
    assert thirty.rows(STATES) == [("merged", None), ("merged", None)]
    assert thirty.rows("SELECT state FROM api.source_state") == [("ok",)]
    [decided] = steps.holds(settings=thirty.settings, decided=True)
    assert (decided["state"], decided["decided_by"], decided["decision_reason"]) == ("accepted", "lan", "đã hỏi phường")
    full(thirty, some(30)[:12], 2)
    assert steps.holds(settings=thirty.settings) == []


def test_rejecting_keeps_the_last_good_state_and_stays_quiet_until_the_listing_differs(thirty: Pipeline) -> None:
    full(thirty, some(30)[:12], 1)
    decide(thirty, accept=False)
    full(thirty, some(30)[:12], 2)
    assert thirty.rows(LIVING) == [(30,)]
    assert steps.holds(settings=thirty.settings) == []
    assert thirty.rows(STATES)[-1] == ("held", "HELD")
    full(thirty, some(30)[:11], 3)
    assert the_hold(thirty)["after_count"] == 11


def test_the_newest_batch_that_looks_the_same_is_the_one_to_decide(thirty: Pipeline) -> None:
    full(thirty, some(30)[:12], 1)
    first = the_hold(thirty)
    full(thirty, some(30)[:11], 2)
    again = the_hold(thirty)
    assert (again["hold_id"], again["raised_at"]) == (first["hold_id"], day(1))
    assert (again["after_count"], again["batch_id"] != first["batch_id"]) == (11, True)


def test_a_listing_that_is_whole_again_needs_no_decision(thirty: Pipeline) -> None:
    full(thirty, some(30)[:12], 1)
    full(thirty, some(30), 2)
    assert steps.holds(settings=thirty.settings) == []
    assert [hold["state"] for hold in steps.holds(settings=thirty.settings, decided=True)] == ["lapsed"]
    assert thirty.rows("SELECT state FROM api.source_state") == [("ok",)]
    assert thirty.rows(LIVING) == [(30,)]


def test_the_first_reading_of_a_source_is_never_held(pipeline: Pipeline) -> None:
    pipeline.land_and_load(some(300))
    assert pipeline.rows(LIVING) == [(300,)]


def test_a_decision_needs_an_open_hold_a_name_and_a_reason(thirty: Pipeline) -> None:
    with pytest.raises(ConfigError, match=r"there is no open hold 7; `motcua holds` lists"):
        steps.decide_hold(settings=thirty.settings, hold_id=7, accept=True, by="lan", reason="vì")
    with pytest.raises(ConfigError, match="needs a name and a reason"):
        steps.decide_hold(settings=thirty.settings, hold_id=7, accept=True, by="lan", reason=" ")


def test_the_band_of_the_registry_counts(pipeline: Pipeline) -> None:
    """le_chan's registry has no band: what is learned counts. 21 of 30 altered is more than 20 and a quarter."""
    pipeline.land_and_load(some(30))
    altered = some(26, TrichYeu="khác", NgayCapNhat="2018-12-26T08:00:00.000")
    pipeline.land_and_load(altered, as_of=day(1))
    # thirty changed on one day: five times as many are ordinary
    assert steps.holds(settings=pipeline.settings) == []


def test_what_comes_back_in_mass_is_counted(thirty: Pipeline) -> None:
    full(thirty, some(30)[:2], 1)
    decide(thirty, accept=True)
    twice_as_many = [*some(30), *(record(MaHoSo=f"000.05.33.H24-181226-{number:04d}") for number in range(1, 301))]
    full(thirty, twice_as_many, 2)
    hold = the_hold(thirty)
    assert (hold["change"], hold["before_count"], hold["after_count"]) == ("rise", 2, 330)
