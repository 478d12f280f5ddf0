"""The two databases of `sql_view`: how each is logged in to, bounded, and read as it speaks, and what its errors mean.

Whole numbers and truth values come as such; all else comes as the database's own text, so that a date that Python
does not know (`infinity`, `0000-00-00`) is a text like any other and loses no page.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psycopg
import pymysql
from psycopg.adapt import AdaptersMap
from psycopg.types.bool import BoolLoader
from psycopg.types.numeric import IntDumper, IntLoader
from psycopg.types.string import StrDumperUnknown, TextLoader
from pymysql import converters
from pymysql.constants import FIELD_TYPE

from motcua.connections import Connection
from motcua.errors import ConfigError

# as the HTTP session's
CONNECT_SECONDS = 5

HandOver = Callable[[socket.socket], None]


class Trouble(Enum):
    """What an error of a database means for us."""

    TOO_SLOW = "its time limit is over"
    LOST = "no connection, or no more"
    LOG_IN = "the account or its database is refused"
    RIGHT = "the account may not read the view"
    NO_VIEW = "there is no such view"
    NO_COLUMN = "the view, or what it is made from, has no such column"
    WRITES = "reading the view would write"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One kind of database.

    Attributes:
        dialect: SQLAlchemy's name.
        port: where it listens unless the connection says otherwise.
        open: logs in within `CONNECT_SECONDS`; a DBAPI connection whose statements end after so many seconds. It
            hands over its socket as soon as there is one.
        begin: opens the read-only transaction that sees one state of both views; None where the driver does.
        utc_now: a statement that tells the database's clock as text, UTC.
        local_times: type codes of times without a zone.
        trouble: what a DBAPI error means, and its code.
    """

    dialect: str
    port: int
    open: Callable[[Connection, int, float, HandOver], object]
    begin: str | None
    utc_now: str
    local_times: frozenset[int]
    trouble: Callable[[BaseException | None], tuple[Trouble, str]]


def driver_of(connection: Connection) -> Driver:
    """The driver that the connection's `dialect` names; ConfigError when it names none of ours."""
    dialect = connection.required("dialect")
    if dialect not in _DRIVERS:
        raise ConfigError(
            f"connection {connection.id}: dialect: expected {' or '.join(_DRIVERS)}, got another word; "
            "mend the connection"
        )
    return _DRIVERS[dialect]


def _certificates(connection: Connection) -> str | None:
    ca = connection.extra.get("ca")
    if ca and not Path(ca).is_file():
        raise ConfigError(
            f"connection {connection.id}: ca: {ca} is no file; mend the connection, or put the certificates there"
        )
    return ca or None


# PostgreSQL


def _open_postgresql(connection: Connection, port: int, seconds: float, hand_over: HandOver) -> psycopg.Connection:
    ca = _certificates(connection)
    made = psycopg.connect(
        context=_as_told(),
        host=connection.required("host"),
        port=port,
        dbname=connection.required("schema"),
        user=connection.required("login"),
        password=connection.required("password"),
        connect_timeout=math.ceil(min(CONNECT_SECONDS, seconds)),
        client_encoding="utf8",
        application_name="motcua",
        gssencmode="disable",
        sslmode="verify-full" if ca else "prefer",
        sslrootcert=ca,
        prepare_threshold=None,  # planned for the key of each page, not for any
        autocommit=True,
    )
    hand_over(socket.fromfd(made.fileno(), socket.AF_INET, socket.SOCK_STREAM))
    settings = {"statement_timeout": f"{1000 * seconds:.0f}", "DateStyle": "ISO", "TimeZone": "Asia/Ho_Chi_Minh"}
    if path := connection.extra.get("search_path"):
        settings["search_path"] = path
    try:
        for name, value in settings.items():
            made.execute("SELECT set_config(%s, %s, false)", [name, value])
    except psycopg.Error:
        made.close()
        raise
    made.autocommit = False
    made.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    made.read_only = True
    return made


def _as_told() -> AdaptersMap:
    adapters = AdaptersMap(types=psycopg.adapters.types)
    # of no declared type, as a literal: the database reads it as the column that it is compared with
    adapters.register_dumper(str, StrDumperUnknown)
    adapters.register_dumper(int, IntDumper)
    adapters.register_loader(0, TextLoader)  # every type without a loader of its own
    adapters.register_loader("bool", BoolLoader)
    for whole in ("int2", "int4", "int8"):
        adapters.register_loader(whole, IntLoader)
    return adapters


def _postgresql_trouble(error: BaseException | None) -> tuple[Trouble, str]:
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state is not None:
        return _SQLSTATES.get(state) or _SQLSTATES.get(state[:2]) or Trouble.OTHER, state
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Trouble.TOO_SLOW, ""
    if not isinstance(error, psycopg.OperationalError):
        return Trouble.OTHER, type(error).__name__
    # A log-in that fails has no SQLSTATE, and its words may be in any language: what is told is one of ours.
    words = str(error)
    if any(phrase in words for phrase in _ANOTHER_PROTOCOL):
        return Trouble.OTHER, type(error).__name__
    known = next((phrase for phrase in _PASSING if phrase in words), None)
    has_sent_password = error.pgconn is not None and error.pgconn.used_password
    if "pg_hba.conf" in words or (has_sent_password and known is None):
        return Trouble.LOG_IN, type(error).__name__
    return Trouble.LOST, known or type(error).__name__


_SQLSTATES = {
    "57014": Trouble.TOO_SLOW,
    "08": Trouble.LOST,
    "40": Trouble.LOST,  # a standby that had to give way to its master's changes
    "53": Trouble.LOST,
    "57": Trouble.LOST,
    "58": Trouble.LOST,
    "28": Trouble.LOG_IN,
    "3D": Trouble.LOG_IN,
    "42501": Trouble.RIGHT,
    "42P01": Trouble.NO_VIEW,
    "42703": Trouble.NO_COLUMN,
    "25006": Trouble.WRITES,
}
# what libpq says of bytes that no PostgreSQL sends
_ANOTHER_PROTOCOL = ("received invalid", "expected authentication request", "unexpected message")
# what libpq and servers say of other troubles than the account, most telling first
_PASSING = (
    "Connection refused", "failed to resolve host", "certificate verify failed",
    "server closed the connection", "could not receive", "too many connections", "connection slots", "starting up",
    "shutting down", "SSL",
)  # fmt: skip


# MariaDB and MySQL


def _open_mysql(
    connection: Connection, port: int, seconds: float, hand_over: HandOver
) -> pymysql.connections.Connection:
    if connection.extra.get("search_path"):
        raise ConfigError(
            f"connection {connection.id}: search_path: MariaDB and MySQL have none, the views stand in the database "
            "that schema names; mend the connection"
        )
    host, ca = connection.required("host"), _certificates(connection)
    made = pymysql.connect(
        host=host, port=port, database=connection.required("schema"), user=connection.required("login"),
        password=connection.required("password").encode(), charset="utf8mb4", conv=_CONVERSIONS, ssl_ca=ca,
        ssl_verify_cert=bool(ca), ssl_verify_identity=bool(ca), defer_connect=True,
    )  # fmt: skip
    try:
        line = socket.create_connection((host, port), min(CONNECT_SECONDS, seconds))
    except OSError as error:
        raise pymysql.OperationalError(_UNREACHABLE, type(error).__name__) from error
    hand_over(line.dup())
    made.connect(line)
    is_mariadb = "MariaDB" in made.get_server_info()
    with made.cursor() as cursor:
        if is_mariadb:
            cursor.execute("SET SESSION max_statement_time = %s", [seconds])
        else:
            cursor.execute("SET SESSION max_execution_time = %s", [round(1000 * seconds)])
        cursor.execute("SET SESSION time_zone = '+07:00'")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return made


def _mysql_trouble(error: BaseException | None) -> tuple[Trouble, str]:
    number = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    if error is not None and number == _UNREACHABLE:
        cause = error.__cause__ or getattr(error, "original_exception", error)
        return Trouble.LOST, type(cause).__name__
    return _NUMBERS.get(number, Trouble.OTHER), str(number) if isinstance(number, int) else type(error).__name__


_UNREACHABLE = 2003
_NUMBERS: Mapping[object, Trouble] = {
    **dict.fromkeys((1969, 3024), Trouble.TOO_SLOW),
    **dict.fromkeys((1040, 1053, 1203, 1205, 1213, 1226, 1317, 2006, 2013, 2026), Trouble.LOST),
    **dict.fromkeys((1044, 1045, 1049, 1130, 1698), Trouble.LOG_IN),
    **dict.fromkeys((1142, 1143, 1227, 1345, 1370), Trouble.RIGHT),
    1146: Trouble.NO_VIEW,
    1054: Trouble.NO_COLUMN,
    1356: Trouble.NO_COLUMN,
    1792: Trouble.WRITES,
}
_WHOLE = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG)
_CONVERSIONS = {
    **converters.encoders,
    **dict.fromkeys(_WHOLE, int),
    FIELD_TYPE.BIT: lambda bits: int.from_bytes(bits, "big"),
}

_DRIVERS = {
    "postgresql": Driver(
        dialect="postgresql+psycopg",
        port=5432,
        open=_open_postgresql,
        begin=None,  # psycopg begins as its attributes say
        utc_now="SELECT clock_timestamp() AT TIME ZONE 'UTC'",
        local_times=frozenset({psycopg.adapters.types["timestamp"].oid}),
        trouble=_postgresql_trouble,
    ),
    "mysql": Driver(
        dialect="mysql+pymysql",
        port=3306,
        open=_open_mysql,
        begin="START TRANSACTION READ ONLY",
        utc_now="SELECT UTC_TIMESTAMP(6)",
        local_times=frozenset({FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP}),
        trouble=_mysql_trouble,
    ),
}
