"""Look-up shards: progress by dossier code, in files named by the first hex digits of the code's SHA-256.

A shard says in `seq` and `as_of` which version wrote it last. A shard whose dossiers did not change keeps its file:
it is as current as `index.json`, since every version compares every shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from motcua.publishing.city_feed.dossiers import TIMES, PublicDossiers, city_time
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.reading import CITY_TIME

LOOKUP_HEX = 3
DIRECTORY = "lookup"
_AT = {**TIMES, "updated_on": "updated_at"}


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
    """Shards in order of their names; builds one at a time, so that memory holds one."""
    codes = public.rows["code"].to_pylist()
    names = np.array([shard_of(code) for code in codes], dtype=f"U{LOOKUP_HEX}")
    order = np.argsort(names, kind="stable")
    edges = np.flatnonzero(np.r_[True, names[order][1:] != names[order][:-1], True]) if len(order) else np.array([0])
    facts, steps, bounds = _facts(public), _steps(public), _step_bounds(codes, public.steps)
    keys = [*facts, "steps"]
    agencies = public.rows["agency_name"].to_pylist()
    columns = list(facts.values())
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        dossiers: dict[str, object] = {}
        for position in order[first:last].tolist():
            agency, start, stop = agencies[position], bounds[position], bounds[position + 1]
            trail = [{"at": at, "agency": agency, "status": status} for at, status in steps[start:stop]]
            dossiers[codes[position]] = dict(zip(keys, [*(column[position] for column in columns), trail], strict=True))
        yield str(names[order[first]]), dossiers


def _facts(public: PublicDossiers) -> dict[str, list[object]]:
    """Columns of an entry in the order of the row, times in place of dates."""
    facts: dict[str, list[object]] = {}
    for name in public.rows.column_names[1:]:
        if name in TIMES:
            facts[_AT[name]] = city_texts(public.times[TIMES[name]])
        else:
            facts[name] = public.rows[name].to_pylist()
    return facts


def _steps(public: PublicDossiers) -> list[tuple[str | None, int]]:
    return list(zip(city_texts(public.steps["at"]), public.steps["status"].to_pylist(), strict=True))


def _step_bounds(codes: list[str], steps: pa.Table) -> list[int]:
    """Where the steps of the n-th code begin; both lists are sorted by code, and every step has its code."""
    counts = {entry["values"]: entry["counts"] for entry in steps["code"].value_counts().to_pylist()}
    return [0, *np.cumsum([counts.get(code, 0) for code in codes], dtype=np.int64).tolist()]


def city_texts(instants: pa.ChunkedArray) -> list[str | None]:
    """ISO 8601 texts to the second with the city's offset."""
    local: npt.NDArray[np.datetime64] = city_time(instants).cast(pa.timestamp("s"), safe=False).to_numpy()
    # the city has kept +07:00 since 1975; older dates do not occur in a register of dossiers
    texts = np.char.add(np.datetime_as_string(local, unit="s"), "+07:00").tolist()
    return [None if text.startswith("NaT") else text for text in texts]
