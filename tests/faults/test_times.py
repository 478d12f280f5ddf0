"""Rows 14, 15 and 17: changes that appear late, versions out of order, and clocks that lie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.faults.invariants import broken
from tests.faults.offices import HTTP
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.faults.standing import Standing
from tests.faults.test_paging import nothing_to_see
from tests.steps.pipeline import AS_OF

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of rows")]

# a register has no change times of its own: its files' are never late
TIMED = (*HTTP, "sql_view")
STOPPED = 8  # from whatever a dossier was
SOON, LATER = AS_OF + timedelta(minutes=20), AS_OF + timedelta(minutes=40)
TWO_HOURS = 2 * 3600
# what a request takes, and HTTP dates have whole seconds
SKEW_ERROR = 5.0


def clock(rig: Rig, moment: object) -> None:
    rig.city.move_clock(f"{moment:%Y-%m-%dT%H:%M:%S}")


def statuses(standing: Standing, source: str) -> Mapping[str, int]:
    return {row["code"]: row["status"] for row in standing.of("core.source_dossier", source_id=source)}


def told(rig: Rig, source: str) -> Mapping[str, int]:
    """What the city says of them."""
    return {line["code_listed"]: line["status"] for line in rig.city.ledger() if line["source_id"] == source}


def as_told(rig: Rig, run: Run, source: str, codes: list[str]) -> bool:
    said, held = told(rig, source), statuses(run.after, source)
    return {code: said[code] for code in codes} == {code: held.get(code) for code in codes}


def found(rig: Rig, run: Run, source: str, codes: list[str]) -> bool:
    """What the city says of them is known: held, or refused where it breaks a rule."""
    refused = run.after.refused(source)
    return as_told(rig, run, source, [code for code in codes if code not in refused])


def late_updates(rig: Rig, at: str) -> dict[str, list[str]]:
    """A dossier of each victim is changed now, as if that had been `at`."""
    victims = rig.offices.victims_of(*TIMED)
    return {source: rig.edit(source, op="update", count=1, at=at, status=STOPPED) for source in victims}


def test_row_14_late_change_is_found_by_the_next_window_or_by_the_next_full_listing(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    clock(rig, SOON)
    lately, long_ago = (late_updates(rig, at) for at in ("2018-12-24T18:00:00", "2018-11-15T10:00:00"))
    window = rig.run(as_of=SOON)
    shown = nothing_to_see(rig, *TIMED)
    assert broken(rig.evidence(window, clean, shown, moves_much=False)) == []
    assert all(found(rig, window, source, codes) for source, codes in lately.items())
    assert not any(as_told(rig, window, source, codes) for source, codes in long_ago.items())
    full = rig.run(as_of=SOON, full=True)
    assert broken(rig.evidence(full, clean, shown)) == []
    assert all(found(rig, full, source, codes) for source, codes in long_ago.items())


def test_row_15_older_version_listed_behind_a_newer_one_loses(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    victims = rig.offices.victims_of(*HTTP)  # a view has the steps of both versions under one code
    for source in victims:
        rig.edit(source, op="swap_versions", count=3)
    run = rig.run(full=True)
    assert broken(rig.evidence(run, clean, nothing_to_see(rig, *HTTP))) == []
    for source in victims:
        assert run.after.facts(source)["core.dossier"] == clean.after.facts(source)["core.dossier"]


def test_row_15_source_restored_from_a_copy_is_believed_in_full_and_no_version_goes_back(
    read_rig: Rig, clean: Run
) -> None:
    rig = read_rig
    clock(rig, SOON)
    back = {source: rig.edit(source, op="step_back", count=2) for source in rig.offices.victims_of(*TIMED)}
    run = rig.run(as_of=SOON, full=True)
    assert broken(rig.evidence(run, clean, nothing_to_see(rig, *TIMED))) == []
    held = {row["code"]: row["version"] for row in run.before.of("core.dossier")}
    for source, codes in back.items():
        assert found(rig, run, source, codes)
        versions = {row["code"]: row["version"] for row in run.after.of("core.dossier") if row["code"] in codes}
        assert versions == {code: held[code] + 1 for code in codes}


def test_row_17_clock_that_is_two_hours_off_hides_nothing(rig: Rig, clean: Run) -> None:
    skews = dict(zip(rig.offices.victims_of(*HTTP), (TWO_HOURS, -TWO_HOURS, TWO_HOURS), strict=True))
    for source, seconds in skews.items():
        rig.city.misbehave(source=source, mode="clock_skew", seconds=seconds)
    first = rig.run()
    for source, seconds in skews.items():
        assert first.after.watermark(source) <= AS_OF
        measured = first.batches[source]["clock_skew_seconds"]
        assert abs(float(str(measured)) - seconds) < SKEW_ERROR
    clock(rig, SOON)
    # some time before the reading: skew is measured to a second or two
    at = f"{SOON - timedelta(minutes=2):%Y-%m-%dT%H:%M:%S}"
    new = {source: rig.edit(source, op="insert", count=1, at=at) for source in skews}
    second = rig.run(as_of=SOON)
    assert broken(rig.evidence(second, clean, nothing_to_see(rig, *HTTP), moves_much=False)) == []
    assert all(found(rig, second, source, codes) for source, codes in new.items())


def test_row_17_change_in_the_year_2999_hides_no_later_one(read_rig: Rig, clean: Run) -> None:
    rig, victims = read_rig, read_rig.offices.victims_of(*HTTP)
    rig.misbehave(*HTTP, mode="far_future")
    run = rig.run(full=True)
    expected = {source: {"changed_in_future", "impossible_date"} for source in victims}
    assert broken(rig.evidence(run, clean, expected)) == []
    rig.heal()
    clock(rig, SOON)
    changed = {
        source: rig.edit(source, op="update", count=1) + rig.edit(source, op="insert", count=1) for source in victims
    }
    following = rig.run(as_of=SOON)
    assert broken(rig.evidence(following, clean, nothing_to_see(rig, *HTTP), moves_much=False)) == []
    assert all(found(rig, following, source, codes) for source, codes in changed.items())
