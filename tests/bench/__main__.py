"""What the bars are about, measured: everything, or some of it by name.

python -m tests.bench [whole_city one_day day_on_airflow quiet_cycle parse pages platforms large_source feed push
                      rebuild sealing rules_try quarantine_replay] [--scale 1.0]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import (
    day_on_airflow,
    feed,
    large_source,
    one_day,
    pages,
    parse,
    platforms,
    push,
    quiet_cycle,
    rebuild,
    rule_changes,
    sealing,
    whole_city,
)

MEASUREMENTS = {
    "whole_city": whole_city.measure,
    "one_day": one_day.measure,
    "day_on_airflow": day_on_airflow.measure,
    "quiet_cycle": quiet_cycle.measure,
    "parse": parse.measure,
    "pages": pages.measure,
    "platforms": platforms.measure,
    "large_source": large_source.measure,
    "feed": feed.measure,
    "rebuild": rebuild.measure,
    "sealing": sealing.measure,
    "rules_try": rule_changes.measure_trial,
    "quarantine_replay": rule_changes.measure_replay,
    "push": push.measure,
}


def main() -> None:
    """Runs each measurement once, in a home of its own, and prints a table of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all, when absent")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the whole city")
    given = parser.parse_args()
    if unknown := set(given.names) - MEASUREMENTS.keys():
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    for name in given.names or MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix="motcua-bench-") as place:
            rows = MEASUREMENTS[name](Path(place), given.scale)
        table = Table("figure", "measured", "bar", title=f"{name}, scale {given.scale}")
        for row in rows:
            table.add_row(*row)
        Console(highlight=False, width=150).print(table)


if __name__ == "__main__":
    main()
