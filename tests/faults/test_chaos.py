"""Row 42: one source in five misbehaves at random. What leaves the house is complete, honest and tells of nobody."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.faults.invariants import Bounds, broken
from tests.faults.offices import BUDGET_SECONDS, HTTP
from tests.faults.outcome import Run
from tests.faults.proxy import Toxic
from tests.faults.rig import Rig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

SHARE = 0.2
# how an installation can misbehave, and what the ledger may call it
ANSWERS = {
    "down": {"UNAVAILABLE"}, "unauthorised": {"AUTH"}, "html_login": {"PROTOCOL"}, "error_json": {"PROTOCOL"},
    "empty_body": {"PROTOCOL", "UNAVAILABLE"}, "truncated_json": {"PROTOCOL", "UNAVAILABLE"},
    "bad_gzip": {"PROTOCOL", "UNAVAILABLE"}, "wrong_length": {"PROTOCOL", "UNAVAILABLE"},
}  # fmt: skip
LINES = {
    "silent": (Toxic(is_silent=True), {"TIMEOUT"}),
    "dripping": (Toxic(bytes_per_second=20), {"TIMEOUT"}),
    "reset": (Toxic(reset_after=0), {"UNAVAILABLE"}),
    "cut": (Toxic(reset_after=10_000), {"UNAVAILABLE", "PROTOCOL"}),
}


def spoilt(rig: Rig, seed: int) -> dict[str, set[str]]:
    """Makes one source in five misbehave; by source, one of the signs that must be seen."""
    chance = random.Random(seed)
    count = round(SHARE * len(rig.offices.all))
    signs = {}
    for platform in chance.sample(sorted(rig.offices.victims), count):
        source = rig.offices.victims[platform]
        if platform in HTTP and chance.random() < 0.6:
            mode = chance.choice(sorted(ANSWERS))
            rig.misbehave(platform, mode=mode)
            signs[source] = ANSWERS[mode]
        else:
            toxic, signs[source] = LINES[chance.choice(sorted(LINES))]
            rig.spoil(toxic, platform)
    return signs


def agencies_of(rig: Rig, source: str) -> set[str]:
    """Agencies that a source tells of, by what it has told."""
    return {str(row["agency_code"]) for row in rig.standing().of("core.source_dossier", source_id=source)}


def assert_honest(rig: Rig, run: Run, sources: set[str]) -> None:
    """Whose source is away says so, in the feed and on the page, and keeps its last good rows."""
    feed = rig.settings.home / "feeds" / "v1"
    index = json.loads((feed / "index.json").read_bytes())
    listed = {row["agency_code"]: row for row in rig.evidence(run, run, {}).feed.agencies}
    assert index["sources_ok"] == len(rig.offices.all) - len(sources)
    for source in sources:
        for code in agencies_of(rig, source):
            assert (code, listed[code]["data_state"]) == (code, "source_down")
            assert listed[code]["dossiers"] > 0
            assert listed[code]["data_as_of"] is not None
            assert listed[code]["reason"] in page_of(feed, str(code))


def page_of(feed: Path, code: str) -> str:
    return (feed / "don-vi" / f"{code}.html").read_text(encoding="utf-8")


def assert_survived(rig: Rig, clean: Run, seed: int) -> None:
    signs = spoilt(rig, seed)
    run = rig.run(full=True)
    bounds = Bounds(seconds=2 * BUDGET_SECONDS + 20, attempts=6)
    assert broken(rig.evidence(run, clean, signs, bounds=bounds)) == []
    assert {source for source, (state, _) in run.states().items() if state != "merged"} == set(signs)
    assert_honest(rig, run, set(signs))
    rig.heal()
    healed = rig.run(full=True)
    assert broken(rig.evidence(healed, clean, {}, again=rig.run(), moves_much=False)) == []


@pytest.mark.parametrize("seed", range(3))
def test_row_42_one_source_in_five_misbehaves(read_rig: Rig, clean: Run, seed: int) -> None:
    assert_survived(read_rig, clean, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 50))
def test_row_42_more_of_the_same(read_rig: Rig, clean: Run, seed: int) -> None:
    assert_survived(read_rig, clean, seed)
