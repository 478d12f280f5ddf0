"""The warehouse rebuilt from the archive, as of three moments, against what it said at those moments."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from motcua import steps
from motcua.steps.rebuild import Rebuilt

from tests.faults.offices import choose, declare
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.conftest import installed
from tests.steps.pipeline import LOCAL, Pipeline

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = (datetime(2018, *day, 17, tzinfo=LOCAL) for day in ((11, 30), (12, 10), (12, 25)))
# Every column of every table that a merge writes, but for the clock of the machine: when a batch was merged, a message
# queued or overtaken. What a stage took is measured anew.
CLOCKS = {"batch": {"ended_at"}, "delivery": {"queued_at", "settled_at"}}
MEASURED = {"stage_run"}
TWIN = "song_sinh"

Rows = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Course:
    """An installation with three cycles behind it, and what its warehouse said after each."""

    pipeline: Pipeline
    said: dict[datetime, Rows]
    late_hold: str
    settled: Rows


def tables(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Schema and name of what a merge writes."""
    found = pipeline.rows("""
        SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('core', 'private')
        AND has_table_privilege('motcua_pipeline', format('%I.%I', schemaname, tablename), 'INSERT') ORDER BY 1, 2
    """)
    return [(str(schema), str(name)) for schema, name in found if name not in MEASURED]


def read_all(pipeline: Pipeline, schema: str | None = None) -> Rows:
    """Every row of every such table as text, in order; of a rebuilt warehouse, or of the real one."""
    found = {}
    for there, name in tables(pipeline):
        place = f"{schema or there}.{name}"
        query = f"SELECT CAST(to_jsonb(t) - CAST(:clocks AS text[]) AS text) FROM {place} t ORDER BY 1"  # noqa: S608
        found[name] = [str(row) for (row,) in pipeline.rows(query, clocks=sorted(CLOCKS.get(name, ())))]
    return found


def untouchable(pipeline: Pipeline) -> Rows:
    """All that a rebuilding must leave alone, clocks and deliveries included."""
    names = pipeline.rows(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('core', 'private')"
    )
    return {
        str(name): [str(row) for row in pipeline.rows(f"SELECT to_jsonb(t) FROM {name} t ORDER BY 1")]  # noqa: S608
        for (name,) in names
    }


def rebuild(pipeline: Pipeline, as_of: datetime = THIRD, **more: object) -> Rebuilt:
    return steps.rebuild(
        settings=pipeline.settings, connections=pipeline.connections, as_of=as_of, say=lambda _: None,
        **more,  # type: ignore[arg-type]  # as the tests give it
    )  # fmt: skip


def load_backwards(pipeline: Pipeline, cycle_id: int) -> None:
    """Batch by batch, the last source first: who comes first is nobody's promise."""
    for chunk in pipeline.chunks(cycle_id):
        pipeline.judge(cycle_id, chunk)
        for batch_id in reversed(chunk["batches"]):
            pipeline.consolidate(cycle_id, {**chunk, "batches": [batch_id]})


def read(pipeline: Pipeline, city: CityClient, sources: list[str], as_of: datetime, *, full: bool = False) -> int:
    city.move_clock(f"{as_of:%Y-%m-%dT%H:%M:%S}")
    cycle_id = pipeline.plan(as_of=as_of, sources=sources, full=full)
    pipeline.collect(cycle_id, sources)
    load_backwards(pipeline, cycle_id)
    return cycle_id


def accept(pipeline: Pipeline, source: str) -> None:
    [hold] = [hold for hold in steps.holds(settings=pipeline.settings) if hold["source_id"] == source]
    chunk = steps.decide_hold(
        settings=pipeline.settings, hold_id=int(str(hold["hold_id"])), accept=True, by="lan", reason="đã hỏi"
    )
    assert chunk is not None
    pipeline.judge(chunk["cycle_id"], chunk)
    pipeline.consolidate(chunk["cycle_id"], chunk)


@pytest.fixture(scope="module")
def course(
    postgres: sa.URL, template_database: str, running_city: CityClient, city_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Course]:  # fmt: skip
    home = tmp_path_factory.mktemp("home")
    with installed(postgres, template_database, city_home, home) as pipeline:
        yield run_course(with_twin(pipeline, running_city), running_city)
    running_city.move_clock("2018-12-25T17:00:00")


def with_twin(pipeline: Pipeline, city: CityClient) -> Pipeline:
    """One office has two systems that tell of the same dossiers."""
    folder = pipeline.settings.home / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    office = choose(city).victims["igate"]
    declare(folder, office, {"id": f"{office}_{TWIN}"})
    return Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)


def run_course(pipeline: Pipeline, city: CityClient) -> Course:
    offices = choose(city)
    victims = offices.victims
    sources = [*offices.all, f"{victims['igate']}_{TWIN}"]
    said: dict[datetime, Rows] = {}

    def edit(platform: str, **wanted: object) -> None:
        city.edit(source=victims[platform], **wanted)

    city.move_clock(f"{FIRST - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
    for platform in ("igate", "lgsp", "oss_soap"):
        edit(platform, op="bad_share", share=0.1, rule="unknown_channel")
    read(pipeline, city, sources, FIRST)
    said[FIRST] = read_all(pipeline)

    city.move_clock(f"{SECOND - timedelta(hours=2):%Y-%m-%dT%H:%M:%S}")
    city.misbehave(source=victims["sql_view"], mode="down")
    edit("lgsp", op="vanish", share=0.8)
    edit("oss_soap", op="vanish", share=0.8)
    edit("igate", op="update", count=3, status=8)
    edit("igate", op="delete", count=2)
    read(pipeline, city, sources, SECOND - timedelta(hours=1))
    late = read(pipeline, city, [victims["lgsp"], victims["oss_soap"]], SECOND - timedelta(minutes=30), full=True)
    accept(pipeline, victims["lgsp"])
    replayed = steps.replay_quarantine(
        settings=pipeline.settings, run_key="replay", as_of=SECOND, reason="xem lại", requested_by="lan"
    )
    load_backwards(pipeline, replayed["cycle_id"])
    said[SECOND] = read_all(pipeline)

    city.misbehave(source=victims["sql_view"], mode="off")
    city.move_clock(f"{THIRD - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
    city.edit(source=victims["igate"], op="undo")
    edit("sql_view", op="update", count=2, status=8, at="2018-10-20T08:00:00")
    edit("igate", op="vanish", count=1)
    edit("sftp_register", op="update", count=1, status=8)
    read(pipeline, city, [one for one in sources if one != victims["oss_soap"]], THIRD, full=True)
    accept(pipeline, victims["oss_soap"])  # in a cycle that is over since
    said[THIRD] = read_all(pipeline)
    for source in {victims[platform] for platform in victims}:
        city.edit(source=source, op="undo")
    return Course(pipeline, said, f"{late}.{victims['oss_soap']}", untouchable(pipeline))


@pytest.mark.parametrize("as_of", [FIRST, SECOND, THIRD], ids=lambda as_of: f"{as_of:%d-%m}")
def test_it_is_what_the_warehouse_said_at_that_moment_row_by_row(course: Course, as_of: datetime) -> None:
    done = rebuild(course.pipeline, as_of)
    assert done["missing"] == []
    again = read_all(course.pipeline, done["schema"])
    if as_of == SECOND:  # the ledger forgets the words with which a batch was held once it is accepted
        for name, column in (("batch", "error"), ("source_state", "reason")):
            for rows in (again[name], course.said[as_of][name]):
                rows[:] = [without(row, column) if held_later(row, course) else row for row in rows]
    assert again.keys() == course.said[as_of].keys()
    for name, rows in course.said[as_of].items():
        assert again[name] == rows, name
    assert done["dossiers"] == len(again["dossier"]) > 0


def held_later(row: str, course: Course) -> bool:
    office = course.late_hold.partition(".")[2]
    return f'"source_id": "{office}"' in row and '"state": "held"' in row


def without(row: str, column: str) -> str:
    return json.dumps({name: value for name, value in json.loads(row).items() if name != column}, sort_keys=True)


def test_the_course_was_no_quiet_one(course: Course) -> None:
    states = course.pipeline.rows("SELECT DISTINCT state, kind FROM core.batch")
    assert {("merged", "window"), ("merged", "full"), ("merged", "replay"), ("failed", "window")} <= set(states)
    kinds = (
        "SELECT count(*) FILTER (WHERE deleted), count(DISTINCT recorded_at), max(version) FROM core.dossier_version"
    )
    [(deleted, recorded, newest)] = course.pipeline.rows(kinds)
    assert int(str(deleted)) > 5
    assert int(str(recorded)) > 3
    assert int(str(newest)) > 2
    assert course.pipeline.rows("SELECT state, count(*) FROM core.hold GROUP BY 1") == [("accepted", 2)]
    assert [row for row in course.said[SECOND]["batch"] if course.late_hold in row and '"held"' in row]
    shared = "SELECT count(*) FROM (SELECT FROM core.source_dossier GROUP BY code HAVING count(*) > 1) s"
    assert int(str(course.pipeline.rows(shared)[0][0])) > 5
