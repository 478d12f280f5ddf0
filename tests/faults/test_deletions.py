"""Rows 18 and 19: dossiers that go and come back, and listings that lack too many of them at once."""

from __future__ import annotations

import pytest
from motcua import steps

from tests.faults.invariants import broken
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.faults.test_paging import nothing_to_see
from tests.faults.test_times import LATER, SOON, TIMED, clock
from tests.steps.pipeline import Pipeline

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of rows")]


def test_row_18_dossiers_go_with_a_tombstone_or_without_and_come_back_with_their_history(
    read_rig: Rig, clean: Run
) -> None:
    rig, shown = read_rig, nothing_to_see(read_rig, *TIMED)
    clock(rig, SOON)
    told = {source: set(rig.edit(source, op="delete", count=2)) for source in shown}
    untold = {source: set(rig.edit(source, op="vanish", count=2)) for source in shown}
    window = rig.run(as_of=SOON)
    assert broken(rig.evidence(window, clean, shown, moves_much=False)) == []
    for source in shown:
        assert window.after.deleted(source) & (told[source] | untold[source]) == told[source]
    full = rig.run(as_of=SOON, full=True)
    assert broken(rig.evidence(full, clean, shown)) == []
    for source in shown:
        assert told[source] | untold[source] <= full.after.deleted(source)
    clock(rig, LATER)
    for source in shown:
        rig.edit(source, op="comeback", codes=sorted(told[source] | untold[source]))
    back = rig.run(as_of=LATER)
    assert broken(rig.evidence(back, clean, shown, moves_much=False)) == []
    for source in shown:
        codes = told[source] | untold[source]
        assert not codes & back.after.deleted(source)
        assert {row["version"] for row in back.after.of("core.dossier") if row["code"] in codes} == {3}


def test_row_18_dossiers_that_change_while_a_full_listing_is_read_are_not_absent(read_rig: Rig, clean: Run) -> None:
    """The cycle is as of a moment before they changed: its window no longer has them."""
    rig, shown = read_rig, nothing_to_see(read_rig, *TIMED)
    clock(rig, SOON)
    changed = {source: set(rig.edit(source, op="update", count=2)) for source in shown}
    run = rig.run(full=True)
    assert broken(rig.evidence(run, clean, shown)) == []
    for source in shown:
        assert not changed[source] & run.after.deleted(source)


def test_row_19_listing_that_lacks_most_of_it_deletes_nothing_until_a_person_says_so(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    for mode, platform in zip(("half_list", "empty_list", "half_list", "empty_list"), TIMED, strict=True):
        rig.misbehave(platform, mode=mode, share=0.4)
    run = rig.run(full=True)
    victims = rig.offices.victims_of(*TIMED)
    assert broken(rig.evidence(run, clean, {source: {"held"} for source in victims})) == []
    for source in victims:
        assert run.after.deleted(source) == clean.after.deleted(source)
    yes, no, *_ = victims
    decide(rig, yes, accept=True)
    decide(rig, no, accept=False)
    after = rig.standing()
    assert len(after.deleted(yes)) >= 0.4 * len(clean.after.codes(yes))
    assert after.deleted(no) == clean.after.deleted(no)
    rig.heal()
    well = rig.run(full=True)
    assert {state for state, _ in well.states().values()} <= {"merged", "held"}
    assert all(well.after.deleted(source) == clean.after.deleted(source) for source in victims if source != yes)


def decide(rig: Rig, source: str, *, accept: bool) -> None:
    """As `motcua holds` and the form in Airflow do."""
    [hold] = [one for one in steps.holds(settings=rig.settings) if one["source_id"] == source]
    hold_id = int(str(hold["hold_id"]))
    chunk = steps.decide_hold(settings=rig.settings, hold_id=hold_id, accept=accept, by="người trực", reason="đã hỏi")
    assert (chunk is not None) == accept
    if chunk is not None:
        pipeline: Pipeline = rig.pipeline
        pipeline.judge(chunk["cycle_id"], chunk)
        pipeline.consolidate(chunk["cycle_id"], chunk)
