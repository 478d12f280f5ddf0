"""Whole columns out of PostgreSQL by COPY, as Arrow tables with the types the caller names."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from psycopg import sql

CITY_TIME = ZoneInfo("Asia/Ho_Chi_Minh")
INSTANT = pa.timestamp("us", tz="UTC")
# what is parsed at once: the text of a million rows is never in memory whole
BLOCK_BYTES = 4 << 20


def copy_out(
    connection: sa.Connection, select: sql.Composable, columns: Mapping[str, pa.DataType], **values: object
) -> pa.Table:
    """The rows of `select` as a table with exactly `columns`, in the order of the query.

    A column of type INSTANT must be selected `AT TIME ZONE 'UTC'`. Null stays null, an empty text empty.
    """
    empty = pa.table({name: pa.array([], type=kind) for name, kind in columns.items()})
    return pa.concat_tables([empty, *copy_blocks(connection, select, columns, **values)])


def copy_blocks(
    connection: sa.Connection, select: sql.Composable, columns: Mapping[str, pa.DataType], **values: object
) -> Iterator[pa.Table]:
    """The same, block after block, none empty."""
    buffer = io.BytesIO()
    with driver(connection).cursor() as cursor:
        statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(select)
        with cursor.copy(statement, values or None) as copy:
            for row in copy:  # the server sends whole rows
                buffer.write(row)
                if buffer.tell() >= BLOCK_BYTES:
                    yield _parsed(buffer, columns)
                    buffer = io.BytesIO()
    if buffer.tell():
        yield _parsed(buffer, columns)


def _parsed(buffer: io.BytesIO, columns: Mapping[str, pa.DataType]) -> pa.Table:
    plain = {name: pa.timestamp("us") if kind == INSTANT else kind for name, kind in columns.items()}
    table = pyarrow.csv.read_csv(
        pa.py_buffer(buffer.getbuffer()),
        # one block: a row must not be larger than its block
        read_options=pyarrow.csv.ReadOptions(column_names=list(columns), block_size=max(buffer.tell(), 1 << 20)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=plain,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return table.cast(pa.schema(columns))


def give_back_memory() -> None:
    """Returns to the system what tables that are gone had taken: Arrow would keep it for tables to come."""
    pa.default_memory_pool().release_unused()


def driver(connection: sa.Connection) -> psycopg.Connection[tuple[object, ...]]:
    """The psycopg connection under `connection`, inside its transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
