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
from motcua.errors import ConfigError
from motcua.steps.rebuild import Rebuilt
from motcua.warehouse import Role

from tests.faults.offices import choose, declare
from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.conftest import installed
from tests.steps.pipeline import AS_OF, LOCAL, WARD, Pipeline

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = (datetime(2018, *day, 17, tzinfo=LOCAL) for day in ((11, 30), (12, 10), (12, 25)))
# Every column of every table that a merge writes, but for the clock of the machine, and the place where a try staged
# what it judged: when a batch was merged, a message
# queued or overtaken. What a stage took is measured anew.
CLOCKS = {"batch": {"ended_at", "staged"}, "delivery": {"queued_at", "settled_at"}}
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
        AND has_table_privilege('motcua_pipeline', format('%I.%I', schemaname, tablename), 'INSERT')
        AND has_table_privilege('motcua_pipeline', format('%I.%I', schemaname, tablename), 'SELECT') ORDER BY 1, 2
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
    """All that a rebuilding must leave alone, clocks and deliveries included; some ledgers it may not even read."""
    names = pipeline.rows("""
        SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('core', 'private')
        AND has_table_privilege('motcua_pipeline', format('%I.%I', schemaname, tablename), 'SELECT')
    """)
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


def test_the_archive_alone_says_what_was_merged(course: Course) -> None:
    done = rebuild(course.pipeline, THIRD, schema="rebuilt_from_archive", from_archive=True)
    assert done["missing"] == []
    again = read_all(course.pipeline, done["schema"])
    for name, rows in course.said[THIRD].items():
        assert again[name] == rows, name


def test_an_archive_that_tells_of_no_cycle_is_an_error(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError, match="tells of no cycle"):
        rebuild(pipeline, from_archive=True)


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


def test_nothing_else_moves(course: Course) -> None:
    rebuild(course.pipeline, SECOND, schema="rebuilt_beside")
    assert untouchable(course.pipeline) == course.settled


def test_the_pipeline_has_the_same_rights_in_it_and_nobody_else_has_any(course: Course) -> None:
    rebuild(course.pipeline, FIRST, schema="rebuilt_rights")
    rights = """
        WITH held AS (
            SELECT oid, relname, '' AS attname, relacl AS acl FROM pg_class
            UNION ALL
            SELECT c.oid, relname, attname, attacl FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
        )
        SELECT relname, attname, privilege_type
        FROM held, aclexplode(acl) JOIN pg_roles r ON r.oid = grantee
        WHERE held.oid IN (SELECT oid FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace))
          AND rolname = ANY(:roles) AND relname = ANY(:names) ORDER BY 1, 2, 3
    """
    pipeline, everybody = [Role.PIPELINE.value], [role.value for role in Role]
    names = [name for _, name in tables(course.pipeline)] + ["stage_run"]
    real = [
        right for schema in ("core", "private")
        for right in course.pipeline.rows(rights, schema=schema, roles=pipeline, names=names)
    ]  # fmt: skip
    assert course.pipeline.rows(rights, schema="rebuilt_rights", roles=everybody, names=names) == sorted(real)
    usage = (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND has_schema_privilege(oid, 'rebuilt_rights', :w)"
    )
    assert course.pipeline.rows(usage, roles=everybody, w="USAGE") == [(Role.PIPELINE.value,)]
    assert course.pipeline.rows(usage, roles=everybody, w="CREATE") == []


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def page_of(pipeline: Pipeline, sha256: str) -> Path:
    return pipeline.settings.home / "archive" / "pages" / sha256[:2] / sha256[2:4] / f"{sha256}.zst"


def test_what_the_archive_lacks_is_left_out_and_the_result_says_so(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD, "le_chan.quan"])
    lost = pipeline.land(cycle_id, [record(MaHoSo=code(1)), record(MaHoSo=code(2))])
    quarter = record(MaHoSo="000.00.33.H24-181012-0001", MaDonViTiepNhan="000.00.33.H24")
    pipeline.land(cycle_id, [quarter], source="le_chan.quan")
    pipeline.load(cycle_id)
    told_again = record(MaHoSo=code(2), TrangThai=9, NgayCapNhat="2018-12-26T08:00:00.000")
    pipeline.land_and_load([told_again], as_of=AS_OF + timedelta(days=1))
    page_of(pipeline, lost).unlink()

    done = rebuild(pipeline, AS_OF)
    [missing] = done["missing"]
    assert (missing["batch_id"], missing["source_id"], missing["pages"]) == (f"{cycle_id}.{WARD}", WARD, [lost])
    assert "1 of 1 pages cannot be read" in missing["reason"]
    assert (done["batches"], done["dossiers"]) == (1, 1)
    batches = f"SELECT source_id, state, error_kind FROM {done['schema']}.batch ORDER BY 1"  # noqa: S608
    assert pipeline.rows(batches) == [(WARD, "failed", "PAGES_GONE"), ("le_chan.quan", "merged", None)]
    standing = f"SELECT state FROM {done['schema']}.source_state WHERE source_id = :ward"  # noqa: S608
    assert pipeline.rows(standing, ward=WARD) == [("down",)]

    later = rebuild(pipeline, AS_OF + timedelta(days=1))
    assert (len(later["missing"]), later["dossiers"]) == (1, 2)
    versions = f"SELECT code, version, status FROM {later['schema']}.dossier ORDER BY 1"  # noqa: S608
    assert pipeline.rows(versions) == [("000.00.33.H24-181012-0001", 1, 10), (code(2), 1, 9)]
    [told] = [one["told"] for one in steps.rebuilt_warehouses(settings=pipeline.settings)
              if one["schema"] == later["schema"]]  # fmt: skip
    assert "1 batches missing" in str(told)


def test_an_archive_of_which_nothing_can_be_read_gives_no_warehouse(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1))])
    shutil.rmtree(pipeline.settings.home / "archive")
    with pytest.raises(ConfigError, match="nothing can be read from the archive"):
        rebuild(pipeline)
    assert steps.rebuilt_warehouses(settings=pipeline.settings) == []
    assert not (pipeline.settings.home / "staging" / "rebuilt_20181225t1700").exists()


def test_one_that_is_there_is_replaced_only_when_asked(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1))])
    first = rebuild(pipeline)
    with pytest.raises(ConfigError, match="schema rebuilt_20181225t1700 is there already"):
        rebuild(pipeline)
    assert rebuild(pipeline, replaces=True) == first
    steps.drop_rebuilt(settings=pipeline.settings, schema=first["schema"])
    assert steps.rebuilt_warehouses(settings=pipeline.settings) == []


@pytest.mark.parametrize("name", ["core", "rebuilt_", 'rebuilt_x"; DROP SCHEMA core; --', "rebuilt_" + "x" * 56])
def test_a_name_that_is_none_of_a_rebuilt_warehouse_is_refused(pipeline: Pipeline, name: str) -> None:
    with pytest.raises(ConfigError, match="expected a name like rebuilt_20181001t1700"):
        rebuild(pipeline, schema=name)
    with pytest.raises(ConfigError, match="expected a name like rebuilt_20181001t1700"):
        steps.drop_rebuilt(settings=pipeline.settings, schema=name)


def test_a_source_that_the_registry_forgot_stops_it(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1))])
    folder = pipeline.settings.home / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "sources" / "le_chan.yaml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if f"{WARD}," not in line))
    without_it = Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)
    with pytest.raises(ConfigError, match=f"not in the registry any more: {WARD}"):
        rebuild(without_it)
    assert steps.rebuilt_warehouses(settings=pipeline.settings) == []


def test_a_batch_that_was_refused_whole_is_refused_again(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code(number)) for number in range(1, 13)])
    bad = [record(MaHoSo=code(number), TrangThai=99) for number in range(1, 13)]
    pipeline.land_and_load(bad, as_of=AS_OF + timedelta(days=1))
    said = read_all(pipeline)
    assert pipeline.rows("SELECT state, error_kind FROM core.batch ORDER BY cycle_id") == [
        ("merged", None), ("failed", "BAD_ROWS"),
    ]  # fmt: skip
    assert read_all(pipeline, rebuild(pipeline, AS_OF + timedelta(days=1))["schema"]) == said
