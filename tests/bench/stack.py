"""What every measurement stands on: a stand-in city, an empty warehouse, and the command line over both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import requests

CHECKOUT = Path(__file__).parents[2]
REGISTRY = CHECKOUT / "include" / "motcua" / "registry"
AS_OF = "2018-12-25T17:00:00+07:00"


@dataclass(frozen=True, slots=True)
class BenchStack:
    """A running city and its reader."""

    environment: dict[str, str]
    database_url: str
    city_url: str
    city_start_seconds: float

    # the figures are JSON, shaped as the contract page `interfaces` says
    def cycle(self, *options: str, as_of: str = AS_OF) -> dict:
        """One `motcua cycle`; its summary, with `whole_seconds` of the process, imports included."""
        command = [sys.executable, "-m", "motcua.cli", "cycle", "--as-of", as_of, "--json", *options]
        began = time.monotonic()
        done = subprocess.run(
            command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        return {**json.loads(done.stdout), "whole_seconds": time.monotonic() - began}

    def move_clock(self, moment: str) -> None:
        """Moves the city to another moment."""
        requests.post(f"{self.city_url}/control/clock", json={"now": moment}, timeout=60).raise_for_status()

    def count(self, query: str) -> int:
        """One number from the warehouse."""
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def import_seconds(self) -> float:
        """How long importing alone takes."""
        return timed([sys.executable, "-c", "import motcua.quality, motcua.steps"], self.environment)


@contextmanager
def running(home: Path, *, scale: float, as_of: str = AS_OF, registry: Path = REGISTRY) -> Iterator[BenchStack]:
    """A stand-in city and a migrated, empty warehouse for the length of a block."""
    city_command = [
        sys.executable, "-m", "sandbox.city", "serve", "--port", "0", "--home", str(home / "city"),
        "--registry", str(registry), "--seed", "2018", "--scale", str(scale), "--as-of", as_of,
    ]  # fmt: skip
    environment = os.environ | {
        "MOTCUA_HOME": str(home),
        "MOTCUA_CONNECTIONS": str(home / "city" / "connections.json"),
        "MOTCUA_REGISTRY": str(registry),
    }
    server = [sys.executable, "-m", "motcua.warehouse.embedded", "--home", str(home)]
    began = time.monotonic()
    with subprocess.Popen(city_command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as city:
        try:
            address = _first_line(city).split()[-1]
            start_seconds = time.monotonic() - began
            with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, env=environment) as database:
                try:
                    url = json.loads(_first_line(database))["urls"]["motcua"]
                    environment |= {"MOTCUA_DATABASE_URL": url}
                    timed([sys.executable, "-m", "motcua.cli", "prepare"], environment)
                    yield BenchStack(environment, url, address, start_seconds)
                finally:
                    database.send_signal(signal.SIGTERM)
        finally:
            city.send_signal(signal.SIGTERM)
            shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of a command that succeeds."""
    began = time.monotonic()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    return time.monotonic() - began


def stages(summary: dict) -> dict[str, dict]:
    """The stages of a cycle's summary by name."""
    return {stage["name"]: stage for stage in summary["stages"]}


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args} ended before it was ready")
    return line
