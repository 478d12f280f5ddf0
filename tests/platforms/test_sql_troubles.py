"""Views that changed, may not be read, are slow or without end: what is told of them; on real servers."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from motcua.errors import SourceChanged, SourceRefused, SourceUnavailable
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import Registry

from tests.platforms.databases import (
    AGAIN,
    ASK,
    COLUMNS,
    NAME,
    SCHEMA,
    UNIT,
    Database,
    assert_told,
    code,
    dossier,
    failure,
    of,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]

CHANGED = f"{ASK} what changed"


@pytest.fixture(autouse=True)
def with_dossiers(database: Database) -> None:
    database.put(*(dossier(number, ten_chu_ho_so=NAME) for number in range(1, 8)))


@pytest.mark.parametrize(
    ("view", "column"), [("v_ho_so", "ngay_hen_tra"), ("v_ho_so", "ma_don_vi"), ("v_qua_trinh", "thu_tu")]
)
def test_missing_column_is_named(database: Database, view: str, column: str) -> None:
    database.show(view, **{column: ""})
    message = f"{view}: expected the columns of the contract, missing: {column}{CHANGED}"
    assert_told(failure(database), SourceChanged, "PROTOCOL", message)


def test_renamed_column_is_a_missing_one(database: Database) -> None:
    database.show(trang_thai="", also="trang_thai AS trang_thai_moi")
    message = f"v_ho_so: expected the columns of the contract, missing: trang_thai{CHANGED}"
    assert_told(failure(database), SourceChanged, "PROTOCOL", message)


@pytest.mark.parametrize("view", ["v_ho_so", "v_qua_trinh"])
def test_missing_view_is_named(database: Database, view: str) -> None:
    database.run(f"DROP VIEW {view}")
    message = (
        f"expected {view}, got none of this name ({of(database, '42P01', '1146')}); look at schema and search_path of "
        f"connection {database.name}, then ask its owner"
    )
    assert_told(failure(database), SourceChanged, "PROTOCOL", message)


@pytest.mark.parametrize("kind", ["date", "text"])
def test_change_time_that_is_no_timestamp_is_refused_before_rows_are_lost(database: Database, kind: str) -> None:
    database.show(ngay_cap_nhat=f"CAST(ngay_cap_nhat AS {'char(30)' if kind == 'text' else kind})")
    message = f"v_ho_so.ngay_cap_nhat: expected a timestamp without zone, got another type{CHANGED}"
    assert_told(failure(database), SourceChanged, "PROTOCOL", message)


def test_other_types_are_kept_for_the_rules_to_judge(database: Database, registry: Registry) -> None:
    as_text = of(database, "trang_thai::text || '?'", "concat(trang_thai, '?')")
    database.run("UPDATE ho_so SET trang_thai = 4")
    database.show(trang_thai=as_text, ngay_nop="CAST('2018-10-12' AS date)")
    database.read()
    batch = map_records([PageRecords("page", database.records())], SPECS["sql_view"], registry)
    assert set(batch.dossiers["status"]) == {-1}
    assert set(batch.dossiers["impossible"]) == {"submitted_at"}


def test_new_column_is_kept_and_reported(database: Database, registry: Registry) -> None:
    picture = of(database, r"'\x00ff'::bytea", "x'00ff'")
    odd_name = of(database, '"100% %(x)s"', "`100% %(x)s`")
    database.show(also=f"{picture} AS anh, CAST(2 AS decimal(30, 2)) AS so_lon, 7 AS so_nho, ngay_nop AS {odd_name}")
    database.read()
    record = database.records()[0]
    assert [record[key] for key in ("anh", "so_lon", "so_nho", "100% %(x)s")] == ["\\x00ff", "2.00", 7, None]
    batch = map_records([PageRecords("page", database.records())], SPECS["sql_view"], registry)
    assert {field for _, field in batch.unknown_fields} > {"anh", "so_lon", "so_nho"}


def test_flag_of_one_bit_is_read_as_a_flag(database: Database, registry: Registry) -> None:
    if database.dialect == "postgresql":
        database.show(da_xoa=f"CASE ma_ho_so WHEN '{code(1)}' THEN b'1' ELSE b'0' END")
    else:
        database.run("ALTER TABLE ho_so MODIFY da_xoa bit(1)")
        database.run("UPDATE ho_so SET da_xoa = ma_ho_so = %s", code(1))
    database.read()
    batch = map_records([PageRecords("page", database.records())], SPECS["sql_view"], registry)
    assert batch.dossiers["deleted"].tolist() == [True, *[False] * 6]
    assert set(batch.dossiers["mistyped"].isna()) == {True}


def test_right_that_was_taken_away_is_a_matter_for_the_owner(database: Database) -> None:
    database.run(f"REVOKE SELECT ON v_qua_trinh FROM {database.grantee}")  # noqa: S608  nothing is selected
    error = of(database, "42501", "1142")
    message = f"does not let our account read v_qua_trinh ({error}): its owner must grant SELECT on it"
    assert_told(failure(database), SourceRefused, "AUTH", message)


def test_view_that_would_write_is_refused(database: Database) -> None:
    body = "INSERT INTO qua_trinh (ma_ho_so) VALUES ('x')"
    database.run(of(
        database,
        f"CREATE FUNCTION writes() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = {SCHEMA} "
        f"AS $$ {body}; SELECT 'x' $$",
        f"CREATE FUNCTION writes() RETURNS text MODIFIES SQL DATA BEGIN {body}; RETURN 'x'; END",
    ))  # fmt: skip
    database.show(ten_tthc="writes()")
    message = f"v_ho_so: expected a view that only reads, got error {of(database, '25006', '1792')}{ASK}"
    assert_told(failure(database), SourceChanged, "PROTOCOL", message)
    assert database.run("SELECT count(*) FROM qua_trinh") == [(0,)]


def test_slow_view_is_given_up_by_the_server(database: Database) -> None:
    database.show(ten_tthc=of(database, "pg_sleep(60)::text", "sleep(60)"))
    began = time.monotonic()
    error = failure(database, time_budget_seconds=1)
    assert time.monotonic() - began < 15
    assert_told(error, SourceUnavailable, "TIMEOUT", f"no answer about v_ho_so within its time limit{AGAIN}")
    time.sleep(0.2)
    at_work = of(
        database, "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'",
        "SELECT count(*) FROM information_schema.processlist WHERE user = %s AND command = 'Query'",
    )  # fmt: skip
    assert database.run(at_work, database.user) == [(0,)]


def test_text_in_no_known_letters_is_told(database: Database) -> None:
    """A PostgreSQL that was told of no encoding takes in any bytes, and gives out none that are not UTF-8."""
    if database.dialect == "mysql":
        return  # it knows the letters of every column
    bare = "bare_" + database.name
    database.run(f"CREATE DATABASE {bare} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'")
    values = {"ma_don_vi": f"'{UNIT}'", "ten_chu_ho_so": r"convert_from('\xd3d3', 'SQL_ASCII')"}
    with closing(database.administrator(bare)) as admin:
        admin.execute(f"CREATE SCHEMA {SCHEMA}; GRANT USAGE ON SCHEMA {SCHEMA} TO {database.user}")
        for view, columns in COLUMNS.items():
            shown = (
                f"{values.get(name, 'NULL')}::{database.type_of(kind)} AS {name}" for name, kind in columns.items()
            )
            admin.execute(f"CREATE VIEW {view} AS SELECT {', '.join(shown)}")
            admin.execute(f"GRANT SELECT ON {view} TO {database.user}")
    error = failure(database, through=database.connection(schema=bare))
    message = f"v_ho_so: expected an answer, got error 22021{ASK}"
    assert_told(error, SourceChanged, "PROTOCOL", message)


def test_page_that_is_larger_than_any_is_refused(database: Database) -> None:
    database.run("UPDATE ho_so SET ten_tthc = repeat('x', 14000000)")
    error = failure(database, page_size=7)
    message = (
        "v_ho_so: 7 rows are larger than 67108864 bytes; ask its owner to leave files and pictures out, or make "
        "page_size smaller"
    )
    assert_told(error, SourceChanged, "LIMIT", message)
    assert database.kept == []


def test_steps_without_end_are_refused(database: Database) -> None:
    rows = of(database, "generate_series(1, 30000) AS seq", "seq_1_to_30000")
    database.run(f"INSERT INTO qua_trinh (ma_ho_so, thu_tu) SELECT ho_so.ma_ho_so, 1 FROM ho_so, {rows}")  # noqa: S608
    error = failure(database, page_size=7)
    assert_told(error, SourceChanged, "LIMIT", f"v_qua_trinh: more than 200000 steps of 7 dossiers{ASK}")
