"""Look-up shards: progress by dossier code, in files named by the first hex digits of the code's SHA-256.

A shard says in `seq` and `as_of` which version wrote it last. A shard whose dossiers did not change keeps its file:
it is as current as `index.json`, since every version compares every shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from motcua.publishing.city_feed.dossiers import TIMES, PublicDossiers, city_time
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.reading import CITY_TIME, INSTANT

LOOKUP_HEX = 3
DIRECTORY = "lookup"
BLOCK_SHARDS = 256


def shard_of(code: str) -> str:
    """Name of the shard that holds `code`, without `.json`."""
    plain = "".join(code.split()).upper()
    return hashlib.sha256(plain.encode()).hexdigest()[:LOOKUP_HEX]


def write_lookups(store: FeedStore, public: PublicDossiers, *, seq: int, as_of: datetime) -> int:
    """Writes the shards whose dossiers changed and deletes those left without any; returns how many files changed."""
    head = orjson.dumps({"seq": seq, "as_of": as_of.astimezone(CITY_TIME).isoformat()})[:-1] + b',"dossiers":'
    stale = set(store.names(DIRECTORY))
    changed = 0
    for shard, dossiers in _shards(public):
        name = f"{shard}.json"
        body = orjson.dumps(dossiers) + b"}"
        if name in stale:
            stale.remove(name)
            held = store.read(f"{DIRECTORY}/{name}")
            if held is not None and held.endswith(b',"dossiers":' + body):
                continue
        # not flushed one by one: 4,096 flushes cost seconds, and the next version mends what a power cut takes
        store.replace(f"{DIRECTORY}/{name}", head + body, flush=False)
        changed += 1
    for name in stale:
        store.remove(f"{DIRECTORY}/{name}")
    return changed + len(stale)


def _shards(public: PublicDossiers) -> Iterator[tuple[str, dict[str, object]]]:
    """Shards in order of their names; Python objects exist for a block of shards at a time."""
    table = _sorted_by_shard(public)
    names = table["shard"].to_numpy()
    edges = np.flatnonzero(np.r_[True, names[1:] != names[:-1], True]) if len(names) else np.array([0])
    for block in range(0, len(edges) - 1, BLOCK_SHARDS):
        within = edges[block : block + BLOCK_SHARDS + 1].tolist()
        entries = _entries(table.slice(within[0], within[-1] - within[0]))
        for first, last in pairwise(within):
            yield str(names[first]), dict(entries[first - within[0] : last - within[0]])


def _sorted_by_shard(public: PublicDossiers) -> pa.Table:
    table = public.rows
    for date, time in TIMES.items():
        name = "updated_at" if date == "updated_on" else time
        table = table.set_column(table.column_names.index(date), name, public.times[time])
    shards = pa.array([shard_of(code) for code in table["code"].to_pylist()], type=pa.string())
    return table.append_column("steps", public.steps).append_column("shard", shards).sort_by("shard")


def _entries(table: pa.Table) -> list[tuple[str, dict[str, object]]]:
    """Code and entry of each row, keys in the order of the feed's row."""
    columns = table.drop_columns(["code", "shard"])
    values = [_values(name, column) for name, column in zip(columns.column_names, columns.columns, strict=True)]
    names = columns.column_names
    entries = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
    return list(zip(table["code"].to_pylist(), entries, strict=True))


def _values(name: str, column: pa.ChunkedArray) -> list[object]:
    if column.type == INSTANT:
        return list(_city_texts(column))
    if name == "steps":
        return [orjson.Fragment(text) for text in cast("list[str]", column.to_pylist())]  # a text column
    return list(column.to_pylist())


def _city_texts(instants: pa.ChunkedArray) -> list[str | None]:
    """ISO 8601 texts to the second with the city's offset."""
    local: npt.NDArray[np.datetime64] = city_time(instants).cast(pa.timestamp("s"), safe=False).to_numpy()
    # the city has kept +07:00 since 1975; older dates do not occur in a register of dossiers
    texts = np.char.add(np.datetime_as_string(local, unit="s"), "+07:00").tolist()
    return [None if text.startswith("NaT") else text for text in texts]
