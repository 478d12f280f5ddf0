"""One table in the three published formats, and back again for the gate; the same table gives the same bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

# zlib's level 6 takes three times as long here for 4 % fewer bytes
GZIP_LEVEL = 3
BLOCK_ROWS = 8192


def write_jsonl(table: pa.Table, path: Path) -> None:
    """One JSON object a line, keys in the order of the columns, null where there is no value."""
    path.write_bytes(gzipped(_json_lines(table)))


def read_jsonl(path: Path, schema: pa.Schema) -> pa.Table:
    """The table of `write_jsonl`; a key that `schema` does not name is kept as a column."""
    body = gzip.decompress(path.read_bytes())
    if not body:
        return schema.empty_table()
    options = pyarrow.json.ParseOptions(explicit_schema=_dates_as(schema, pa.timestamp("s")))
    return _nullable(pyarrow.json.read_json(io.BytesIO(body), parse_options=options), schema)


def write_csv(table: pa.Table, path: Path) -> None:
    """RFC 4180 with LF, UTF-8 without BOM; null is empty, every text is quoted."""
    path.write_bytes(gzipped([csv_body(table)]))


def csv_body(table: pa.Table) -> bytes:
    """The CSV text of a table, header first."""
    buffer = io.BytesIO()
    buffer.write((",".join(table.column_names) + "\n").encode())
    # in one chunk: of a column whose first chunk is empty, pyarrow 26 writes memory that nobody has filled
    pyarrow.csv.write_csv(
        table.combine_chunks(), buffer, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    )
    return buffer.getvalue()


def read_csv(path: Path, schema: pa.Schema) -> pa.Table:
    """The table of `write_csv`."""
    body = gzip.decompress(path.read_bytes())
    kinds = {field.name: field.type for field in schema}
    options = pyarrow.csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True)
    return _nullable(pyarrow.csv.read_csv(io.BytesIO(body), convert_options=options), schema)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Parquet 2.6, zstd; strings, date32 and int16 as the contract says."""
    pq.write_table(table, path, compression="zstd", version="2.6", row_group_size=64 * 1024)


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """The table of `write_parquet`."""
    return _nullable(pq.read_table(path), schema)


Writer = Callable[[pa.Table, Path], None]
Reader = Callable[[Path, pa.Schema], pa.Table]
FORMATS: dict[str, tuple[Writer, Reader]] = {
    "dossiers.jsonl.gz": (write_jsonl, read_jsonl),
    "dossiers.csv.gz": (write_csv, read_csv),
    "dossiers.parquet": (write_parquet, read_parquet),
}


def gzipped(parts: Iterable[bytes]) -> bytes:
    """Gzip without time or name in its header, so that equal input gives equal bytes."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    """Line by line: orjson gives each line a buffer of kilobytes, so the whole city's would take a gigabyte."""
    names = table.column_names
    for block in table.to_batches(max_chunksize=BLOCK_ROWS):
        columns = [json_values(column) for column in block.columns]
        for row in zip(*columns, strict=True):
            yield orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)


def json_values(column: pa.Array) -> list[object]:
    """Values as JSON has them: dates as ISO texts."""
    return (column.cast(pa.string()) if pa.types.is_date(column.type) else column).to_pylist()  # type: ignore[no-any-return]  # pyarrow is untyped


def _dates_as(schema: pa.Schema, kind: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(f.name, kind if pa.types.is_date(f.type) else f.type) for f in schema])


def _nullable(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` in the types of `schema`, for comparing; columns that differ are left as they came."""
    if table.column_names != schema.names:
        return table
    for index, field in enumerate(schema):
        column = table.column(index)
        if column.type != field.type:
            column = pc.cast(column, field.type)
        table = table.set_column(index, pa.field(field.name, field.type, field.nullable), column)
    return table
