"""Offices' databases on a real PostgreSQL and a real MariaDB, each behind a line that a test may spoil."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime

import psycopg
import pymysql
import pytest
from motcua.connections import Connection
from motcua.errors import SourceError
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.platforms.base import Record
from motcua.registry import Source

from sandbox.city.database_server import DatabaseServer, programs_of_mariadb
from tests.browser import SKIP_NOTHING
from tests.faults.proxy import Proxy

UNIT = "000.05.33.H24"
ALL = Window(since=None, until=datetime.fromisoformat("2018-12-25T17:00:00+07:00"))
USER, SECRET = "motcua", "s3cret-s3cret"
SCHEMA = "mot_cua"
NAME = "Nguyễn Thị Kín"
ASK, AGAIN = "; ask its owner", "; it is tried again next cycle"
COLUMNS = {
    "v_ho_so": {
        "ma_ho_so": "key", "ma_tthc": "text", "ten_tthc": "text", "ma_linh_vuc": "text", "kenh_thuc_hien": "code",
        "loai_doi_tuong": "code", "ten_chu_ho_so": "text", "so_giay_to": "text", "ma_don_vi": "key",
        "don_vi_xu_ly": "text", "ngay_nop": "time", "ngay_tiep_nhan": "time", "ngay_hen_tra": "time",
        "ngay_ket_thuc": "time", "ngay_tra": "time", "trang_thai": "code", "da_xoa": "flag", "ngay_cap_nhat": "time",
    },
    "v_qua_trinh": {
        "ma_ho_so": "key", "thu_tu": "code", "thoi_diem": "time", "nguoi_xu_ly": "text", "phong_ban": "text",
        "noi_dung": "text", "trang_thai": "code",
    },
}  # fmt: skip
TYPES = {
    "postgresql": {"key": "text", "text": "text", "code": "smallint", "time": "timestamp(6)", "flag": "boolean"},
    "mysql": {
        "key": "varchar(100)", "text": "longtext", "code": "smallint", "time": "datetime(6)", "flag": "tinyint(1)"
    },
}  # fmt: skip
PREPARATION = {
    "postgresql": ("CREATE DATABASE {name} STRATEGY FILE_COPY", "CREATE ROLE {user} LOGIN PASSWORD '{secret}'"),
    "mysql": ("CREATE DATABASE {name} CHARACTER SET utf8mb4", "CREATE USER {user} IDENTIFIED BY '{secret}'"),
}
_NUMBER = itertools.count(1)


@contextmanager
def server(dialect: str, *options: str) -> Iterator[DatabaseServer]:
    """A server of a kind; where there is none its tests are skipped, and fail where nothing may be."""
    if dialect == "mysql" and programs_of_mariadb() is None:
        missing = "MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core"
        if os.environ.get(SKIP_NOTHING):
            pytest.fail(missing)
        pytest.skip(missing)
    running = DatabaseServer(dialect, *options)
    try:
        _ = running.socket
        yield running
    finally:
        running.stop()


class Database:
    """A database of the contract's shape, and the account that reads it.

    Attributes:
        dialect: `postgresql` or `mysql`.
        line: between the account and the server.
        kept: pages that were kept, in order.
    """

    def __init__(self, behind: DatabaseServer, line: Proxy) -> None:
        self.dialect, self.line, self.kept = behind.dialect, line, list[bytes]()
        self.name = f"office_{next(_NUMBER)}"
        self._socket = behind.socket
        self.user = f"{USER}_{self.name}"
        self.grantee = self.user if self.dialect == "postgresql" else f"{self.user}@localhost"
        with closing(self.administrator("postgres" if self.dialect == "postgresql" else None)) as admin:
            for statement in PREPARATION[self.dialect]:
                admin.cursor().execute(statement.format(name=self.name, user=self.grantee, secret=SECRET))
        self._admin = self.administrator(self.name)
        if self.dialect == "postgresql":
            self.run(f"CREATE SCHEMA {SCHEMA}")
            self.run(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {self.user}")
        for view, columns in COLUMNS.items():
            typed = ", ".join(f"{column} {self.type_of(kind)}" for column, kind in columns.items())
            self.run(f"CREATE TABLE {view.removeprefix('v_')} ({typed})")
            self.show(view)

    def close(self) -> None:
        self._admin.close()

    def type_of(self, kind: str) -> str:
        return TYPES[self.dialect][kind]

    def administrator(self, database: str | None) -> psycopg.Connection | pymysql.connections.Connection:
        if self.dialect == "postgresql":
            path = f"-c search_path={SCHEMA}"
            return psycopg.connect(
                host=str(self._socket.parent), user="postgres", dbname=database, autocommit=True, options=path
            )
        return pymysql.connect(
            unix_socket=str(self._socket), user="root", database=database, autocommit=True, sql_mode=""
        )

    def run(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Runs a statement as the office's own administrator."""
        with closing(self._admin.cursor()) as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def show(self, view: str = "v_ho_so", *, also: str = "", **instead: str) -> None:
        """Makes a view anew: some columns show another expression, or are left out (""); `also` is shown besides."""
        shown = [f"{instead[name]} AS {name}" if instead.get(name) else name for name in COLUMNS[view]]
        shown = [text for text, name in zip(shown, COLUMNS[view], strict=True) if instead.get(name) != ""]
        self.run(f"DROP VIEW IF EXISTS {view}")
        everything = ", ".join(filter(None, [*shown, also]))
        self.run(f"CREATE VIEW {view} AS SELECT {everything} FROM {view[2:]}")  # noqa: S608  the names are ours
        self.run(f"GRANT SELECT ON {view} TO {self.grantee}")

    def put(self, *dossiers: Mapping[str, object]) -> None:
        """Adds rows of dossiers; what they do not name is null."""
        self._insert("v_ho_so", dossiers)

    def put_steps(self, *steps: Mapping[str, object]) -> None:
        self._insert("v_qua_trinh", steps)

    def _insert(self, view: str, rows: Sequence[Mapping[str, object]]) -> None:
        places = ", ".join(["%s"] * len(COLUMNS[view]))
        with closing(self._admin.cursor()) as cursor:
            cursor.execute("BEGIN")
            values = [[row.get(column) for column in COLUMNS[view]] for row in rows]
            cursor.executemany(f"INSERT INTO {view[2:]} VALUES ({places})", values)  # noqa: S608  likewise
            cursor.execute("COMMIT")

    def connection(self, **differs: object) -> Connection:
        extra = {"dialect": self.dialect}
        if self.dialect == "postgresql":
            extra["search_path"] = SCHEMA
        facts = {
            "id": self.name, "host": "127.0.0.1", "port": self.line.port, "schema": self.name, "login": self.user,
            "password": SECRET, "extra": extra,
        }  # fmt: skip
        return Connection(**facts | differs)  # type: ignore[arg-type]  # a test gives what it means

    def source(self, **differs: object) -> Source:
        facts: dict[str, object] = {
            "id": "le_chan.an_bien", "group": "le_chan", "units": (UNIT,), "platform": "sql_view",
            "connection": self.name, "page_size": 3, "rate_per_second": 1_000,
        }  # fmt: skip
        return Source(**facts | differs)  # type: ignore[arg-type]  # as above

    def read(self, window: Window = ALL, *, through: Connection | None = None, **differs: object) -> Listing:
        source = self.source(**differs)
        self.kept = []
        return PLATFORMS["sql_view"].read_listing(source, through or self.connection(), window, keep=self.keep)

    def keep(self, body: bytes) -> str:
        self.kept.append(body)
        return hashlib.sha256(body).hexdigest()

    def records(self) -> list[Record]:
        """Records of all kept pages, in order, as they are read from the archive again."""
        read = PLATFORMS["sql_view"].records
        return [record for body in self.kept for record in read(body, source=self.source(), note={})]

    def codes(self) -> list[object]:
        return [record["ma_ho_so"] for record in self.records()]


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def dossier(number: int, changed: str | None = None, **differs: object) -> dict[str, object]:
    """A row that says little: changed at a second of its own, unless it is told."""
    moment = f"2018-10-12 08:{number // 60:02d}:{number % 60:02d}" if changed is None else changed
    return {"ma_ho_so": code(number), "ma_don_vi": UNIT, "ngay_cap_nhat": moment} | differs


def step(number: int, order: int, **differs: object) -> dict[str, object]:
    return {"ma_ho_so": code(number), "thu_tu": order, "thoi_diem": f"2018-10-12 {order:02d}:00:00"} | differs


def failure(database: Database, *, through: Connection | None = None, **source: object) -> SourceError:
    """How reading a database fails, told without anybody's name or secret."""
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
    """Which of two words is that of its kind."""
    return postgresql if database.dialect == "postgresql" else mysql
