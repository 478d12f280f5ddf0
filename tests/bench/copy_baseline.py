"""The yardstick of the load: the same rows by psycopg's `write_row` into the same tables without indexes."""

from __future__ import annotations

import time

import psycopg
import sqlalchemy as sa
from psycopg import sql

TABLES = (
    ("core", "source_dossier"),
    ("core", "dossier"),
    ("core", "dossier_version"),
    ("core", "quarantine"),
    ("core", "issue"),
    ("core", "delivery"),
    ("private", "applicant"),
    ("private", "step"),
    ("private", "supplement"),
)


def seconds_to_copy(url: str) -> float:
    """Seconds to copy every row of the load, one connection, one transaction a table; reading them is not counted."""
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    seconds = 0.0
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS yardstick")
        for schema, table in TABLES:
            seconds += _copy(connection, sql.Identifier(schema, table), sql.Identifier("yardstick", table))
        connection.execute("DROP SCHEMA yardstick CASCADE")
    return seconds


def _copy(connection: psycopg.Connection, table: sql.Identifier, bare: sql.Identifier) -> float:
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(bare, table))
    rows = connection.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
    began = time.perf_counter()
    statement = sql.SQL("COPY {} FROM STDIN").format(bare)
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - began
