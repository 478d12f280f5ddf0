"""A course of two cycles over a few small offices, kept after each stage, so that any stage can be run from there."""

from __future__ import annotations

import copy
import multiprocessing
import os
import shutil
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.context import ForkProcess
from pathlib import Path

import sqlalchemy as sa
from motcua import failpoints, steps
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings
from motcua.steps.consolidate import SESSIONS
from motcua.steps.cycles import report
from motcua.steps.slices import FRAMES

from sandbox.city.portal import PortalState
from sandbox.city.registry import read_registry
from tests.faults.databases import execute, own_settings
from tests.faults.standing import OF_A_RUN, TABLES, fixed, read_standing
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.pipeline import AS_OF

STAGES = ("collect", "judge", "merge", "publish", "drain")
MOMENTS = (AS_OF - timedelta(days=10), AS_OF)
ENDS_WITHIN_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Ending:
    """What a cycle comes to, in a form in which a run that was cut off is like one that was not."""

    warehouse: Mapping[str, object]
    portal: Mapping[str, object]
    feed: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Course:
    """The installation of one course, or a copy of it.

    Attributes:
        settings: where it lives.
        portal: the Government portal that it tells, in this process.
        sources: the offices that it reads.
        name: names its runs; another name makes other runs of the same installation.
    """

    settings: Settings
    portal: PortalState
    sources: Sequence[str]
    name: str = "schedule"

    def go(self, cycle: int, *, since: str = STAGES[0], until: str = STAGES[-1]) -> None:
        """Runs stages of a cycle; the same again goes on where an earlier try was cut off."""
        as_of = MOMENTS[cycle]
        settings, connections = self.settings, EnvironmentConnections({}, self.settings.connections)
        planned = steps.plan(settings=settings, run_key=f"{self.name} {cycle}", as_of=as_of, sources=self.sources)
        cycle_id = planned["cycle_id"]
        wanted = STAGES[STAGES.index(since) : STAGES.index(until) + 1]
        if "collect" in wanted:
            steps.collect(settings=settings, connections=connections, cycle_id=cycle_id, sources=list(self.sources))
        for work, stage in ((steps.judge, "judge"), (steps.consolidate, "merge")):
            if stage in wanted:
                for chunk in steps.chunks(settings=settings, cycle_id=cycle_id):
                    work(
                        settings=settings, connections=connections, cycle_id=cycle_id, part=chunk["part"],
                        batches=chunk["batches"],
                    )  # fmt: skip
        if "publish" in wanted:
            steps.publish(
                settings=settings, connections=connections, as_of=as_of, published_at=as_of, cycle_id=cycle_id
            )
        if "drain" in wanted:
            steps.drain(settings=settings, connections=connections, clock=_clock(as_of), cycle_id=cycle_id)
            report(settings=settings, cycle_id=cycle_id)

    def start(self, armed: str, cycle: int, stage: str = STAGES[0]) -> ForkProcess:
        """Runs a cycle from `stage` on, in a process that passes an armed failpoint."""
        process = multiprocessing.get_context("fork").Process(target=self._go_armed, args=(armed, cycle, stage))
        process.start()
        return process

    def _go_armed(self, armed: str, cycle: int, stage: str) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line has it
        os.environ[failpoints.VARIABLE] = armed
        with Path(os.devnull).open("w") as nowhere:  # how it ends is told by its exit status
            os.dup2(nowhere.fileno(), 2)
            self.go(cycle, since=stage)

    def ending(self) -> Ending:
        """What it has come to."""
        feed = self.settings.home / "feeds" / "v1"
        return Ending(
            warehouse=_facts(str(self.settings.database_url)),
            portal=_told(self.portal),
            feed={
                str(file.relative_to(feed)): file.read_bytes()
                for file in sorted(feed.rglob("*"))
                if file.is_file() and file.name != "status.json"  # tells of tries
            },
        )


def exit_status(process: ForkProcess) -> int | str:
    """How a process ended; in words when it did not, and had to be killed."""
    process.join(ENDS_WITHIN_SECONDS)
    if process.exitcode is not None:
        return process.exitcode
    process.kill()
    process.join()
    return f"still running after {ENDS_WITHIN_SECONDS} s"


def _clock(now: datetime) -> Callable[[], datetime]:
    return lambda: now


def _facts(database_url: str) -> dict[str, object]:
    standing = read_standing(database_url)
    facts: dict[str, object] = {
        table: {
            tuple((name, fixed(value)) for name, value in row.items() if name not in OF_A_RUN)
            for row in standing.of(table)
        }
        for table in TABLES
        if table not in {"core.batch", "core.hold"}
    }
    counts = ("batch_id", "state", "fetched", "accepted", "quarantined", "unchanged", "deleted", "changed")
    return facts | {"core.batch": {tuple(row[name] for name in counts) for row in standing.of("core.batch")}}


def _told(portal: PortalState) -> dict[str, object]:
    """Records and steps that it holds, and which versions it was told; twice is as once, but backwards is not."""
    effects = set(portal.ledger.as_lines().splitlines())
    return {
        "held": copy.deepcopy(portal.held), "steps": copy.deepcopy(portal.steps), "effects": effects,
        "backwards": list(portal.ledger.backwards), "disordered": list(portal.ledger.disordered),
    }  # fmt: skip


class Scenes:
    """A course as it stood before each stage of each cycle, and where each cycle ended."""

    def __init__(self, postgres: sa.URL, city: CityClient, folder: Path) -> None:
        self._postgres, self._city, self._folder = postgres, city, folder
        self._kept: dict[tuple[int, str], _Scene] = {}
        self.endings: dict[int, Ending] = {}
        self.passes: dict[tuple[int, str], int] = {}

    def play(self, course: Course) -> None:
        """Runs the whole course, and keeps every scene of it."""
        for cycle, moment in enumerate(MOMENTS):
            self._city.move_clock(f"{moment:%Y-%m-%dT%H:%M:%S}")
            calls = course.portal.calls
            for stage in STAGES:
                self._keep(course, cycle, stage)
                course.go(cycle, since=stage, until=stage)
            self.endings[cycle] = course.ending()
            self.passes |= _passes(course, cycle, course.portal.calls - calls)

    @contextmanager
    def opened(self, cycle: int, stage: str, home: Path, course: Course) -> Iterator[Course]:
        """A copy of the course as it stood before a stage; the portal is put back to what it knew."""
        scene = self._kept[cycle, stage]
        shutil.copytree(scene.home, home, dirs_exist_ok=True)
        for name, value in scene.portal.items():
            setattr(course.portal, name, copy.deepcopy(value))
        if stage == "collect":
            self._city.move_clock(f"{MOMENTS[cycle]:%Y-%m-%dT%H:%M:%S}")
        with own_settings(self._postgres, scene.database, home) as settings:
            yield replace(course, settings=replace(settings, connections=course.settings.connections))

    def _keep(self, course: Course, cycle: int, stage: str) -> None:
        home = self._folder / f"{cycle}-{stage}"
        shutil.copytree(course.settings.home, home)
        database = f"motcua_scene_{uuid.uuid4().hex[:12]}"
        source = sa.make_url(str(course.settings.database_url)).database
        execute(self._postgres, f"CREATE DATABASE {database} TEMPLATE {source} STRATEGY FILE_COPY")
        portal = {name: copy.deepcopy(getattr(course.portal, name)) for name in _OF_THE_PORTAL}
        self._kept[cycle, stage] = _Scene(database, home, portal)

    def forget(self) -> None:
        """Drops what was kept."""
        for scene in self._kept.values():
            execute(self._postgres, f"DROP DATABASE {scene.database} WITH (FORCE)")


@dataclass(frozen=True, slots=True)
class _Scene:
    """One moment of a course."""

    database: str
    home: Path
    portal: Mapping[str, object]


_OF_THE_PORTAL = ("held", "steps", "ledger", "calls")


def _passes(course: Course, cycle: int, calls: int) -> dict[tuple[int, str], int]:
    """How often each failpoint was passed in a cycle."""
    batches = read_standing(str(course.settings.database_url)).of("core.batch", as_of=MOMENTS[cycle])
    pages = sum(len(batch["pages"]) for batch in batches)
    counts = {"collect": len(batches), "judge": 1, "merge": len(batches), "publish": 1, "drain": calls}
    special = {"page_kept": pages, "after_a_frame": len(FRAMES), "after_stage": SESSIONS}
    return {
        (cycle, point): next(
            (count for word, count in special.items() if point.endswith(word)), counts[point.partition(".")[0]]
        )
        for point in failpoints.POINTS
    }


def small_offices(city: CityClient) -> list[str]:
    """Of each platform the smallest office with five dossiers or more."""
    counts = Counter(str(line["source_id"]) for line in city.ledger())
    found: dict[str, str] = {}
    for source in sorted(read_registry(REGISTRY).sources, key=lambda one: (counts[one.id], one.id)):
        if counts[source.id] >= 5:
            found.setdefault(source.platform, source.id)
    return sorted(found.values())
