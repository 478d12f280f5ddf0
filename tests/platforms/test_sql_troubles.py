"""What can be wrong with an office's database, and what the ledger and people are told of it; on real servers."""

from __future__ import annotations

import threading
import time

import pytest
from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import Registry

from tests.contract.scripted_server import Reply, serving
from tests.faults.proxy import Toxic
from tests.platforms.databases import SCHEMA, SECRET, Database, code, dossier

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]

NAME = "Nguyễn Thị Kín"
ASK = "; ask its owner"
CHANGED = "; ask its owner what changed"
AGAIN = "; it is tried again next cycle"


@pytest.fixture(autouse=True)
def with_dossiers(database: Database) -> None:
    database.put(*(dossier(number, ten_chu_ho_so=NAME) for number in range(1, 8)))


def failure(database: Database, *, through: Connection | None = None, **source: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        database.read(through=through, **source)
    told = str(caught.value)
    assert told.startswith("le_chan.an_bien: ")
    assert not [word for word in (NAME, SECRET, code(1)) if word in told]
    assert caught.value.__cause__ is None  # what a database says may quote a row
    return caught.value


def assert_told(error: SourceError, kind: type[SourceError], word: str, message: str) -> None:
    assert (type(error), error.kind, error.message) == (kind, word, message)


def of(database: Database, postgresql: str, mysql: str) -> str:
    return postgresql if database.dialect == "postgresql" else mysql


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
    database.show(ten_tthc=of(database, "pg_sleep(20)::text", "sleep(20)"))
    began = time.monotonic()
    error = failure(database, time_budget_seconds=1)
    assert time.monotonic() - began < 4
    assert_told(error, SourceUnavailable, "TIMEOUT", f"no answer about v_ho_so within its time limit{AGAIN}")
    time.sleep(0.2)
    at_work = of(
        database, "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'",
        "SELECT count(*) FROM information_schema.processlist WHERE user = %s AND command = 'Query'",
    )  # fmt: skip
    assert database.run(at_work, database.user) == [(0,)]


def test_wrong_password_is_tried_once_for_all_sources_of_an_installation(database: Database) -> None:
    wrong = database.connection(password="an0ther-secret")
    errors: list[SourceError] = []

    def read(name: str) -> None:
        with pytest.raises(SourceRefused) as caught:
            database.read(through=wrong, id=name)
        errors.append(caught.value)

    threads = [
        threading.Thread(target=read, args=(f"le_chan.{name}",)) for name in ("an_bien", "cho_con", "niem_nghia")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.line.attempts == 1
    assert {error.source_id for error in errors} == {"le_chan.an_bien", "le_chan.cho_con", "le_chan.niem_nghia"}
    (message,) = {error.message for error in errors}
    hint = of(database, "OperationalError", "1045")
    assert message == f"refuses the log-in of connection {wrong.id} ({hint}): mend its login, password and schema"
    assert {error.kind for error in errors} == {"AUTH"}


@pytest.mark.parametrize("differs", [{"login": "nobody_here"}, {"schema": "nothing_here"}], ids=["account", "database"])
def test_account_or_database_that_is_not_there_is_refused(database: Database, differs: dict[str, object]) -> None:
    error = failure(database, through=database.connection(**differs))
    assert (type(error), error.kind) == (SourceRefused, "AUTH")
    assert "mend its login, password and schema" in str(error)


def test_database_that_is_down_is_tried_three_times(database: Database) -> None:
    database.line.spoil(Toxic(reset_after=0))
    error = failure(database)
    assert (type(error), error.kind, database.line.attempts) == (SourceUnavailable, "UNAVAILABLE", 3)
    assert str(error).endswith(AGAIN)


def test_port_where_nobody_listens_is_told(database: Database) -> None:
    database.line.down()
    message = f"connection failed: {of(database, 'Connection refused', 'ConnectionRefusedError')}{AGAIN}"
    assert_told(failure(database), SourceUnavailable, "UNAVAILABLE", message)


def test_host_that_nobody_knows_is_told(database: Database) -> None:
    error = failure(database, through=database.connection(host="nobody.invalid"))
    message = f"connection failed: {of(database, 'failed to resolve host', 'gaierror')}{AGAIN}"
    assert_told(error, SourceUnavailable, "UNAVAILABLE", message)


@pytest.mark.parametrize("toxic", [Toxic(is_silent=True), Toxic(bytes_per_second=100)], ids=["silent", "dripping"])
def test_line_that_never_says_it_all_is_given_up(database: Database, toxic: Toxic) -> None:
    database.line.spoil(toxic)
    began = time.monotonic()
    error = failure(database, time_budget_seconds=2)
    assert (type(error), error.kind) == (SourceUnavailable, "TIMEOUT")
    assert time.monotonic() - began < 4
    assert str(error).endswith(f"within its time limit{AGAIN}")


def test_line_that_breaks_once_is_read_again_from_the_beginning(database: Database) -> None:
    database.put(*map(dossier, range(8, 400)))
    database.line.spoil(Toxic(reset_after=40_000, lines=1))
    listing = database.read(page_size=50)
    assert (listing.fetched, database.line.attempts) == (399, 2)
    assert len(database.kept) > len(listing.pages)  # some pages were kept before it broke, and count no more


def test_line_that_always_breaks_is_unavailable(database: Database) -> None:
    database.put(*map(dossier, range(8, 400)))
    database.line.spoil(Toxic(reset_after=40_000))
    error = failure(database, page_size=50)
    assert (type(error), error.kind, database.line.attempts) == (SourceUnavailable, "UNAVAILABLE", 3)


@pytest.mark.parametrize("words", [b"HTTP/1.1 200 OK\r\n\r\n<html>", b"\x4a\x00\x00\x00\x0a8.0\x00", b"\xff" * 99])
def test_server_of_another_kind_is_told(database: Database, words: bytes) -> None:
    with serving(lambda _: Reply(body=words)) as other:
        error = failure(database, through=database.connection(port=other.server_address[1]), time_budget_seconds=2)
    assert isinstance(error, SourceUnavailable | SourceChanged)


def test_clocks_agree_on_one_machine(database: Database) -> None:
    skew = database.read().clock_skew_seconds
    assert skew is not None
    assert abs(skew) < 1


def test_clock_that_is_two_hours_ahead_is_measured(database: Database) -> None:
    through = database.connection()
    if database.dialect == "postgresql":
        database.run(
            f"CREATE FUNCTION {SCHEMA}.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS 'SELECT pg_catalog.clock_timestamp() + interval ''2 hours'''"
        )
        through = database.connection(extra={"dialect": "postgresql", "search_path": f"{SCHEMA}, pg_catalog"})
    else:
        database.run("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 7200'")
    try:
        skew = database.read(through=through).clock_skew_seconds
    finally:
        if database.dialect == "mysql":
            database.run("SET GLOBAL init_connect = ''")
    assert skew is not None
    assert abs(skew - 7200) < 2


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
