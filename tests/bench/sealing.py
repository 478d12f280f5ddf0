"""What sealing costs of collecting: the same readings with pages kept as collecting keeps them, and with none kept."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import zstandard
from motcua.connections import EnvironmentConnections
from motcua.landing import Archive
from motcua.landing.archive import LEVEL
from motcua.landing.seal import Seal
from motcua.platforms import PLATFORMS, Window
from motcua.registry import Source, load_registry
from motcua.steps.collect import CONCURRENCY

from tests.bench.stack import AS_OF, running
from tests.bench.whole_city import Rows

EVERYTHING = Window(since=None, until=datetime.fromisoformat(AS_OF))
# with and without by turns: what else the machine does falls on both alike
ROUNDS = 3


def measure(home: Path, scale: float) -> Rows:
    """Reads all sources `ROUNDS` times with and without keeping, side by side as collecting does; no rate limits."""
    sources = list(load_registry().sources.values())
    with running(home, scale=scale):
        connections = EnvironmentConnections({}, home / "city" / "connections.json")
        bodies: list[bytes] = []
        _read(sources, connections, lambda body: _noted(bodies, body))  # what is slow the first time is over
        within: list[float] = []
        kept = bare = 0.0
        for number in range(ROUNDS):
            archive = Archive((home / f"pages-{number}").as_uri(), secrets.token_bytes(32))
            kept += _read(sources, connections, lambda body, put=archive.put: _timed(within, put, body))
            bare += _read(sources, connections, lambda body: hashlib.sha256(body).hexdigest())
    reading = kept / ROUNDS
    return [
        ("keeping pages, of collecting", f"{(kept - bare) / kept:.1%} ({bare:.1f} s, {kept:.1f} s)", "≤ 15 %"),
        ("  time within it, of all threads' time", f"{sum(within) / (kept * CONCURRENCY):.1%}", ""),
        ("  pages", f"{len(bodies)}, {sum(map(len, bodies)) / 1024 / 1024:.1f} MB", ""),
        *((f"  {name}, one after the other", f"{part / reading:.2%}", "") for name, part in _parts(bodies).items()),
    ]


def _noted(bodies: list[bytes], body: bytes) -> str:
    bodies.append(body)
    return hashlib.sha256(body).hexdigest()


def _timed(within: list[float], put: Callable[[bytes], str], body: bytes) -> str:
    began = time.perf_counter()
    sha256 = put(body)
    within.append(time.perf_counter() - began)
    return sha256


def _read(sources: Sequence[Source], connections: EnvironmentConnections, keep: Callable[[bytes], str]) -> float:
    """Seconds to list every source in full."""

    def read(source: Source) -> None:
        quick = replace(source, rate_per_second=1_000, time_budget_seconds=600)
        PLATFORMS[source.platform].read_listing(quick, connections.get(source.connection), EVERYTHING, keep=keep)

    began = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(read, sources))
    return time.perf_counter() - began


def _parts(bodies: Sequence[bytes]) -> dict[str, float]:
    """Seconds of compressing and of sealing the same pages; the rest of keeping is writing and flushing."""
    compressor, seal = zstandard.ZstdCompressor(level=LEVEL), Seal(secrets.token_bytes(32))
    began = time.perf_counter()
    compressed = [compressor.compress(body) for body in bodies]
    between = time.perf_counter()
    for body in compressed:
        seal.seal(body, "page")
    return {"compressing": between - began, "sealing": time.perf_counter() - between}
