"""Frames in and out of PostgreSQL by COPY: whole columns through Arrow's CSV, never row by row."""

from __future__ import annotations

import io

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql


def copy_in(cursor: psycopg.Cursor, table: str, frame: pd.DataFrame) -> int:
    """Appends `frame` to `table`; its columns are columns of the table. Returns the number of rows.

    Timestamps are aware, null is null, an empty text stays an empty text.
    """
    if frame.empty:
        return 0
    buffer = io.BytesIO()
    # in one chunk: of a column whose first chunk is empty, pyarrow 26 writes memory that nobody has filled
    arrow = pa.Table.from_pandas(frame, preserve_index=False).combine_chunks()
    pyarrow.csv.write_csv(arrow, buffer, pyarrow.csv.WriteOptions(include_header=False))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    with cursor.copy(statement) as copy:
        copy.write(buffer.getbuffer())
    return len(frame)
