"""The chain of versions: each snapshot is the one before it plus the deltas between, and the last is what stands."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from motcua.publishing.feed_check import rows as reading
from motcua.publishing.feed_check.place import Feed, folder
from motcua.publishing.feed_check.report import Told

DELTA = "delta.jsonl.gz"
OPS = ("create", "update", "delete")


@dataclass(slots=True)
class Current:
    """Filled in by the chain: the rows that the pointer stands for, None where they cannot be had."""

    rows: pa.Table | None = None


def check_chain(feed: Feed, versions: list[int], current: Current, told: Told) -> Iterator[str]:
    """Walks the versions in order; what is left in `current` is the newest one's rows."""
    at, rows, applied, whole = 0, None, 0, 0
    for seq in versions:
        manifest = feed.manifest(seq)
        before, is_snapshot = manifest["previous"], is_a_snapshot(manifest)
        follows = rows is not None and before == at
        if follows:
            rows, problems = _apply(feed, seq, rows)
            applied += 1
            yield from problems
        elif not is_snapshot:
            yield from _gap(feed, seq, at, versions)
            rows = None
        if is_snapshot:
            held = reading.read_jsonl(feed, seq)
            if follows and rows is not None:
                yield from _compare(seq, rows, held)
            rows, whole = held, whole + 1
        if rows is not None and rows.num_rows != manifest.get("rows", rows.num_rows):
            yield f"phiên bản {seq}: {rows.num_rows} hồ sơ, manifest ghi {manifest['rows']}"
        at = seq
    current.rows = rows
    if rows is None:
        yield f"không dựng được các dòng của phiên bản {at} từ bản đầy đủ và các thay đổi"
    else:
        told.detail = f"{whole} bản đầy đủ, {applied} lần thay đổi, {rows.num_rows} hồ sơ"


def is_a_snapshot(manifest: dict[str, object]) -> bool:
    """Whether the version holds all rows."""
    files = manifest["files"]
    assert isinstance(files, list)  # the schema has judged it
    return reading.JSONL in {entry["name"] for entry in files}


def with_their_base(feed: Feed, versions: list[int]) -> list[int]:
    """The versions, and those before them that the first ones follow, back to a snapshot; as far as they are kept."""
    found = list(versions)
    while found and not is_a_snapshot(feed.manifest(found[0])):
        before = feed.manifest(found[0])["previous"]
        if before is None or before >= found[0] or feed.place.read(f"{folder(before)}/manifest.json") is None:
            break
        found.insert(0, before)
    return found


def _gap(feed: Feed, seq: int, at: int, versions: list[int]) -> Iterator[str]:
    """A version whose base is not known: fine at the beginning, and where that base was taken down."""
    before = feed.manifest(seq)["previous"]
    if before is None:
        yield f"phiên bản {seq}: không có phiên bản trước mà cũng không đầy đủ"
    elif before in versions and before != at:
        yield f"phiên bản {seq}: tiếp sau {before}, nhưng đứng sau {at} trong index.json"
    elif before not in versions and at and feed.place.read(f"{folder(before)}/tombstone.json") is None:
        yield f"phiên bản {seq}: tiếp sau {before}, không có trong index.json và không có giấy báo gỡ"


def _apply(feed: Feed, seq: int, rows: pa.Table) -> tuple[pa.Table, list[str]]:
    """The rows after a delta, and what is wrong with it."""
    path = f"{folder(seq)}/{DELTA}"
    changes = [orjson.loads(line) for line in gzip.decompress(feed.body(path)).splitlines()]
    problems = [
        f"{path}: dòng {number} cần op, code, row; op là một trong {', '.join(OPS)}; row có cùng mã, null nếu xóa"
        for number, change in enumerate(changes, start=1)
        if not _is_change(change)
    ]
    if problems:
        return rows, problems
    told = {change["code"]: change for change in changes}
    if len(told) != len(changes):
        problems.append(f"{path}: có hồ sơ đứng hai lần")
    named = {op: pa.array([c for c, one in told.items() if one["op"] == op], type=pa.string()) for op in OPS}
    whole = reading.rows_of(feed, [one["row"] for one in told.values() if one["op"] != "delete"])
    problems += reading.check_values(feed, whole)
    problems += _misnamed(path, rows, named)
    problems += _idle(path, rows, whole, named["update"])
    touched = pa.array(list(told), type=pa.string())
    kept = rows.filter(pc.invert(pc.is_in(rows["code"], value_set=touched)))
    return pa.concat_tables([kept, whole]).sort_by("code").combine_chunks(), problems


def _is_change(change: dict[str, object]) -> bool:
    if sorted(change) != ["code", "op", "row"] or change["op"] not in OPS:
        return False
    row = change["row"]
    return row is None if change["op"] == "delete" else isinstance(row, dict) and row.get("code") == change["code"]


def _misnamed(path: str, rows: pa.Table, named: dict[str, pa.Array]) -> Iterator[str]:
    held = rows["code"].combine_chunks()
    for op, codes in named.items():
        there = pc.is_in(codes, value_set=held)
        wrong = codes.filter(there if op == "create" else pc.invert(there))
        if len(wrong):
            state = "đã có" if op == "create" else "chưa có"
            yield f"{path}: {op} {len(wrong)} hồ sơ {state} trước đó, đầu tiên là {wrong[0]}"


def _idle(path: str, rows: pa.Table, whole: pa.Table, updated: pa.Array) -> Iterator[str]:
    """Updates that change nothing."""
    after = whole.filter(pc.is_in(whole["code"], value_set=updated))
    places = pc.index_in(after["code"], value_set=rows["code"].combine_chunks())
    before = rows.take(places)
    differs = pa.chunked_array([pa.array([False] * after.num_rows, type=pa.bool_())])
    for name in rows.column_names:
        differs = pc.or_(differs, reading.differing(after[name], before[name]))
    if idle := after.num_rows - (pc.sum(differs).as_py() or 0):
        yield f"{path}: {idle} dòng update không đổi gì"


def _compare(seq: int, rows: pa.Table, held: pa.Table) -> Iterator[str]:
    if rows["code"].combine_chunks().equals(held["code"].combine_chunks()):
        for name in rows.column_names:
            if places := pc.indices_nonzero(reading.differing(rows[name], held[name])).to_pylist():
                yield (
                    f"bản đầy đủ {seq}: cột {name} khác bản trước cộng các thay đổi ở {len(places)} dòng, "
                    f"đầu tiên là {rows['code'][places[0]]}"
                )
        return
    for one, other, what in ((rows, held, "thiếu"), (held, rows, "thừa")):
        missing = one.filter(pc.invert(pc.is_in(one["code"], value_set=other["code"].combine_chunks())))
        if missing.num_rows:
            yield (
                f"bản đầy đủ {seq}: {what} {missing.num_rows} hồ sơ so với bản trước cộng các thay đổi, "
                f"đầu tiên là {missing['code'][0]}"
            )
