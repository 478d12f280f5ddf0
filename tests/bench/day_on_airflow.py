"""A day's changes of the whole city through Airflow: published, delivered and followed by the city portal."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from pathlib import Path

from sandbox.stack import Plan, running
from tests.bench.one_day import TODAY, YESTERDAY
from tests.bench.whole_city import Rows
from tests.e2e.conftest import Silence
from tests.sandbox.city_client import CityClient


def measure(home: Path, scale: float) -> Rows:
    """Reads the city as of one evening, then as of the next."""
    try:
        with running(Plan(home=home, scale=scale, as_of=YESTERDAY)) as stack:
            stack.cycle(Silence(), as_of=YESTERDAY)
            connections = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
            city = CityClient(stack.urls["city"], connections)
            with closing(city.http):
                city.move_clock(TODAY)
            began = time.monotonic()
            stack.cycle(Silence(), as_of=TODAY)
            seconds = time.monotonic() - began
            parts = [(f"  {name}", f"{taken:.1f} s", "") for name, taken in stack.seconds.items()]
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home
    return [("a day on Airflow", f"{seconds:.1f} s", "≤ 60 s"), *parts]
