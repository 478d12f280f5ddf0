"""Rows 11 to 13 and 16: listings that move, go round in circles, stop in silence, or have one time for everything."""

from __future__ import annotations

import pytest

from tests.faults.invariants import Bounds, broken
from tests.faults.offices import HTTP
from tests.faults.outcome import Run
from tests.faults.rig import Rig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of rows")]

CAP, EQUAL_TIMES, FEW_EQUAL_TIMES = 100, 10_000, 1_000
# a listing, the first look behind its end, and what may be read in vain
MOST_REQUESTS_OF_A_LOOP = 6


def nothing_to_see(rig: Rig, *platforms: str) -> dict[str, set[str]]:
    """These platforms' victims are not as in a clean run, and show no fault."""
    return {source: set() for source in rig.offices.victims_of(*platforms)}


@pytest.mark.parametrize("seed", range(2))
def test_row_11_rows_that_move_between_pages_are_all_there_after_a_second_reading(
    read_rig: Rig, clean: Run, seed: int
) -> None:
    assert_found_in_the_end(read_rig, clean, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 202))
def test_row_11_in_full(read_rig: Rig, clean: Run, seed: int) -> None:
    assert_found_in_the_end(read_rig, clean, seed)


def assert_found_in_the_end(rig: Rig, clean: Run, seed: int) -> None:
    """A full listing while dossiers come, change and go before every page; then an ordinary window."""
    for place, platform in enumerate(HTTP):
        rig.misbehave(platform, mode="shift", seed=10 * seed + place)
    moving = rig.run(full=True)
    shown = nothing_to_see(rig, *HTTP)
    found = broken(rig.evidence(moving, clean, shown))
    assert [words for words in found if not words.startswith("I1 ")] == [], f"seed {seed}"
    rig.heal()
    still = rig.run()
    assert broken(rig.evidence(still, clean, shown, moves_much=False)) == [], f"seed {seed}"


def test_row_12_pages_and_cursors_that_go_round_in_circles_are_refused(read_rig: Rig, clean: Run) -> None:
    for platform in HTTP:
        read_rig.misbehave(platform, mode="loop_cursor" if platform == "lgsp" else "loop_page")
    run = read_rig.run(full=True)
    expected = {source: {"PROTOCOL"} for source in read_rig.offices.victims_of(*HTTP)}
    assert broken(read_rig.evidence(run, clean, expected)) == []
    assert all(run.requests[source] <= MOST_REQUESTS_OF_A_LOOP for source in expected)


def test_row_13_listing_that_stops_in_silence_is_read_to_its_end(rig: Rig, clean: Run) -> None:
    large = [rig.offices.neighbours[platform][0] for platform in HTTP]
    for source in large:
        assert len(clean.after.codes(source)) > CAP, f"{source}: too small to be cut"
        rig.city.misbehave(source=source, mode="cap", rows=CAP)
    assert broken(rig.evidence(rig.run(), clean, {})) == []


def test_row_16_dossiers_changed_in_one_moment_are_all_read(rig: Rig, clean: Run) -> None:
    assert_all_read(rig, clean, dict.fromkeys(HTTP, FEW_EQUAL_TIMES) | {"sql_view": EQUAL_TIMES})


@pytest.mark.soak
def test_row_16_in_full(rig: Rig, clean: Run) -> None:
    assert_all_read(rig, clean, dict.fromkeys((*HTTP, "sql_view"), EQUAL_TIMES))


def assert_all_read(rig: Rig, clean: Run, counts: dict[str, int]) -> None:
    """Of neighbours, which have the time for it."""
    changed = {rig.offices.neighbours[platform][0]: count for platform, count in counts.items()}
    new = {source: rig.edit(source, op="same_time", count=count) for source, count in changed.items()}
    run = rig.run()
    shown: dict[str, set[str]] = {source: set() for source in changed}
    assert broken(rig.evidence(run, clean, shown, bounds=Bounds(seconds=120))) == []
    for source, codes in new.items():
        assert len(set(codes)) == changed[source]
        assert set(codes) <= run.after.codes(source)
