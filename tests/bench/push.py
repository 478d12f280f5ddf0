"""Pushing the whole outbox, beside a bare client that posts the very same bodies to the same kind of portal."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import requests
from motcua import warehouse
from motcua.connections import Connection
from motcua.publishing import government
from motcua.publishing.government import Outcome
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.warehouse import Role
from requests.adapters import HTTPAdapter

from tests.bench.slow_portal import MOST_AT_ONCE, PAUSE_SECONDS
from tests.bench.stack import AS_OF, CHECKOUT, BenchStack, running
from tests.bench.whole_city import Rows

NO_RATE = 1e6  # the pause and the connections are the only limits here


def measure(home: Path, scale: float) -> Rows:
    """Reads the city without pushing, drains it to the slow portal, then posts the same bodies with nothing else."""
    bodies = home / "bodies"
    with running(home, scale=scale) as stack:
        stack.cycle("--no-push")
        with _portal("--keep", str(bodies)) as url:
            outcome, pushing = _push(stack, url)
    posts = bodies.read_bytes().splitlines()
    with _portal("--keep", str(home / "again")) as url:  # the same work for the portal
        posting = _post(url, posts)
    share = (len(posts) / pushing) / (len(posts) / posting)
    return [
        ("sender's rate, of a bare client's", f"{share:.1%}", "≥ 80 %"),
        ("  sender", f"{len(posts) / pushing:.0f} calls/s ({pushing:.1f} s)", ""),
        ("  bare client", f"{len(posts) / posting:.0f} calls/s ({posting:.1f} s)", ""),
        ("  limit of the portal", f"{MOST_AT_ONCE / PAUSE_SECONDS:.0f} calls/s", ""),
        ("  calls, megabytes", f"{len(posts)}, {sum(map(len, posts)) / 1e6:.0f}", ""),
        ("  dossiers, steps", f"{outcome.accepted}, {outcome.steps}", ""),
        ("  left over", str(outcome.queued), "what the portal would refuse"),
    ]


def _push(stack: BenchStack, url: str) -> tuple[Outcome, float]:
    """One drain and its seconds."""
    settings = Settings.from_environment(stack.environment)
    extra = {"auth_endpoint": "/auth", "integration_endpoint": "/integration", "madonvi": "H24", "dstcode": "x"}
    place = Connection(id="government_portal", host=url, login="user", password="password", extra=extra)
    engine = warehouse.engine(settings, Role.SENDER)
    registry = load_registry(settings.registry)
    began = time.perf_counter()
    outcome = government.drain(
        engine, place, registry, clock=lambda: datetime.fromisoformat(AS_OF), rate_per_second=NO_RATE,
        connections=MOST_AT_ONCE,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    engine.dispose()
    return outcome, seconds


def _post(url: str, bodies: list[bytes]) -> float:
    """Seconds to post them over as many connections, without looking at anything but the status."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=MOST_AT_ONCE, pool_block=True))

    def post(body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        session.post(f"{url}/integration", data=body, headers=headers, timeout=60).raise_for_status()

    began = time.perf_counter()
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        list(pool.map(post, bodies))
    return time.perf_counter() - began


@contextmanager
def _portal(*options: str) -> Iterator[str]:
    """A slow portal in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.bench.slow_portal", *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)
