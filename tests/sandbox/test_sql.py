"""The databases of the stand-in city: what an account sees, and when it is what the ledger says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pymysql
import pytest

from sandbox.city.database_server import programs_of_mariadb
from tests.browser import SKIP_NOTHING
from tests.sandbox.city_client import CHECKOUT, CityClient, serve

pytestmark = pytest.mark.slow

CONNECTION, SOURCE = "sql_view_kien_an", "kien_an.quan"


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def running_city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    options: tuple[str, ...] = ()
    if request.param == "mysql":
        if programs_of_mariadb() is None and not os.environ.get(SKIP_NOTHING):
            pytest.skip("MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core")
        options = ("--mariadb", CONNECTION)
    with serve(tmp_path_factory.mktemp("city"), *options, scale=0.05) as client:
        yield client


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    yield running_city
    running_city.misbehave(source=SOURCE, mode="off")
    running_city.edit(source=SOURCE, op="undo")
    running_city.move_clock("2018-12-25T17:00:00")


@contextlib.contextmanager
def account(fields: dict[str, Any]) -> Iterator[Any]:
    assert fields["conn_type"] == "generic"
    if fields["extra"] == {"dialect": "mysql"}:
        opened = pymysql.connect(
            host=fields["host"], port=fields["port"], database=fields["schema"], user=fields["login"],
            password=fields["password"], ssl_disabled=True,
        )  # fmt: skip
    else:
        assert fields["extra"] == {"dialect": "postgresql", "search_path": "mot_cua"}
        opened = psycopg.connect(
            host=fields["host"], port=fields["port"], dbname=fields["schema"], user=fields["login"],
            password=fields["password"], options="-c search_path=mot_cua", connect_timeout=3,
        )  # fmt: skip
    with contextlib.closing(opened):
        yield opened


def ask(city: CityClient, statement: str) -> list[tuple]:
    return ask_with(city.connections[CONNECTION], statement)


def ask_with(fields: dict[str, Any], statement: str) -> list[tuple]:
    with account(fields) as opened, contextlib.closing(opened.cursor()) as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def shown(city: CityClient) -> Counter:
    """Codes, statuses and steps of all sources behind the connection, as the views show them."""
    dossiers = ask(city, "SELECT ma_ho_so FROM v_ho_so")
    return Counter(code for (code,) in dossiers)


def listed(city: CityClient) -> Counter:
    """The same, as the ledger says."""
    sources = {line["source_id"] for line in city.ledger() if line["source_id"].startswith("kien_an.")}
    assert len(sources) > 3
    found: Counter = Counter()
    for line in city.ledger():
        if line["source_id"] in sources:
            found[line["code_listed"]] += 1 + line["duplicate"] + (line["fault"] == "duplicate_in_batch")
    return found


def test_views_show_what_the_ledger_lists(city: CityClient) -> None:
    told = listed(city)
    assert shown(city) == told
    steps = dict(ask(city, "SELECT ma_ho_so, count(*) FROM v_qua_trinh GROUP BY ma_ho_so"))
    once = [line for line in city.ledger() if line["source_id"] == SOURCE and told[line["code_listed"]] == 1]
    assert {line["code_listed"]: line["steps"] for line in once}.items() <= steps.items()
    facts = dict(ask(city, "SELECT ma_ho_so, trang_thai FROM v_ho_so"))
    plain = {line["code_listed"]: line["status"] for line in once if line["fault"] is None}
    assert plain.items() <= facts.items()


def test_views_follow_the_clock_and_edits(city: CityClient) -> None:
    city.move_clock("2018-09-03T17:00:00")
    assert shown(city) == listed(city)
    before = sum(shown(city).values())
    city.move_clock("2018-12-25T17:00:00")
    assert shown(city) == listed(city)
    assert before < sum(shown(city).values())
    city.edit(source=SOURCE, op="insert", count=3)
    assert shown(city) == listed(city)


def test_who_reads_sees_one_state_while_the_city_moves(city: CityClient) -> None:
    with account(city.connections[CONNECTION]) as opened, contextlib.closing(opened.cursor()) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM v_ho_so")
        before = cursor.fetchall()
        city.edit(source=SOURCE, op="insert", count=3)
        assert len(ask(city, "SELECT 1 FROM v_ho_so")) == before[0][0] + 3
        cursor.execute("SELECT count(*) FROM v_ho_so")
        assert cursor.fetchall() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE v_ho_so SET trang_thai = 1", "DELETE FROM v_qua_trinh", "CREATE TABLE mine (a int)",
        "SELECT * FROM noi_bo.ho_so", "SELECT * FROM mot_cua_kien_an_noi_bo.ho_so",
    ],
)  # fmt: skip
def test_account_only_reads_and_only_the_views(city: CityClient, statement: str) -> None:
    with pytest.raises((psycopg.Error, pymysql.Error)) as caught:
        ask(city, statement)
    told = str(caught.value)
    assert "denied" in told or "does not exist" in told or "no schema" in told


@pytest.mark.parametrize("mode", ["down", "empty_body", "html_login", "unauthorised", "too_many_requests"])
def test_server_that_is_wrong_lets_nobody_in(city: CityClient, mode: str) -> None:
    city.misbehave(source=SOURCE, mode=mode)
    with pytest.raises((psycopg.Error, pymysql.Error)):
        ask(city, "SELECT 1")
    city.misbehave(source=SOURCE, mode="off")
    assert ask(city, "SELECT 1") == [(1,)]


def test_server_that_is_down_for_one_answer_is_well_afterwards(city: CityClient) -> None:
    city.misbehave(connection=CONNECTION, mode="down", times=1)
    with pytest.raises((psycopg.Error, pymysql.Error)):
        ask(city, "SELECT 1")
    assert ask(city, "SELECT 1") == [(1,)]


def test_connection_breaks_in_the_middle(city: CityClient) -> None:
    city.misbehave(source=SOURCE, mode="truncated_json")
    assert ask(city, "SELECT 1") == [(1,)]
    with pytest.raises((psycopg.Error, pymysql.Error)):
        ask(city, "SELECT * FROM v_ho_so")


def test_slow_server_takes_its_time(city: CityClient) -> None:
    city.misbehave(source=SOURCE, mode="slow", seconds=0.7)
    began = time.monotonic()
    ask(city, "SELECT 1")
    assert time.monotonic() - began > 0.6


@pytest.mark.parametrize(
    ("kind", "gone", "new"),
    [
        ("new_column", set(), {"truong_moi"}), ("missing_column", {"trang_thai"}, set()),
        ("renamed", {"trang_thai"}, {"trang_thai_moi"}), ("wrong_type", set(), set()),
    ],
)  # fmt: skip
def test_view_changes_its_shape(city: CityClient, kind: str, gone: set[str], new: set[str]) -> None:
    def columns() -> set[str]:
        with account(city.connections[CONNECTION]) as opened, contextlib.closing(opened.cursor()) as cursor:
            cursor.execute("SELECT * FROM v_ho_so")
            return {column[0] for column in cursor.description}

    before = columns()
    city.misbehave(source=SOURCE, mode="drift", kind=kind)
    assert columns() == before - gone | new
    if kind == "wrong_type":
        assert all(str(status).startswith("{") for (status,) in ask(city, "SELECT trang_thai FROM v_ho_so"))
    city.misbehave(source=SOURCE, mode="off")
    assert columns() == before


def test_rows_are_wrong_where_the_listing_is(city: CityClient) -> None:
    of_source = "SELECT ma_ho_so FROM v_ho_so WHERE ma_don_vi = '000.00.35.H24'"
    whole, others = ask(city, of_source), sum(shown(city).values()) - len(ask(city, of_source))
    city.misbehave(source=SOURCE, mode="cap", rows=5)
    assert len(ask(city, of_source)) == 5
    assert sum(shown(city).values()) == others + 5
    city.misbehave(source=SOURCE, mode="far_future")
    assert [str(newest)[:4] for (newest,) in ask(city, "SELECT max(ngay_cap_nhat) FROM v_ho_so")] == ["2999"]
    city.misbehave(source=SOURCE, mode="off")
    assert ask(city, of_source) == whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_city_that_ends_leaves_no_server_behind(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "sandbox.city", "serve", "--home", str(tmp_path), "--scale", "0.01"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            [server] = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if child.name() == "postgres" and child.parent().name() != "postgres"
            ]
            folder = Path(server.cwd()).parent
        finally:
            process.send_signal(number)
    for _ in range(100):
        if not folder.exists():
            break
        time.sleep(0.1)
    assert not folder.exists()
    assert not server.is_running()
