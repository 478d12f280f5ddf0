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
# what is read at once for the gate: a million rows are never in memory twice
READ_BYTES = 4 << 20


def write_jsonl(table: pa.Table, path: Path) -> None:
    """One JSON object a line, keys in the order of the columns, null where there is no value."""
    gzipped_to(path, json_lines(table))


def read_jsonl(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """The table of `write_jsonl`, block after block; a key that `schema` does not name is kept as a column."""
    rest = b""
    with gzip.open(path, "rb") as file:
        while block := file.read(READ_BYTES):
            whole, _, rest = (rest + block).rpartition(b"\n")
            if whole:
                yield typed(whole + b"\n", schema)
    if rest:
        yield typed(rest, schema)


def typed(lines: bytes, schema: pa.Schema) -> pa.Table:
    """JSON lines as a table of `schema`."""
    if not lines:
        return schema.empty_table()
    options = pyarrow.json.ParseOptions(explicit_schema=_dates_as(schema, pa.timestamp("s")))
    table = pyarrow.json.read_json(io.BytesIO(lines), parse_options=options)
    # a column of `schema` that the lines do not have comes as nulls: it is not there
    keys = orjson.loads(lines[: lines.index(b"\n") + 1])
    lacking = [name for name in schema.names if name not in keys]
    return _nullable(table.drop_columns(lacking) if lacking else table, schema)


def write_csv(table: pa.Table, path: Path) -> None:
    """RFC 4180 with LF, UTF-8 without BOM; null is empty, every text is quoted."""
    gzipped_to(path, _csv_parts(table))


def csv_body(table: pa.Table) -> bytes:
    """The CSV text of a table, header first."""
    return b"".join(_csv_parts(table))


def read_csv(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """The table of `write_csv`, block after block."""
    kinds = {field.name: field.type for field in schema}
    options = pyarrow.csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True)
    # without threads: they read many blocks ahead
    blocks = pyarrow.csv.ReadOptions(block_size=READ_BYTES, use_threads=False)
    with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, "gzip") as plain:
        for batch in pyarrow.csv.open_csv(plain, read_options=blocks, convert_options=options):
            yield _nullable(pa.Table.from_batches([batch]), schema)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Parquet 2.6, zstd; strings, date32 and int16 as the contract says."""
    pq.write_table(table, path, compression="zstd", version="2.6", row_group_size=64 * 1024)


def read_parquet(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """The table of `write_parquet`, block after block."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=BLOCK_ROWS, use_threads=False):
            yield _nullable(pa.Table.from_batches([batch]), schema)


Writer = Callable[[pa.Table, Path], None]
Reader = Callable[[Path, pa.Schema], Iterator[pa.Table]]
FORMATS: dict[str, tuple[Writer, Reader]] = {
    "dossiers.jsonl.gz": (write_jsonl, read_jsonl),
    "dossiers.csv.gz": (write_csv, read_csv),
    "dossiers.parquet": (write_parquet, read_parquet),
}


def gzipped_to(path: Path, parts: Iterable[bytes], *, level: int = GZIP_LEVEL) -> None:
    """Gzip without time or name in its header, so that equal input gives equal bytes."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    with path.open("wb") as file:
        for part in parts:
            file.write(packer.compress(part))
        file.write(packer.flush())


def json_lines(table: pa.Table) -> Iterator[bytes]:
    """Line by line: orjson gives each line a buffer of kilobytes, so the whole city's would take a gigabyte."""
    names = table.column_names
    for block in table.to_batches(max_chunksize=BLOCK_ROWS):
        columns = [json_values(column) for column in block.columns]
        for row in zip(*columns, strict=True):
            yield orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)


def json_values(column: pa.Array) -> list[object]:
    """Values as JSON has them: dates as ISO texts."""
    return (column.cast(pa.string()) if pa.types.is_date(column.type) else column).to_pylist()  # type: ignore[no-any-return]  # pyarrow is untyped


def _csv_parts(table: pa.Table) -> Iterator[bytes]:
    yield (",".join(table.column_names) + "\n").encode()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    # block by block, each in one chunk: of a column whose first chunk is empty, pyarrow 26 writes unfilled memory
    for start in range(0, table.num_rows, BLOCK_ROWS):
        buffer = io.BytesIO()
        pyarrow.csv.write_csv(table.slice(start, BLOCK_ROWS).combine_chunks(), buffer, options)
        yield buffer.getvalue()


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
