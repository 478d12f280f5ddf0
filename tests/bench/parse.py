"""All DAG files, parsed as Airflow's processor does, in a process that may not reach network or database."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.bench.whole_city import Rows
from tests.dags.conftest import parse_dags

TIMES = 5


def measure(home: Path, scale: float) -> Rows:
    """The middle one of several parses, each in a new process; Airflow's own import is not part of it."""
    del scale  # the files are what they are
    seconds = [parse_dags(home / str(number))["seconds"] for number in range(TIMES)]
    return [("parsing every DAG file", f"{statistics.median(seconds):.2f} s", "≤ 3 s")]
