"""What changed from one version to the next: found column by column, written as lines, and applied again."""

from __future__ import annotations

import gzip
import heapq
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.formats import gzipped_to, json_lines, typed

DELTA = "delta.jsonl.gz"
# small, and fetched by everyone at every version
DELTA_GZIP_LEVEL = 9
CREATE, UPDATE, DELETE = "create", "update", "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A change of the public rows.

    Attributes:
        rows: those that are new or differ, whole, schema ROW, by code.
        is_new: of each of these: whether it was not there before.
        gone: codes that are no more, in order.
    """

    rows: pa.Table
    is_new: pa.Array
    gone: pa.Array

    @classmethod
    def none(cls) -> Delta:
        """Nothing changed."""
        return cls(rows=ROW.empty_table(), is_new=pa.array([], pa.bool_()), gone=pa.array([], pa.string()))

    @property
    def size(self) -> int:
        """How many dossiers were created, updated or deleted."""
        return int(self.rows.num_rows + len(self.gone))


def compare(before: pa.Table, after: pa.Table) -> Delta:
    """What leads from `before` to `after`; both schema ROW, by code."""
    places = pc.index_in(after["code"], value_set=before["code"].combine_chunks()).combine_chunks()
    is_new = pc.is_null(places)
    held = before.take(places)
    differs = is_new
    for name in ROW.names:
        if name != "code":
            differs = pc.or_(differs, _unlike(after[name], held[name]))
    gone = before["code"].filter(pc.invert(pc.is_in(before["code"], value_set=after["code"].combine_chunks())))
    return Delta(rows=after.filter(differs), is_new=is_new.filter(differs), gone=gone.combine_chunks())


def apply(before: pa.Table, delta: Delta) -> pa.Table:
    """The rows that `delta` leads to, by code."""
    touched = pa.concat_arrays([delta.rows["code"].combine_chunks(), delta.gone])
    kept = before.filter(pc.invert(pc.is_in(before["code"], value_set=touched)))
    return pa.concat_tables([kept, delta.rows]).sort_by("code").combine_chunks()


def then(first: Delta, second: Delta) -> Delta:
    """Both, one after the other; what the second says of a dossier counts."""
    touched = pa.concat_arrays([second.rows["code"].combine_chunks(), second.gone])
    kept = pc.invert(pc.is_in(first.rows["code"], value_set=touched))
    rows = pa.concat_tables([first.rows.filter(kept), second.rows])
    is_new = pa.concat_arrays([first.is_new.filter(kept.combine_chunks()), second.is_new])
    gone = pa.concat_arrays([first.gone.filter(pc.invert(pc.is_in(first.gone, value_set=touched))), second.gone])
    return Delta(rows=rows.combine_chunks(), is_new=is_new, gone=gone)


def write_delta(delta: Delta, path: Path) -> None:
    """One line a change, by code: `{"op", "code", "row"}`, the whole new row or null."""
    gzipped_to(path, _lines(delta), level=DELTA_GZIP_LEVEL)


def read_delta(body: bytes) -> Delta:
    """What `write_delta` wrote; ValueError for a line that is none of ours."""
    ops, rows, gone = [], io.BytesIO(), []
    for line in gzip.decompress(body).splitlines():
        change = orjson.loads(line)
        if change["op"] == DELETE:
            gone.append(change["code"])
            continue
        if change["op"] not in {CREATE, UPDATE} or change["row"]["code"] != change["code"]:
            raise ValueError(f"delta: op {change['op']!r} of {change['code']} is not one of the contract's")
        ops.append(change["op"] == CREATE)
        rows.write(orjson.dumps(change["row"], option=orjson.OPT_APPEND_NEWLINE))
    return Delta(
        rows=typed(rows.getvalue(), ROW), is_new=pa.array(ops, type=pa.bool_()), gone=pa.array(gone, type=pa.string())
    )


def _lines(delta: Delta) -> Iterator[bytes]:
    kinds = (CREATE if is_new else UPDATE for is_new in delta.is_new.to_pylist())
    codes = (code for batch in delta.rows["code"].chunks for code in batch.to_pylist())
    told: Iterable[tuple[str, bytes]] = (
        (code, b'{"op":"%b","code":%b,"row":%b}\n' % (kind.encode(), orjson.dumps(code), line[:-1]))
        for code, kind, line in zip(codes, kinds, json_lines(delta.rows), strict=True)
    )
    gone: Iterable[tuple[str, bytes]] = (
        (code, orjson.dumps({"op": DELETE, "code": code, "row": None}, option=orjson.OPT_APPEND_NEWLINE))
        for code in delta.gone.to_pylist()
    )
    return (line for _, line in heapq.merge(told, gone))


def _unlike(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether two values differ; null equals null."""
    either = pc.xor(pc.is_null(left), pc.is_null(right))
    return pc.or_(either, pc.fill_null(pc.not_equal(left, right), False))
