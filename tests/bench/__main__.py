"""One measured run: the whole city into an empty warehouse, again on the same data, and COPY of the same rows.

python -m tests.bench [--scale 1.0]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from tests.bench.copy_baseline import seconds_to_copy

AS_OF = "2018-12-25T17:00+07:00"
CHECKOUT = Path(__file__).parents[2]
out = Console(highlight=False)


def main() -> None:
    """Runs everything once and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=main.__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the whole city")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory(prefix="motcua-bench-") as place:
        rows = _measure(Path(place), scale)
    table = Table("figure", "measured", "bar", title=f"scale {scale}")
    for name, measured, bar in rows:
        table.add_row(name, measured, bar)
    out.print(table)


def _measure(home: Path, scale: float) -> list[tuple[str, str, str]]:
    """Two empty warehouses: one to load and compare, one to load and push from."""
    with _stack(home / "load", scale) as (environment, url, start_seconds):
        rows = [("stand-in city: start", f"{start_seconds:.1f} s", "a few s"), *_load(environment, url)]
    with _stack(home / "push", scale) as (environment, url, _):
        whole = _cycle(environment)
        again = _cycle(environment)
        messages = _count(
            url, "SELECT count(*) FROM api.delivery WHERE queued_at > (SELECT max(started_at) FROM api.cycle)"
        )
    stages = {stage["name"]: stage for stage in whole["stages"]}
    return [
        *rows,
        ("cycle with push", f"{whole['seconds']:.1f} s", "≤ 120 s"),
        ("  drain", f"{stages['drain']['seconds']:.1f} s", ""),
        ("second cycle", f"{again['seconds']:.1f} s", "≤ 90 s"),
        ("  new versions", str(again["versions_new"]), "0"),
        ("  new messages", str(messages), "0"),
        ("  feed changes", str(again["feed"]["changed"]), "0"),
    ]


def _load(environment: dict[str, str], url: str) -> list[tuple[str, str, str]]:
    import_seconds = _timed([sys.executable, "-c", "import motcua.quality, motcua.steps"], environment)
    whole = _cycle(environment, "--no-push")
    stages = {stage["name"]: stage for stage in whole["stages"]}
    copy_seconds = seconds_to_copy(url)
    load = stages["consolidate"]["seconds"]
    return [
        ("imports alone", f"{import_seconds:.1f} s", ""),
        ("received / online", f"{whole['received']} / {whole['online']}", "92118 / 13342"),
        ("cycle without push", f"{whole['seconds']:.1f} s", "≤ 75 s"),
        *((f"  {name}", f"{stage['seconds']:.1f} s", "") for name, stage in stages.items()),
        ("collect: memory", f"{stages['collect']['peak_memory_mb']} MB", "≤ 512 MiB"),
        ("judge: memory", f"{stages['judge']['peak_memory_mb']} MB", "≤ 768 MiB"),
        ("load", f"{load:.1f} s", "≤ 25 s"),
        ("load ÷ COPY of the same rows", f"{load / copy_seconds:.1f}× ({copy_seconds:.1f} s)", "≤ 6×"),
    ]


@contextmanager
def _stack(home: Path, scale: float) -> Iterator[tuple[dict[str, str], str, float]]:
    """A stand-in city and a migrated, empty warehouse: environment, URL, and how long the city took to start."""
    registry = CHECKOUT / "include" / "motcua" / "registry"
    city_command = [
        sys.executable, "-m", "sandbox.city", "serve", "--port", "0", "--home", str(home / "city"),
        "--registry", str(registry), "--seed", "2018", "--scale", str(scale), "--as-of", AS_OF,
    ]  # fmt: skip
    environment = os.environ | {"MOTCUA_HOME": str(home), "MOTCUA_CONNECTIONS": str(home / "city" / "connections.json")}
    server = [sys.executable, "-m", "motcua.warehouse.embedded", "--home", str(home)]
    began = time.monotonic()
    with subprocess.Popen(city_command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as city:
        try:
            _first_line(city)
            start_seconds = time.monotonic() - began
            with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, env=environment) as database:
                try:
                    url = json.loads(_first_line(database))["urls"]["motcua"]
                    environment |= {"MOTCUA_DATABASE_URL": url}
                    _timed([sys.executable, "-m", "motcua.cli", "prepare"], environment)
                    yield environment, url, start_seconds
                finally:
                    database.send_signal(signal.SIGTERM)
        finally:
            city.send_signal(signal.SIGTERM)
            shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


def _count(url: str, query: str) -> int:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


# the figures are JSON, shaped as the contract page `interfaces` says
def _cycle(environment: dict[str, str], *options: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "motcua.cli", "cycle", "--as-of", AS_OF, "--json", *options],
        env=environment, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT,
    )  # fmt: skip
    return json.loads(done.stdout)


def _timed(command: list[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    return time.monotonic() - began


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args} ended before it was ready")
    return line


if __name__ == "__main__":
    main()
