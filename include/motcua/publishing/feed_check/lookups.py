"""Look-up shards against the rows that stand: every code in its shard, no other, and the same facts."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from motcua.publishing.feed_check.place import Feed
from motcua.publishing.feed_check.report import Told
from motcua.publishing.feed_check.schemas import schema, validator

# dates of a row, which a look-up has as times
DATES = ("submitted_on", "received_on", "due_on", "finished_on", "returned_on", "updated_on")


def check_lookups(feed: Feed, index: Mapping[str, Any], rows: pa.Table, most: int | None, told: Told) -> Iterator[str]:
    """Shards, `most` of them evenly spread, or all: the entries of each are those of the rows."""
    expected = _by_shard(rows, index["lookup_hex"])
    names = sorted(expected)
    if most is not None and len(names) > most:
        names = [names[place * len(names) // most] for place in range(most)]
    judge = validator(schema(feed, "lookup"))
    entries = 0
    for name in names:
        path = f"lookup/{name}.json"
        shard = orjson.loads(feed.body(path))
        yield from (f"{path}: {error.json_path}: {error.message[:150]}" for error in judge.iter_errors(shard))
        if shard["seq"] == index["seq"] + 1:
            continue  # look-ups are written before the pointer moves: the next version is on its way
        if shard["seq"] > index["seq"]:
            yield f"{path}: của phiên bản {shard['seq']}, con trỏ mới ở {index['seq']}"
        yield from _compare(path, shard["dossiers"], _rows_of(rows, expected[name]))
        entries += len(shard["dossiers"])
    yield from _others(feed, set(expected))
    told.detail = f"{len(names)} trong {len(expected)} tệp, {entries} hồ sơ"


def shard_of(code: str, digits: int) -> str:
    """Name of the shard of a code, as the contract says: of its upper case, without spaces."""
    return hashlib.sha256("".join(code.split()).upper().encode()).hexdigest()[:digits]


def _others(feed: Feed, expected: set[str]) -> Iterator[str]:
    """Shards that hold nobody, where the place can be listed."""
    for name in feed.place.names("lookup") or ():
        if name.removesuffix(".json") not in expected:
            yield f"lookup/{name}: không có hồ sơ nào thuộc tệp này"


def _by_shard(rows: pa.Table, digits: int) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, code in enumerate(rows["code"].to_pylist()):
        places[shard_of(code, digits)].append(place)
    return places


def _rows_of(rows: pa.Table, places: Sequence[int]) -> dict[str, dict[str, object]]:
    some = rows.take(places)
    texts = [
        column.cast(pa.string()) if pa.types.is_date(column.type) else column for column in some.columns
    ]  # as JSON has them
    plain = pa.table(texts, names=some.column_names)
    return {row["code"]: row for row in plain.to_pylist()}


def _compare(path: str, entries: Mapping[str, Any], rows: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for code in sorted(rows.keys() - entries.keys()):
        yield f"{path}: thiếu hồ sơ {code}"
    for code in sorted(entries.keys() - rows.keys()):
        yield f"{path}: thừa hồ sơ {code}"
    for code in sorted(entries.keys() & rows.keys()):
        yield from (f"{path}: hồ sơ {code}: {problem}" for problem in _unlike(entries[code], rows[code]))


def _unlike(entry: Mapping[str, Any], row: Mapping[str, object]) -> Iterator[str]:
    for name, value in row.items():
        if name == "code":
            continue
        if name not in DATES:
            if entry[name] != value:
                yield f"{name} là {entry[name]!r}, dòng dữ liệu ghi {value!r}"
            continue
        time = entry[name.removesuffix("_on") + "_at"]
        if (time and time[:10]) != value or (time and not time.endswith("+07:00")):
            yield f"{name.removesuffix('_on')}_at là {time}, dòng dữ liệu ghi {value}"
    times = [step["at"] for step in entry["steps"]]
    if times != sorted(times):
        yield "các bước không theo thứ tự thời gian"
