"""Databases of offices as PostgreSQL and MariaDB hold them: tables that nobody sees, two views, an account that reads.

What an office lists is copied into the tables; a view whose shape has changed is made anew over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
import pymysql
from psycopg import sql

DOSSIERS, STEPS = "v_ho_so", "v_qua_trinh"
TABLES = {DOSSIERS: "ho_so", STEPS: "qua_trinh"}
# the contract's columns by kind, and one that it does not know
COLUMNS = {
    DOSSIERS: {
        "ma_ho_so": "key", "ma_tthc": "text", "ten_tthc": "text", "ma_linh_vuc": "text", "kenh_thuc_hien": "code",
        "loai_doi_tuong": "code", "ten_chu_ho_so": "text", "so_giay_to": "text", "ma_don_vi": "key",
        "don_vi_xu_ly": "text", "ngay_nop": "time", "ngay_tiep_nhan": "time", "ngay_hen_tra": "time",
        "ngay_ket_thuc": "time", "ngay_tra": "time", "trang_thai": "code", "da_xoa": "flag", "ngay_cap_nhat": "time",
        "so_bien_nhan": "text",
    },
    STEPS: {
        "ma_ho_so": "key", "thu_tu": "code", "thoi_diem": "time", "nguoi_xu_ly": "text", "phong_ban": "text",
        "noi_dung": "text", "trang_thai": "code",
    },
}  # fmt: skip
INDEXES = {DOSSIERS: "ma_don_vi, ngay_cap_nhat, ma_ho_so", STEPS: "ma_ho_so"}

# a key of MariaDB is compared without regard to case, as usual there
POSTGRESQL = {"key": "text NOT NULL", "text": "text", "code": "smallint", "time": "timestamp(3)", "flag": "boolean"}
MARIADB = {
    "key": "varchar(100) NOT NULL", "text": "longtext", "code": "smallint", "time": "datetime(3)", "flag": "tinyint(1)"
}  # fmt: skip

Values = Sequence[object]
# column of `v_ho_so` → what the view shows instead of it: another expression, another name, or nothing
Shape = Mapping[str, str]


class Account(Protocol):
    """Who may read an office's views."""

    user: str
    password: str


class Server(Protocol):
    """What the stand-in city asks of a kind of server."""

    def create(self, database: str, account: Account) -> None:
        """An office's database with empty tables, its views, and its account."""
        ...

    def fill(self, database: str, dossiers: Iterable[Values], steps: Iterable[Values]) -> None:
        """Puts rows in place of all there are, for those who begin to read from now on."""
        ...

    def reshape(self, database: str, account: Account, shape: Shape) -> None:
        """Makes `v_ho_so` anew."""
        ...

    def admit(self, account: Account, *, is_known: bool) -> None:
        """Whether the account's password is the right one."""
        ...


def _shown(view: str, shape: Shape) -> str:
    expressions = [shape.get(column, column) for column in COLUMNS[view]] + [shape.get("", "")]
    return ", ".join(filter(None, expressions))


class PostgreSql:
    """Databases with the tables in one schema and the views in another."""

    INNER, SCHEMA = "noi_bo", "mot_cua"

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def create(self, database: str, account: Account) -> None:
        """See `Server`."""
        name, user = sql.Identifier(database), sql.Identifier(account.user)
        with self._connected("postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} STRATEGY FILE_COPY").format(name))
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, sql.Literal(account.password)))
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, user))
        with self._connected(database) as admin:
            admin.execute(f"CREATE SCHEMA {self.INNER}; CREATE SCHEMA {self.SCHEMA}")
            admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(self.SCHEMA), user))
            for view, table in TABLES.items():
                columns = ", ".join(f"{column} {POSTGRESQL[kind]}" for column, kind in COLUMNS[view].items())
                admin.execute(f"CREATE TABLE {self.INNER}.{table} ({columns})")
                admin.execute(f"CREATE INDEX ON {self.INNER}.{table} ({INDEXES[view]})")
                self._view(admin, view, account, {})

    def fill(self, database: str, dossiers: Iterable[Values], steps: Iterable[Values]) -> None:
        """See `Server`."""
        with self._connected(database) as admin:
            for view, rows in ((DOSSIERS, dossiers), (STEPS, steps)):
                table = f"{self.INNER}.{TABLES[view]}"
                admin.execute(f"DELETE FROM {table}")  # noqa: S608  the names are those above
                with admin.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row([_storable(value) for value in row])
        with self._connected(database, autocommit=True) as admin:
            # giving pages back would wait for whoever reads
            admin.execute(
                f"VACUUM (ANALYZE, TRUNCATE false) {', '.join(f'{self.INNER}.{one}' for one in TABLES.values())}"
            )

    def reshape(self, database: str, account: Account, shape: Shape) -> None:
        """See `Server`."""
        with self._connected(database) as admin:
            admin.execute(f"DROP VIEW {self.SCHEMA}.{DOSSIERS}")
            self._view(admin, DOSSIERS, account, shape)

    def admit(self, account: Account, *, is_known: bool) -> None:
        """See `Server`."""
        user, secret = sql.Identifier(account.user), sql.Literal(account.password if is_known else "another")
        with self._connected("postgres") as admin:
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, secret))

    def _view(self, admin: psycopg.Connection, view: str, account: Account, shape: Shape) -> None:
        name = f"{self.SCHEMA}.{view}"
        admin.execute(f"CREATE VIEW {name} AS SELECT {_shown(view, shape)} FROM {self.INNER}.{TABLES[view]}")  # noqa: S608
        admin.execute(
            sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(*name.split(".")), sql.Identifier(account.user))
        )

    @contextmanager
    def _connected(self, database: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host=str(self._socket.parent), user="postgres", dbname=database, autocommit=autocommit
        ) as admin:
            yield admin


class MariaDb:
    """Two databases an office: the tables are in one that its account does not see, the views in the other."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def create(self, database: str, account: Account) -> None:
        """See `Server`."""
        with self._asking() as ask:
            for name in (database, f"{database}_noi_bo"):
                ask(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            ask("CREATE USER %s@localhost IDENTIFIED BY %s", account.user, account.password)
            for view, table in TABLES.items():
                columns = ", ".join(f"{column} {MARIADB[kind]}" for column, kind in COLUMNS[view].items())
                ask(f"CREATE TABLE {database}_noi_bo.{table} ({columns}, INDEX ({INDEXES[view]}))")
                self._view(ask, database, view, account, {})

    def fill(self, database: str, dossiers: Iterable[Values], steps: Iterable[Values]) -> None:
        """See `Server`."""
        with self._connected() as admin, admin.cursor() as cursor:
            for view, rows in ((DOSSIERS, dossiers), (STEPS, steps)):
                table = f"{database}_noi_bo.{TABLES[view]}"
                places = ", ".join(["%s"] * len(COLUMNS[view]))
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  the names are those above
                cursor.executemany(f"INSERT INTO {table} VALUES ({places})", list(rows))  # noqa: S608
            admin.commit()

    def reshape(self, database: str, account: Account, shape: Shape) -> None:
        """See `Server`."""
        with self._asking() as ask:
            ask(f"DROP VIEW {database}.{DOSSIERS}")
            self._view(ask, database, DOSSIERS, account, shape)

    def admit(self, account: Account, *, is_known: bool) -> None:
        """See `Server`."""
        with self._asking() as ask:
            ask("ALTER USER %s@localhost IDENTIFIED BY %s", account.user, account.password if is_known else "another")

    def _view(self, ask: Callable[..., int], database: str, view: str, account: Account, shape: Shape) -> None:
        shown = f"SELECT {_shown(view, shape)} FROM {database}_noi_bo.{TABLES[view]}"  # noqa: S608
        ask(f"CREATE VIEW {database}.{view} AS {shown}")
        ask(f"GRANT SELECT ON {database}.{view} TO %s@localhost", account.user)

    @contextmanager
    def _asking(self) -> Iterator[Callable[..., int]]:
        with self._connected() as admin, admin.cursor() as cursor:
            yield lambda statement, *values: cursor.execute(statement, values or None)

    def _connected(self) -> pymysql.connections.Connection:
        # no mode: a date that is none is stored as it is
        return pymysql.connect(unix_socket=str(self._socket), user="root", charset="utf8mb4", sql_mode="")


def _storable(value: object) -> object:
    """PostgreSQL holds every letter but one."""
    return value.replace("\0", "") if isinstance(value, str) else value
