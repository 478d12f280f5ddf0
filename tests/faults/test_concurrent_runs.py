"""Row 37: the run of the schedule and one by hand at once. Whoever wins a source, the end is like one after another."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from motcua.failpoints import POINTS
from motcua.quality import judge  # noqa: F401  # the processes share what is loaded here

from tests.faults.course import Course, Ending, Scenes, exit_status
from tests.faults.standing import read_standing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crashes, late")]

SHORT, LONG = range(4), range(4, 104)
# the ledger's words for a source that is left to the other run
LEFT_ALONE = {"BUSY", "OVERTAKEN"}
OF_RUNS = {"core.batch", "core.publication"}


@pytest.mark.parametrize("seed", SHORT)
def test_row_37_two_runs_at_once_end_like_one(scenes: Scenes, course: Course, tmp_path: Path, seed: int) -> None:
    assert_two_runs_end_like_one(scenes, course, tmp_path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_row_37_in_full(scenes: Scenes, course: Course, tmp_path: Path, seed: int) -> None:
    assert_two_runs_end_like_one(scenes, course, tmp_path, seed)


def assert_two_runs_end_like_one(scenes: Scenes, course: Course, home: Path, seed: int) -> None:
    """Each pauses somewhere, by chance; the one by hand reads some of the offices, or all of them."""
    dice = random.Random(seed)
    cycle = seed % 2
    with scenes.opened(cycle, "collect", home, course) as schedule:
        some = dice.sample(schedule.sources, dice.randint(1, len(schedule.sources)))
        by_hand = Course(schedule.settings, schedule.portal, some, name="by hand")
        first = schedule.start(_pause(dice), cycle)
        time.sleep(dice.uniform(0.0, 0.6))
        second = by_hand.start(_pause(dice), cycle)
        assert (exit_status(first), exit_status(second)) == (0, 0), f"seed {seed}"
        _assert_one_winner(schedule, seed)
        schedule.go(cycle)  # what one left to the other is there now; nothing is done twice
        ending, alone = schedule.ending(), scenes.endings[cycle]
    assert _settled(ending) == _settled(alone), f"seed {seed}"
    assert ending.portal == alone.portal, f"seed {seed}"


def _pause(dice: random.Random) -> str:
    return f"{dice.choice(POINTS)}:sleep {dice.uniform(0.1, 0.8):.2f}:{dice.randint(1, 2)}"


def _assert_one_winner(course: Course, seed: int) -> None:
    """Every source is merged by a run; one that a run has not merged says why."""
    batches = read_standing(str(course.settings.database_url)).of("core.batch")
    newest = {name: max(batch["cycle_id"] for batch in batches) - back for back, name in enumerate(("second", "first"))}
    merged = Counter(
        batch["source_id"] for batch in batches if batch["cycle_id"] in newest.values() and batch["state"] == "merged"
    )
    assert set(merged) == set(course.sources), f"seed {seed}"
    left = {batch["error_kind"] for batch in batches if batch["state"] != "merged"}
    assert left <= LEFT_ALONE, f"seed {seed}"


def _settled(ending: Ending) -> dict[str, object]:
    return {table: rows for table, rows in ending.warehouse.items() if table not in OF_RUNS}
