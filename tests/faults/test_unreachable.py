"""Rows 1 to 4: a source that refuses, hangs, drips, or breaks off. One victim of every platform at once."""

from __future__ import annotations

import pytest

from tests.faults.invariants import Bounds, broken
from tests.faults.offices import BUDGET_SECONDS, HTTP
from tests.faults.outcome import Run
from tests.faults.proxy import Toxic
from tests.faults.rig import Rig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

# victims are read side by side; what is left is for the neighbours and the later stages
SECONDS = 2 * BUDGET_SECONDS + 10
REFUSING = {"lgsp", "sql_view"}


def assert_contained(rig: Rig, clean: Run, run: Run, *kinds: str, attempts: int = 3) -> None:
    """The victims are down for one of these reasons, nobody else has noticed, and nothing is broken."""
    expected = {source: set(kinds) for source in rig.offices.victims.values()}
    evidence = rig.evidence(run, clean, expected, bounds=Bounds(seconds=SECONDS, attempts=attempts))
    assert broken(evidence) == []
    for source in expected:
        assert run.after.codes(source) == set(), source


def assert_healed(rig: Rig, clean: Run) -> None:
    """Once all is well, the next run brings what a run without a fault has, and one more brings nothing."""
    rig.heal()
    run = rig.run()
    assert broken(rig.evidence(run, clean, {}, again=rig.run(), moves_much=False)) == []


def test_row_01_source_that_refuses_connections(rig: Rig, clean: Run) -> None:
    """Some refuse, and some hang up at once: those can count how often they were tried."""
    for platform, line in rig.lines.items():
        if platform in REFUSING:
            line.down()
        else:
            line.spoil(Toxic(reset_after=0))
    run = rig.run()
    assert_contained(rig, clean, run, "UNAVAILABLE")
    assert all(run.attempts[rig.offices.victims[platform]] >= 1 for platform in rig.lines.keys() - REFUSING)
    assert run.seconds <= clean.seconds + 60
    assert_healed(rig, clean)


def test_row_02_source_that_accepts_and_never_answers(rig: Rig, clean: Run) -> None:
    rig.spoil(Toxic(is_silent=True))
    assert_contained(rig, clean, rig.run(), "TIMEOUT")
    assert_healed(rig, clean)


def test_row_03_source_that_drips(rig: Rig, clean: Run) -> None:
    rig.spoil(Toxic(bytes_per_second=20))
    assert_contained(rig, clean, rig.run(), "TIMEOUT")


def test_row_04_reset_in_the_middle_of_a_page(rig: Rig, clean: Run) -> None:
    rig.spoil(Toxic(reset_after=10_000))
    assert_contained(rig, clean, rig.run(), "UNAVAILABLE")
    assert_healed(rig, clean)


def test_row_04_page_that_was_cut_once_is_read_again(rig: Rig, clean: Run) -> None:
    rig.spoil(Toxic(reset_after=10_000, lines=1), *(platform for platform in rig.lines if platform in HTTP))
    run = rig.run()
    assert broken(rig.evidence(run, clean, {})) == []
    assert {state for state, _ in run.states().values()} == {"merged"}
    assert all(run.attempts[source] == 2 for source in rig.offices.victims_of("igate", "lgsp"))
