"""Row 35: whatever a stage is doing when it dies, the next try ends where a run that never died ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from motcua.failpoints import POINTS
from motcua.quality import judge  # noqa: F401  # the processes that die share what is loaded here

from tests.faults.course import Course, Scenes, exit_status

pytestmark = pytest.mark.slow

# two workers share them: what is collected and judged is dear to repeat, what follows is not
EARLY, LATE = ("collect", "judge"), ("merge", "publish", "drain")
EXIT_STATUS = {"kill": {-signal.SIGKILL}, "term": {-signal.SIGTERM, 1}, "raise": {1}}


def cases(actions: tuple[str, ...], batches: tuple[str, ...]) -> list[object]:
    """Every failpoint with each action at each batch, in the group of its stage."""
    return [
        pytest.param(
            point, action, batch, id=f"{point}-{action}-{batch}",
            marks=pytest.mark.xdist_group("crashes, early" if point.startswith(EARLY) else "crashes, late"),
        )
        for point in POINTS
        for action in actions
        for batch in batches
    ]  # fmt: skip


def place(scenes: Scenes, point: str, batch: str) -> tuple[int, int]:
    """Cycle and pass: the first of all, one in the middle of a cycle or of the course, the last of all."""
    passes = scenes.passes[0, point]
    if batch == "first":
        return 0, 1
    if batch == "middle":
        return (0, (passes + 1) // 2) if passes > 2 else (1, 1)
    return 1, scenes.passes[1, point]


@pytest.mark.parametrize(("point", "action", "batch"), cases(("kill",), ("first", "middle")))
def test_row_35_next_try_after_a_crash_ends_like_a_run_without(
    scenes: Scenes, course: Course, tmp_path: Path, point: str, action: str, batch: str
) -> None:
    assert_crash_leaves_no_trace(scenes, course, tmp_path, point, action, batch)


@pytest.mark.soak
@pytest.mark.parametrize(("point", "action", "batch"), cases(("raise", "term", "kill"), ("first", "middle", "last")))
def test_row_35_in_full(scenes: Scenes, course: Course, tmp_path: Path, point: str, action: str, batch: str) -> None:
    assert_crash_leaves_no_trace(scenes, course, tmp_path, point, action, batch)


def assert_crash_leaves_no_trace(
    scenes: Scenes, course: Course, home: Path, point: str, action: str, batch: str
) -> None:
    cycle, nth = place(scenes, point, batch)
    stage = point.partition(".")[0]
    with scenes.opened(cycle, stage, home, course) as copy:
        process = copy.start(f"{point}:{action}:{nth}", cycle, stage)
        assert exit_status(process) in EXIT_STATUS[action]
        copy.go(cycle, since=stage)
        ending, undisturbed = copy.ending(), scenes.endings[cycle]
    assert ending.warehouse == undisturbed.warehouse
    assert ending.portal == undisturbed.portal
    assert ending.feed == undisturbed.feed
