"""Row 38: a run that slept while another did its work wakes up, and has no say any more.

It sleeps by SIGSTOP. What the server does meanwhile with the sessions of one that says nothing for so long (two
minutes in a merge, two hours elsewhere, at once when the machine is gone) is done at once: nobody waits here.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.context import ForkProcess
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from motcua.failpoints import POINTS
from motcua.quality import judge  # noqa: F401  # the processes that sleep share what is loaded here

from tests.faults.course import MOMENTS, Course, Scenes, exit_status
from tests.faults.databases import execute
from tests.faults.standing import TABLES, fixed, read_standing
from tests.sandbox.city_client import CityClient

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crashes, late")]

# what is written at each of them can be undone by whoever wakes up too late
WORST = (
    "collect.before_listing", "collect.before_batch_committed", "judge.before_frames", "judge.before_marked",
    "merge.after_stage", "merge.before_commit", "publish.before_install", "publish.after_lookups",
    "publish.after_record", "publish.after_pointer", "drain.before_call", "drain.after_call",
)  # fmt: skip
ASLEEP_WITHIN_SECONDS = 120


@pytest.mark.parametrize("point", WORST)
def test_row_38_a_newer_cycle_has_the_last_word(
    scenes: Scenes, course: Course, running_city: CityClient, tmp_path: Path, point: str
) -> None:
    assert_sleeper_writes_nothing(scenes, course, running_city, tmp_path, point, newer=True)


@pytest.mark.parametrize("point", WORST)
def test_row_38_a_second_try_of_the_same_cycle_has_the_last_word(
    scenes: Scenes, course: Course, running_city: CityClient, tmp_path: Path, point: str
) -> None:
    assert_sleeper_writes_nothing(scenes, course, running_city, tmp_path, point, newer=False)


@pytest.mark.soak
@pytest.mark.parametrize("newer", [True, False], ids=["newer cycle", "second try"])
@pytest.mark.parametrize("point", sorted(set(POINTS) - set(WORST)))
def test_row_38_in_full(
    scenes: Scenes, course: Course, running_city: CityClient, tmp_path: Path, point: str, *, newer: bool
) -> None:
    assert_sleeper_writes_nothing(scenes, course, running_city, tmp_path, point, newer=newer)


def assert_sleeper_writes_nothing(
    scenes: Scenes, course: Course, city: CityClient, home: Path, point: str, *, newer: bool
) -> None:
    stage = point.partition(".")[0]
    with scenes.opened(0, stage, home, course) as sleeper:
        process = sleeper.start(f"{point}:stop", 0, stage)
        fall_asleep(process)
        end_sessions(sleeper)
        if newer:
            city.move_clock(f"{MOMENTS[1]:%Y-%m-%dT%H:%M:%S}")
            replace(sleeper, name="newer").go(1)
        else:
            sleeper.go(0, since=stage)
        done = everything(sleeper)
        assert done.merged > len(sleeper.sources) // 2  # the work is done, though an office may be too slow
        os.kill(int(process.pid or 0), signal.SIGCONT)
        assert isinstance(exit_status(process), int)
        found = everything(sleeper)
    assert found.warehouse == done.warehouse
    assert found.effects == done.effects
    assert found.feed == done.feed


def fall_asleep(process: ForkProcess) -> None:
    """Waits until a process has stopped itself."""
    deadline = time.monotonic() + ASLEEP_WITHIN_SECONDS
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline, "it never came to its failpoint"
        assert process.is_alive(), f"it ended with {process.exitcode} before its failpoint"
        time.sleep(0.02)


def end_sessions(course: Course) -> None:
    """What the server does with sessions in which nothing is said any more."""
    url = sa.make_url(str(course.settings.database_url))
    execute(
        url.set(database="postgres"),
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'",  # noqa: S608
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """All that others can see: rows to the last column, effects at the portal, bytes of every published file."""

    merged: int
    warehouse: Mapping[str, object]
    effects: Mapping[str, object]
    feed: Mapping[str, bytes]


def everything(course: Course) -> _Found:
    standing = read_standing(str(course.settings.database_url))
    merged = standing.of("core.batch", state="merged")
    facts = {
        table: sorted(repr(sorted((name, fixed(value)) for name, value in row.items())) for row in standing.of(table))
        for table in TABLES
        if table != "core.batch"
    }
    ledger = course.portal.ledger
    feed = course.settings.home / "feeds" / "v1"
    return _Found(
        merged=len(merged),
        # a late batch may say that it was overtaken; what is merged stays as it is
        warehouse=facts | {"merged": sorted(repr(sorted(map(str, row.items()))) for row in merged)},
        effects={
            "effects": sorted(ledger.as_lines().splitlines()),
            "held": dict(course.portal.held),
            "steps": dict(course.portal.steps),
            "backwards": list(ledger.backwards),
            "disordered": list(ledger.disordered),
        },
        feed={
            str(file.relative_to(feed)): file.read_bytes()
            for file in sorted(feed.rglob("*"))
            if file.is_file() and file.name != "status.json"  # tells of tries
        },
    )
