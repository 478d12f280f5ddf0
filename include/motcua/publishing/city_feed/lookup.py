"""Look-up shards: progress by dossier code, in files named by the first hex digits of the code's SHA-256.

A shard says in `seq` and `as_of` which version wrote it last. A shard whose dossiers did not change keeps its file:
it is as current as `index.json`. The first version of a day compares every shard; those between look only at dossiers
that have changed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from motcua.publishing.city_feed.dossiers import TIMES, PublicDossiers, city_time
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.disclosure import Watch
from motcua.publishing.reading import CITY_TIME, INSTANT

LOOKUP_HEX = 3
DIRECTORY = "lookup"
BLOCK_ROWS = 8192

# the entries of a shard by dossier code, keys in the order of the feed's row
Entries = dict[str, Any]


def shard_of(code: str) -> str:
    """Name of the shard that holds `code`, without `.json`."""
    plain = "".join(code.split()).upper()
    return hashlib.sha256(plain.encode()).hexdigest()[:LOOKUP_HEX]


def all_shards(public: PublicDossiers, steps: Iterator[pa.Table]) -> Iterator[tuple[str, Entries]]:
    """Every shard with its entries, by name; copies exist of a block of dossiers at a time.

    Args:
        public: the dossiers.
        steps: `code, steps` of the same dossiers by shard and code, block after block (`told_steps.read_by_shard`).
    """
    shards, start = _shards(public.rows["code"]), 0
    order = np.argsort(shards, kind="stable")  # rows are by code already
    number, entries = -1, Entries()
    for told in steps:
        places = order[start : start + told.num_rows]
        start += told.num_rows
        block = _timed(public.rows.take(places), public.times.take(places))
        if not block["code"].equals(told["code"]):
            raise ValueError("look-ups: steps and dossiers are not in the same order")
        numbers, made = shards[places], _entries(block, told["steps"])
        for first, last in pairwise(np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1], True]).tolist()):
            if numbers[first] != number:
                if entries:
                    yield _name(number), entries
                number, entries = int(numbers[first]), {}
            entries.update(made[first:last])
    if entries:
        yield _name(number), entries
    if start != len(order):
        raise ValueError(f"look-ups: steps of {start} dossiers, and {len(order)} dossiers")


def _shards(codes: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """The number of each code's shard: its name as a hexadecimal number."""
    parts = (codes.slice(start, BLOCK_ROWS).to_pylist() for start in range(0, len(codes), BLOCK_ROWS))
    return np.fromiter((int(shard_of(code), 16) for part in parts for code in part), np.int32, len(codes))


def _name(number: int) -> str:
    return f"{number:0{LOOKUP_HEX}x}"


def touched_shards(
    store: FeedStore, public: PublicDossiers, codes: Sequence[str], steps: pa.Table
) -> dict[str, Entries]:
    """The shards that hold any of these codes, as they are to be: those that do not change are left out.

    Args:
        store: with the shards as they are.
        public: all dossiers.
        codes: dossiers that may have changed, or are gone.
        steps: `code, steps` of those of them that are public, by code.
    """
    entries = _entries_of(public, steps)
    by_shard: defaultdict[str, list[str]] = defaultdict(list)
    for code in codes:
        by_shard[shard_of(code)].append(code)
    touched = {}
    for shard, some in sorted(by_shard.items()):
        held = held_entries(store, shard)
        kept = {code: held[code] for code in held.keys() - set(some)}
        body = dict(sorted((kept | {code: entries[code] for code in some if code in entries}).items()))
        if orjson.dumps(body) != orjson.dumps(held):
            touched[shard] = body
    return touched


def held_entries(store: FeedStore, shard: str) -> Entries:
    """The entries of a shard as it is; none where there is no such file."""
    body = store.read(f"{DIRECTORY}/{shard}.json")
    return {} if body is None else cast("Entries", orjson.loads(body)["dossiers"])


def write_shards(
    store: FeedStore, shards: Iterator[tuple[str, Entries]], *, seq: int, as_of: datetime, watch: Watch
) -> set[str]:
    """Writes the shards that differ from what is there, deletes those without an entry; returns their names.

    Raises:
        PublicationRefused: `watch` met something that must not leave.
    """
    head = orjson.dumps({"seq": seq, "as_of": as_of.astimezone(CITY_TIME).isoformat()})[:-1] + b',"dossiers":'
    changed = set()
    for shard, entries in shards:
        name, body = f"{DIRECTORY}/{shard}.json", orjson.dumps(entries) + b"}"
        if not entries:
            store.remove(name)
        elif not (store.read(name) or b"").endswith(b',"dossiers":' + body):
            watch.refuse(name, body)
            # not flushed one by one: 4,096 flushes cost seconds, and the next day mends what a power cut takes
            store.replace(name, head + body, flush=False)
        else:
            continue
        changed.add(shard)
    return changed


def remove_others(store: FeedStore, shards: set[str]) -> int:
    """Removes every file that is none of these shards."""
    others = [name for name in store.names(DIRECTORY) if name.removesuffix(".json") not in shards]
    for name in others:
        store.remove(f"{DIRECTORY}/{name}")
    return len(others)


def _entries_of(public: PublicDossiers, steps: pa.Table) -> Entries:
    places = pc.index_in(steps["code"], value_set=public.rows["code"].combine_chunks())
    if pc.any(pc.is_null(places)).as_py():
        raise ValueError("look-ups: steps of a dossier that is not public")
    table = _timed(public.rows.take(places), public.times.take(places))
    return dict(_entries(table, steps["steps"]))


def _timed(rows: pa.Table, times: pa.Table) -> pa.Table:
    """Rows with times instead of dates."""
    for date, time in TIMES.items():
        name = "updated_at" if date == "updated_on" else time
        rows = rows.set_column(rows.column_names.index(date), name, times[time])
    return rows


def _entries(table: pa.Table, steps: pa.ChunkedArray) -> list[tuple[str, Mapping[str, object]]]:
    """Code and entry of each row, keys in the order of the feed's row."""
    columns = table.drop_columns(["code"])
    values = [_values(column) for column in columns.columns]
    values.append([orjson.Fragment(text) for text in cast("list[str]", steps.to_pylist())])  # a text column
    names = [*columns.column_names, "steps"]
    entries = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
    return list(zip(table["code"].to_pylist(), entries, strict=True))


def _values(column: pa.ChunkedArray) -> list[object]:
    return list(_city_texts(column)) if column.type == INSTANT else list(column.to_pylist())


def _city_texts(instants: pa.ChunkedArray) -> list[str | None]:
    """ISO 8601 texts to the second with the city's offset."""
    local: npt.NDArray[np.datetime64] = city_time(instants).cast(pa.timestamp("s"), safe=False).to_numpy()
    # the city has kept +07:00 since 1975; older dates do not occur in a register of dossiers
    texts = np.char.add(np.datetime_as_string(local, unit="s"), "+07:00").tolist()
    return [None if text.startswith("NaT") else text for text in texts]
