"""Rows 20 to 22: records of another shape, bad rows by the share, and dossiers that are told twice."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.invariants import broken
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.faults.test_paging import nothing_to_see
from tests.faults.test_times import SOON, TIMED, clock

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of rows")]

PLATFORMS = (*TIMED, "sftp_register")


def living(run: Run, source: str) -> set[tuple[object, ...]]:
    """The dossiers that a source leads, as they are told; their digests are those of whole records."""
    rows = run.after.of("core.dossier", lead_source_id=source, deleted=False)
    return {tuple(row[name] for name in ("code", "status", "received_at", "due_at", "finished_at")) for row in rows}


def test_row_20_new_column_is_ignored_and_reported(rig: Rig, clean: Run) -> None:
    rig.misbehave(*PLATFORMS, mode="drift", kind="new_column")
    run = rig.run()
    expected = {source: {"unknown_field"} for source in rig.offices.victims.values()}
    assert broken(rig.evidence(run, clean, expected)) == []
    for source in expected:
        assert living(run, source) == living(clean, source)


def test_row_20_source_without_a_column_that_is_needed_fails_and_keeps_what_it_had(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    for number, platform in enumerate(PLATFORMS):
        rig.misbehave(platform, mode="drift", kind="renamed" if number % 2 else "missing_column")
    run = rig.run(full=True)
    expected = {source: {"PROTOCOL", "BAD_ROWS"} for source in rig.offices.victims.values()}
    assert broken(rig.evidence(run, clean, expected)) == []
    assert all(run.states()[source][0] == "failed" for source in expected)
    for source in expected:
        assert living(run, source) == living(clean, source)


def test_row_20_values_of_another_type_are_quarantined(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    rig.misbehave(*PLATFORMS, mode="drift", kind="wrong_type")
    run = rig.run(full=True)
    expected = {source: {"unknown_status", "PROTOCOL"} for source in rig.offices.victims.values()}
    assert broken(rig.evidence(run, clean, expected)) == []
    for source in expected:
        assert living(run, source) == living(clean, source)


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_row_21_bad_rows_are_counted_exactly_told_by_their_share_and_cleared_when_mended(
    read_rig: Rig, clean: Run, share: float
) -> None:
    rig = read_rig
    clock(rig, SOON)
    victims = rig.offices.victims_of(*TIMED)
    bad = {source: set(rig.edit(source, op="bad_share", share=share, rule="unknown_channel")) for source in victims}
    run = rig.run(as_of=SOON, full=True)
    sign = {0.01: "unknown_channel", 0.3: "many_refused", 1.0: "BAD_ROWS"}[share]
    assert broken(rig.evidence(run, clean, {source: {sign} for source in bad})) == []
    for source, codes in bad.items():
        assert_told_by_share(run, clean, source, codes, share)
    for source in bad:
        rig.city.http.post(f"{rig.city.url}/control/edits", json={"source": source, "op": "undo"}).raise_for_status()
    mended = rig.run(as_of=SOON, full=share < 1)  # who was refused is listed in full by itself
    assert broken(rig.evidence(mended, clean, nothing_to_see(rig, *TIMED), moves_much=share < 1)) == []
    assert all(mended.after.refused(source) == clean.after.refused(source) for source in bad)


def assert_told_by_share(run: Run, clean: Run, source: str, codes: set[str], share: float) -> None:
    """A few: the run is green. A third: somebody is warned. All: the source fails. All that is bad is in quarantine."""
    warned = any(line.startswith("WARNING") and source in line for line in run.log)
    assert warned == (share > 0.1), source
    assert run.states()[source] == (("failed", "BAD_ROWS") if share == 1 else ("merged", None))
    refused = run.after.refused(source) - clean.after.refused(source)
    assert refused == codes
    rules = Counter(
        row["rule"] for row in run.after.of("core.quarantine", source_id=source) if row["identity"] in codes
    )
    assert rules == {"unknown_channel": len(codes)}


def test_row_22_code_told_twice_with_different_facts_is_refused_and_stops_nothing(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    clock(rig, SOON)
    victims = rig.offices.victims_of(*TIMED)
    twice = {source: set(rig.edit(source, op="duplicate", count=2)) for source in victims}
    run = rig.run(as_of=SOON)
    expected = {source: {"duplicate_in_batch"} for source in twice}
    assert broken(rig.evidence(run, clean, expected, moves_much=False)) == []
    for source, codes in twice.items():
        assert codes <= run.after.refused(source)


def test_row_22_dossier_that_two_offices_tell_of_is_one_and_both_claims_are_kept(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    source = rig.offices.victims["igate"]
    twin = f"{source}_song_sinh"
    rig.declare(source, id=twin)
    first = rig.run(sources=[*rig.offices.all, twin])
    assert first.after.codes(twin) == first.after.codes(source)
    clock(rig, SOON)
    changed = rig.edit(source, op="update", count=3)
    second = rig.run(sources=[twin], as_of=SOON)
    evidence = rig.evidence(second, clean, nothing_to_see(rig, "igate") | {twin: set()}, moves_much=False)
    assert broken(evidence) == []
    rows = [row for row in second.after.of("core.dossier") if row["code"] in changed]
    assert [row["lead_source_id"] for row in rows] == [source] * len(changed)
    disagreed = second.after.of("core.issue", source_id=twin, rule="sources_disagree", settled_at=None)
    # both may also disagree with a third office, from which a dossier came to them
    assert {row["code"] for row in disagreed} - evidence.shared == set(changed) - evidence.shared != set()
