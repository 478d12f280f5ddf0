"""Dossier rows out of the three formats, typed as the published schema says, and whether they are the same rows."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from motcua.publishing.feed_check.place import Feed, folder
from motcua.publishing.feed_check.report import Unreadable
from motcua.publishing.feed_check.schemas import schema, validator

BLOCK_LINES = 8_192
JSONL, CSV, PARQUET = FORMATS = ("dossiers.jsonl.gz", "dossiers.csv.gz", "dossiers.parquet")


def columns(feed: Feed) -> pa.Schema:
    """The columns of a row in their order, with Parquet's types, as `dossier.schema.json` gives them."""
    properties = schema(feed, "dossier")["properties"]
    return pa.schema([(name, _type(name, one)) for name, one in properties.items()])


def read_jsonl(feed: Feed, seq: int) -> pa.Table:
    """The rows of a snapshot by its JSON lines, in the file's order."""
    with gzip.open(io.BytesIO(feed.body(f"{folder(seq)}/{JSONL}"))) as lines:
        blocks = iter(lambda: list(islice(lines, BLOCK_LINES)), [])
        tables = [rows_of(feed, [orjson.loads(line) for line in block]) for block in blocks]
    return pa.concat_tables(tables).combine_chunks() if tables else columns(feed).empty_table()


def check_formats(feed: Feed, seq: int, rows: pa.Table) -> Iterator[str]:
    """CSV and Parquet hold the rows that the JSON lines hold, in the contract's types and form."""
    yield from _unlike(CSV, rows, _read_csv(feed, seq))
    parquet = pyarrow.parquet.read_table(io.BytesIO(feed.body(f"{folder(seq)}/{PARQUET}")))
    if parquet.schema.types != rows.schema.types:
        wrong = [
            f"{a.name} {a.type}, cần {b.type}"
            for a, b in zip(parquet.schema, rows.schema, strict=False)
            if a.type != b.type
        ]
        yield f"{PARQUET}: sai kiểu cột: {'; '.join(wrong[:5])}"
    yield from _unlike(PARQUET, rows, parquet)


def check_csv_form(feed: Feed, seq: int) -> Iterator[str]:
    """UTF-8 without byte order mark, LF, a header with the contract's columns."""
    body = gzip.decompress(feed.body(f"{folder(seq)}/{CSV}"))
    if body.startswith(b"\xef\xbb\xbf"):
        yield f"{CSV}: có BOM"
    if b"\r" in body:
        yield f"{CSV}: có ký tự CR, cần LF"
    header = body.partition(b"\n")[0].decode()
    if header != ",".join(columns(feed).names):
        yield f"{CSV}: dòng đầu là {header!r}"


def check_order(rows: pa.Table) -> Iterator[str]:
    """Codes rise: sorted, and each once."""
    codes = rows["code"].combine_chunks()
    falls = pc.less_equal(codes[1:], codes[:-1])
    for place in pc.indices_nonzero(falls).to_pylist():
        yield f"{codes[place + 1]} đứng sau {codes[place]}: cần xếp theo mã, mỗi mã một dòng"


def check_values(feed: Feed, rows: pa.Table) -> Iterator[str]:
    """Each distinct value of each column against the column's schema: the same as each row against the whole."""
    for name, one in schema(feed, "dossier")["properties"].items():
        judge = validator(one)
        for value in _as_json(pc.unique(rows[name])):
            if not judge.is_valid(value):
                error = next(judge.iter_errors(value))
                yield f"{name}: {error.message[:150]}"


def rows_of(feed: Feed, values: list[Mapping[str, Any]]) -> pa.Table:
    """Rows of parsed objects, each with exactly the columns of the schema; Unreadable names the first that has not."""
    kinds = columns(feed)
    for row in values:
        if list(row) != kinds.names:
            raise Unreadable(f"dòng của hồ sơ {row.get('code')}: cần đúng các cột {', '.join(kinds.names)}")
    return pa.table({kind.name: _column(kind, [row[kind.name] for row in values]) for kind in kinds}, schema=kinds)


def _read_csv(feed: Feed, seq: int) -> pa.Table:
    body = gzip.decompress(feed.body(f"{folder(seq)}/{CSV}"))
    kinds = columns(feed)
    options = pyarrow.csv.ConvertOptions(
        column_types=dict(zip(kinds.names, kinds.types, strict=True)), null_values=[""], strings_can_be_null=True
    )
    reading = pyarrow.csv.ReadOptions(block_size=max(len(body), 1 << 20))
    return pyarrow.csv.read_csv(io.BytesIO(body), read_options=reading, convert_options=options)


def _unlike(name: str, rows: pa.Table, other: pa.Table) -> Iterator[str]:
    if other.column_names != rows.column_names:
        yield f"{name}: các cột là {', '.join(other.column_names)}"
        return
    if other.num_rows != rows.num_rows:
        yield f"{name}: {other.num_rows} dòng, {JSONL} có {rows.num_rows}"
        return
    for column in rows.column_names:
        differs = differing(rows[column], other[column])
        if places := pc.indices_nonzero(differs).to_pylist():
            yield f"{name}: cột {column} khác {JSONL} ở {len(places)} dòng, đầu tiên là {rows['code'][places[0]]}"


def differing(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where two columns differ; null equals null."""
    either = pc.xor(pc.is_null(left), pc.is_null(right))
    return pc.or_(either, pc.fill_null(pc.not_equal(left, right.cast(left.type)), False))


def _column(kind: pa.Field, values: list[object]) -> pa.Array:
    if pa.types.is_date(kind.type):
        return pa.array(values, type=pa.string()).cast(kind.type)
    return pa.array(values, type=kind.type)


def _as_json(values: pa.Array) -> list[object]:
    """Values as JSON has them: dates as ISO texts."""
    found: list[object] = (values.cast(pa.string()) if pa.types.is_date(values.type) else values).to_pylist()
    return found


def _type(name: str, one: Mapping[str, Any]) -> pa.DataType:
    told = one["type"] if isinstance(one["type"], list) else [one["type"]]
    kind = next(word for word in told if word != "null")
    if kind == "integer":
        return pa.int16()
    return pa.date32() if one.get("format") == "date" else pa.string()
